// When and where animals were met: a table and a map.

import { button, el } from "../../dom.js";
import { count, dayText, when } from "../../formatting.js";
import { map } from "../../map.js";
import { table, tableRow, hiddenHead } from "../../tables.js";
import { t } from "../../texts.js";
import { editEncounter } from "./encounters.js";

// `showPhotos` gets a sighting whose photos are to be seen.
export function sightingTable(sightings, { again, showPhotos }) {
  if (!sightings.length) return el("p", {}, t("sightings.none"));
  // A column without any value is left out: a phone has no room for it.
  const columns = [
    [t("sightings.where"), (each) => each.place],
    [t("common.region"), (each) => each.region],
    [t("common.observer"), (each) => each.observer],
    [t("common.notes"), notes],
  ].filter(([, of]) => sightings.some(of));
  const heads = columns.map(([head]) => head);
  return table(
    [
      t("sightings.when"),
      t("common.encounter"),
      ...heads,
      t("common.photos"),
      hiddenHead(t("common.actions")),
    ],
    sightings.map((each) =>
      tableRow([
        when(each.at) || t("sightings.noDate"),
        each.encounter || "",
        ...columns.map(([, of]) => of(each) || ""),
        button(String(each.photos), () => showPhotos(each), {
          class: "quiet small",
          "aria-label": t("sightings.show", {
            photos: count(each.photos, "photo"),
            name: nameOf(each),
          }),
        }),
        each.encounter_key
          ? button(
              t("common.edit"),
              () =>
                editEncounter({ ...each, name: each.encounter, key: each.encounter_key }, again),
              {
                class: "quiet small",
                "aria-label": t("encounter.edit", { name: each.encounter }),
              },
            )
          : "",
      ]),
    ),
  );
}

const nameOf = (each) => each.encounter || dayText(each.at) || t("sightings.unknownDay");

function notes(each) {
  if (!each.notes) return null;
  return [el("span", { class: "written" }, each.notes), author(each.notes_by, each.notes_at)];
}

export function author(name, at) {
  const text = [name, dayText(at)].filter(Boolean).join(", ");
  return text ? el("span", { class: "author" }, ` (${text})`) : null;
}

// Resolves to the map, or to what stands in its place.
export async function sightingMap(sightings, label) {
  const dated = sightings.filter((each) => each.position);
  const points = dated.map((each, at) => ({
    ...each.position,
    isLast: at === 0,
    label: [each.individual, when(each.at), each.place || each.region].filter(Boolean).join(" · "),
  }));
  // The newest sighting is drawn last, above the others.
  const drawn = await map(points.reverse(), {
    label: t("sightings.mapOf", { label, count: points.length }),
  });
  if (!drawn) return el("p", {}, t("sightings.noPositions"));
  const without = sightings.length - dated.length;
  const note = t(without ? "sightings.without" : "sightings.lastOrange", { count: without });
  return [drawn, el("p", { class: "heading-note" }, note)];
}
