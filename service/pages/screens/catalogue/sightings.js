// When and where animals were met: a table and a map.

import { button, el } from "../../dom.js";
import { count, day, when } from "../../formatting.js";
import { map } from "../../map.js";
import { table, tableRow, hiddenHead } from "../../tables.js";
import { editEncounter } from "./encounters.js";

// `showPhotos` gets a sighting whose photos are to be seen.
export function sightingTable(sightings, { again, showPhotos }) {
  if (!sightings.length) return el("p", {}, "No sightings yet.");
  // A column without any value is left out: a phone has no room for it.
  const columns = [
    ["Where", (each) => each.place],
    ["Region", (each) => each.region],
    ["Observer", (each) => each.observer],
    ["Notes", notes],
  ].filter(([, of]) => sightings.some(of));
  const heads = columns.map(([head]) => head);
  return table(
    ["When", "Encounter", ...heads, "Photos", hiddenHead("Actions")],
    sightings.map((each) =>
      tableRow([
        when(each.at) || "no date",
        each.encounter || "",
        ...columns.map(([, of]) => of(each) || ""),
        button(String(each.photos), () => showPhotos(each), {
          class: "quiet small",
          "aria-label": `Show ${count(each.photos, "photo")} of ${nameOf(each)}`,
        }),
        each.encounter_key
          ? button(
              "Edit",
              () =>
                editEncounter({ ...each, name: each.encounter, key: each.encounter_key }, again),
              {
                class: "quiet small",
                "aria-label": `Edit the encounter ${each.encounter}`,
              },
            )
          : "",
      ]),
    ),
  );
}

const nameOf = (each) => each.encounter || day(each.at) || "an unknown day";

function notes(each) {
  if (!each.notes) return null;
  return [el("span", { class: "written" }, each.notes), author(each.notes_by, each.notes_at)];
}

export function author(name, at) {
  const text = [name, day(at)].filter(Boolean).join(", ");
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
    label: `${label}: ${count(points.length, "place")}`,
  });
  if (drawn) {
    const without = sightings.length - dated.length;
    const note = without ? `${count(without, "sighting")} without a position.` : null;
    return [
      drawn,
      el(
        "p",
        { class: "heading-note" },
        note ? `${note} The last one is orange.` : "The last one is orange.",
      ),
    ];
  }
  return el(
    "p",
    {},
    "No positions to show. Write coordinates into Where, such as 42.36, -70.31. ",
    "Others than curators see a region's position only.",
  );
}
