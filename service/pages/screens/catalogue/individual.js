// One individual: its photos, encounters, years and changes, and the buttons that correct it.

import { path, send } from "../../api.js";
import { show } from "../../dialog.js";
import { actionButton, button, el, put } from "../../dom.js";
import {
  displayName,
  empty,
  enlargeButton,
  fetchAll,
  heading,
  individualLink,
  loadInto,
  photoTile,
} from "../../widgets.js";
import { count, day, photoName, species } from "../../formatting.js";
import { encounterTable } from "./encounters.js";
import { changeList } from "./history.js";
import { deletePhoto, edit, mergeAway, move, rename, split } from "./individual_acts.js";
import { timeline } from "./timeline.js";

export async function individual(screen, { rest, signal }) {
  const name = rest.join("/");
  const again = () => individual(screen, { rest, signal });
  const answer = await send("GET", path("individuals", name), { signal });
  const etag = answer.headers.get("ETag");
  const one = await answer.json();
  const places = { photos: el("div"), encounters: el("div"), years: el("div"), changes: el("div") };
  put(
    screen,
    el("p", { class: "back" }, el("a", { href: "#/individuals" }, "← All individuals")),
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
          "This individual was merged into ",
          individualLink(one.merged_into),
          ". Its photos are there.",
        )
      : null,
    facts(one),
    one.merged_into
      ? null
      : el(
          "p",
          { class: "acts" },
          button("Edit", () => edit(one, etag, again)),
          button("Rename", () => rename(one)),
          button("Merge into …", () => mergeAway(one)),
        ),
    section("Photos", places.photos),
    section("Timeline", places.years),
    section("Encounters", places.encounters),
    section("Changes", places.changes),
  );
  const photos = fetchAll(
    "/v1/catalogue/photos",
    { individual: name, state: "catalogued" },
    "photos",
    { signal },
  );
  await Promise.all([
    loadInto(places.photos, async () => photoChoice(one, await photos, again)),
    loadInto(places.years, async () => timeline(await photos)),
    loadInto(places.encounters, async () =>
      encounterTable(
        await fetchAll("/v1/encounters", { individual: name }, "encounters", { signal }),
        again,
      ),
    ),
    loadInto(places.changes, () =>
      changeList(
        { subject: name, limit: 10 },
        { signal, again, none: () => el("p", {}, "No changes yet.") },
      ),
    ),
  ]);
}

function section(title, place) {
  return el("section", {}, el("h2", {}, title), place);
}

function facts(one) {
  const entries = [
    ["Species", species(one.species)],
    ["Sex", one.sex],
    ["First seen", day(one.first_seen)],
    ["Last seen", day(one.last_seen)],
    ["Also called", (one.other_names || []).join(", ")],
    ["Notes", one.notes],
  ].filter(([, value]) => value);
  return entries.length
    ? el(
        "dl",
        { class: "facts-list" },
        entries.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))),
      )
    : null;
}

function photoChoice(one, photos, again) {
  if (!photos.length)
    return empty(
      "No photos",
      "Confirm photos as this individual on the review screen, or move photos here.",
      el("a", { href: "#/review" }, "Go to review"),
    );
  const boxes = photos.map((card) =>
    el("input", {
      type: "checkbox",
      "aria-label": `Select ${photoName(card.name)}`,
      onchange: drawActs,
    }),
  );
  const acts = el("div", { class: "choice", role: "group", "aria-label": "The selected photos" });
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
          el("label", { class: "check" }, boxes[at], "Select"),
          enlargeButton(card, show),
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
          ? `${count(names.length, "photo")} selected`
          : "Select photos to move them or split them off",
      ),
      button(names.length === photos.length ? "Select none" : "Select all", selectAll, {
        class: "quiet small",
      }),
      names.length
        ? [
            button("Move to …", () => move(names, again), { class: "small" }),
            button("Split off …", () => split(one, names, again), {
              class: "small",
              disabled: names.length === photos.length,
              title:
                names.length === photos.length
                  ? "One photo must stay. Rename the individual instead."
                  : null,
            }),
            names.length === 1
              ? actionButton("Delete", () => deletePhoto(names[0], again), {
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
