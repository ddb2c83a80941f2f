// One individual: who it is, its photos, sightings, map and changes, and what corrects them.

import { get, path, send } from "../../api.js";
import { actionButton, button, el, put } from "../../dom.js";
import {
  displayName,
  empty,
  fetchAll,
  heading,
  individualLink,
  loadInto,
  photoTile,
} from "../../widgets.js";
import { count, day, photoName } from "../../formatting.js";
import { gallery } from "../../gallery.js";
import { pairAddress } from "../../photo_pair.js";
import { t, tNodes } from "../../texts.js";
import { changeList } from "./history.js";
import { deletePhoto, edit, editPhoto, mergeAway, move, rename, split } from "./individual_acts.js";
import { profile } from "./profile.js";
import { sightingMap, sightingTable } from "./sightings.js";
import { timeline } from "./timeline.js";

export async function individual(screen, { rest, signal }) {
  const name = rest.join("/");
  const again = () => individual(screen, { rest, signal });
  const answer = await send("GET", path("individuals", name), { signal });
  const etag = answer.headers.get("ETag");
  const one = await answer.json();
  const ownName = one.name;
  const { summary } = await get("/v1/sightings", { individual: ownName, limit: 1 }, { signal });
  const places = Object.fromEntries(
    ["photos", "sightings", "map", "years", "changes"].map((each) => [each, el("div")]),
  );
  put(
    screen,
    el("p", { class: "back" }, el("a", { href: "#/individuals" }, t("individual.all"))),
    heading(
      displayName(one),
      el(
        "span",
        { class: "heading-note" },
        one.display_name && one.display_name !== one.name ? one.name : "",
      ),
    ),
    one.merged_into
      ? el(
          "p",
          { class: "note" },
          tNodes("individual.mergedInto", { individual: individualLink(one.merged_into) }),
        )
      : null,
    profile(one, summary),
    one.merged_into
      ? null
      : el(
          "p",
          { class: "acts" },
          button(t("common.edit"), () => edit(one, etag, again)),
          button(t("individual.rename"), () => rename(one)),
          button(t("individual.mergeAct"), () => mergeAway(one)),
        ),
    section(t("common.photos"), places.photos),
    section(t("individual.sightings"), places.sightings),
    section(t("individual.timeline"), places.years),
    section(t("individual.map"), places.map),
    section(t("individual.changes"), places.changes),
  );
  const photos = fetchAll(
    "/v1/catalogue/photos",
    { individual: name, state: "catalogued" },
    "photos",
    { signal },
  );
  const sightings = fetchAll("/v1/sightings", { individual: name }, "sightings", { signal });
  const showPhotos = async (sighting) => {
    const own = (await photos).filter((card) => isOf(card, sighting));
    if (own.length) gallery(own, 0, actsOf(again));
  };
  await Promise.all([
    loadInto(places.photos, async () => photoChoice(one, await photos, again)),
    loadInto(places.years, async () => timeline(await photos)),
    loadInto(places.sightings, async () => sightingTable(await sightings, { again, showPhotos })),
    loadInto(places.map, async () =>
      sightingMap(await sightings, t("individual.whereMet", { name: displayName(one) })),
    ),
    loadInto(places.changes, () =>
      changeList(
        { subject: name, limit: 10 },
        { signal, again, none: () => el("p", {}, t("individual.noChanges")) },
      ),
    ),
  ]);
}

// Whether a photo is of a sighting: of its encounter, or of its day where it names none.
function isOf(card, sighting) {
  if (sighting.encounter_key) return card.encounter_key === sighting.encounter_key;
  return !card.encounter_key && day(card.taken_at) === day(sighting.at);
}

const actsOf = (again) => (card, close) =>
  button(
    t("individual.editPhotoAct"),
    () =>
      editPhoto(card, async () => {
        close();
        await again();
      }),
    { class: "quiet" },
  );

function section(title, place) {
  return el("section", {}, el("h2", {}, title), place);
}

function photoChoice(one, photos, again) {
  if (!photos.length)
    return empty(
      t("individual.noPhotos"),
      t("individual.noPhotosText"),
      el("a", { href: "#/review" }, t("common.goToReview")),
    );
  const boxes = photos.map((card) =>
    el("input", {
      type: "checkbox",
      "aria-label": t("individual.selectOne", { name: photoName(card.name) }),
      onchange: drawActs,
    }),
  );
  const acts = el("div", {
    class: "choice",
    role: "group",
    "aria-label": t("individual.selected"),
  });
  const chosen = () => photos.filter((_card, at) => boxes[at].checked).map((card) => card.name);
  const tiles = photos.map((card, at) =>
    el(
      "li",
      {},
      photoTile(
        card,
        el(
          "span",
          { class: "tile-acts" },
          el("label", { class: "check" }, boxes[at], t("individual.select")),
          button(t("common.enlarge"), () => gallery(photos, at, actsOf(again)), {
            class: "quiet small",
            "aria-label": t("common.enlargeOne", { name: photoName(card.name) }),
          }),
        ),
      ),
    ),
  );
  drawActs();
  return [acts, el("ul", { class: "tiles" }, tiles)];

  function drawActs() {
    const names = chosen();
    put(
      acts,
      el(
        "span",
        { class: "heading-note" },
        names.length
          ? t("individual.selectedCount", { count: names.length })
          : t("individual.selectHint"),
      ),
      button(
        names.length === photos.length ? t("individual.selectNone") : t("individual.selectAll"),
        selectAll,
        {
          class: "quiet small",
        },
      ),
      names.length
        ? [
            button(t("individual.moveAct"), () => move(names, again), { class: "small" }),
            button(t("individual.splitAct"), () => split(one, names, again), {
              class: "small",
              disabled: names.length === photos.length,
              title: names.length === photos.length ? t("individual.oneMustStay") : null,
            }),
            names.length === 2
              ? button(t("common.compareTwo"), () => (location.hash = pairAddress(...names)), {
                  class: "small",
                })
              : null,
            names.length === 1
              ? actionButton(t("individual.delete"), () => deletePhoto(names[0], again), {
                  class: "small danger",
                })
              : null,
          ]
        : null,
    );
  }

  function selectAll() {
    const isAll = chosen().length === photos.length;
    for (const box of boxes) box.checked = !isAll;
    drawActs();
    acts.querySelector("button").focus();
  }
}
