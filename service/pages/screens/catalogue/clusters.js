// Groups of similar photos of unknown animals: each may become one new individual.

import { get, path, post } from "../../api.js";
import { makeIndividual } from "../../curation.js";
import { actionButton, el } from "../../dom.js";
import { count, distance, photoName } from "../../formatting.js";
import { notify } from "../../notify.js";
import { thumbnail, urlOf } from "../../photo.js";
import { empty } from "../../widgets.js";

export async function clusters({ signal, again }) {
  const found = await get("/v1/clusters", { limit: 50 }, { signal });
  if (!found.clusters.length)
    return empty(
      "No similar unknown photos",
      "Similar photos of unknown animals are grouped here. Each group may be one new individual.",
    );
  return [
    el("p", {}, "Each group has similar photos of unknown animals, and may be one new individual."),
    el(
      "ul",
      { class: "clusters" },
      found.clusters.map((each) => cluster(each, again)),
    ),
  ];
}

function cluster({ photos, distance: widest }, again) {
  const boxes = photos.map((photo) =>
    el("input", {
      type: "checkbox",
      checked: true,
      "aria-label": `Include ${photoName(photo.name)}`,
    }),
  );
  const chosen = () => photos.filter((_photo, at) => boxes[at].checked);
  return el(
    "li",
    { class: "cluster" },
    el(
      "p",
      { class: "figures" },
      el("b", {}, count(photos.length, "photo")),
      el("span", { class: "distance" }, ` within distance ${distance(widest)}`),
    ),
    el(
      "ul",
      { class: "tiles" },
      photos.map((photo, at) => tile(photo, boxes[at])),
    ),
    el(
      "p",
      { class: "acts" },
      actionButton("New individual …", () => makeOf(chosen(), again), { class: "first" }),
    ),
  );
}

function tile(photo, box) {
  const label = el("label", { class: "check" }, box, photoName(photo.name));
  return el(
    "li",
    {},
    el(
      "figure",
      { class: "tile" },
      thumbnail(photo.url || urlOf(photo.name), photo.name),
      el("figcaption", {}, label),
    ),
  );
}

async function makeOf(photos, again) {
  if (!photos.length) {
    notify("Select at least one photo.");
    return;
  }
  const number = count(photos.length, "photo");
  const name = await makeIndividual(`The new individual begins with ${number}.`, (individual) =>
    assign(photos, individual),
  );
  if (!name) return;
  await again();
  window.dispatchEvent(new Event("flukeprint:changed"));
  notify(`${name} has ${number}. You can undo this in the history.`);
}

// Waiting photos are confirmed, catalogued photos of unknown animals are moved.
async function assign(photos, individual) {
  const cards = await Promise.all(photos.map((photo) => (photo.state ? photo : withState(photo))));
  const events = [];
  for (const card of cards.filter((each) => each.state === "waiting"))
    events.push(await post(path("queue", card.name, "confirm"), { individual }));
  const catalogued = cards.filter((each) => each.state !== "waiting").map((each) => each.name);
  if (catalogued.length)
    events.push(await post("/v1/catalogue/photos/move", { photos: catalogued, individual }));
  return events;
}

async function withState(photo) {
  const waiting = await get("/v1/catalogue/photos", { state: "waiting", limit: 200 });
  const found = waiting.photos.find((each) => each.name === photo.name);
  return found || { ...photo, state: "catalogued" };
}
