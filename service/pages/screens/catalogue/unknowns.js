// Animals that nobody knows: their photos by likeness, and one act that makes an individual of a
// group.

import { post } from "../../api.js";
import { announce, makeIndividual } from "../../curation.js";
import { actionButton, button, el, put } from "../../dom.js";
import { count, day, distance, photoName, species } from "../../formatting.js";
import { gallery } from "../../gallery.js";
import { notify } from "../../notify.js";
import { thumbnail, urlOf } from "../../photo.js";
import { empty, heading, loadInto, pagedList } from "../../widgets.js";

const PAGE = 24;

export async function unknowns(screen, { signal }) {
  const place = el("div");
  put(
    screen,
    heading("Unknown animals"),
    el(
      "p",
      {},
      "Photos whose animal nobody knows, similar ones together. ",
      "Each group may be one new individual.",
    ),
    place,
  );
  const again = () =>
    loadInto(place, () =>
      pagedList(
        "/v1/unknown",
        { limit: PAGE },
        {
          things: "groups",
          one: (group) => entry(group, again),
          signal,
          holder: el("ul", { class: "clusters", "aria-label": "Groups of similar photos" }),
          none: () =>
            empty(
              "No unknown animals",
              "Photos of animals that nobody knows are shown here, in groups of similar ones.",
              el("a", { href: "#/review" }, "Go to review"),
            ),
        },
      ),
    );
  await again();
}

function entry({ photos, photo_count: total, distance: widest }, again) {
  const boxes = photos.map((photo) =>
    el("input", {
      type: "checkbox",
      checked: true,
      "aria-label": `Include ${photoName(photo.name)}`,
    }),
  );
  const chosen = () => photos.filter((_photo, at) => boxes[at].checked);
  const hidden = total - photos.length;
  return el(
    "li",
    { class: "cluster" },
    el(
      "p",
      { class: "figures" },
      el("b", {}, count(total, "photo")),
      widest === null
        ? el("span", { class: "distance" }, " similar to no other")
        : el("span", { class: "distance" }, ` nearest two at distance ${distance(widest)}`),
      el("span", { class: "unknown-facts" }, facts(photos)),
    ),
    hidden ? el("p", {}, `${count(hidden, "more photo")} of this group come next.`) : null,
    el(
      "ul",
      { class: "tiles" },
      photos.map((photo, at) => tile(photo, boxes[at], () => gallery(photos, at))),
    ),
    el(
      "p",
      { class: "acts" },
      actionButton("New individual …", () => makeOf(chosen(), again), { class: "first" }),
    ),
  );
}

function facts(photos) {
  const days = [...new Set(photos.map((photo) => day(photo.taken_at)).filter(Boolean))].sort();
  const regions = [...new Set(photos.map((photo) => photo.region).filter(Boolean))];
  const kinds = [...new Set(photos.map((photo) => species(photo.species)).filter(Boolean))];
  const span = days.length > 1 ? `${days[0]} – ${days.at(-1)}` : days[0];
  const text = [span, regions.join(", "), kinds.join(", ")].filter(Boolean).join(" · ");
  return text ? ` · ${text}` : null;
}

function tile(photo, box, enlarge) {
  return el(
    "li",
    {},
    el(
      "figure",
      { class: "tile" },
      thumbnail(photo.url || urlOf(photo.name), photo.name),
      el(
        "figcaption",
        {},
        el("label", { class: "check" }, box, photoName(photo.name)),
        photo.state === "waiting" ? el("span", { class: "date" }, "in the queue") : null,
        el(
          "span",
          { class: "tile-acts" },
          button("Enlarge", enlarge, {
            class: "quiet small",
            "aria-label": `Enlarge ${photoName(photo.name)}`,
          }),
        ),
      ),
    ),
  );
}

async function makeOf(photos, again) {
  if (!photos.length) {
    notify("Select at least one photo.");
    return;
  }
  const number = count(photos.length, "photo");
  let event = null;
  const name = await makeIndividual(
    `The new individual begins with ${number}.`,
    async (individual) => {
      const names = photos.map((photo) => photo.name);
      event = await post("/v1/catalogue/photos/assign", { photos: names, individual });
      return event;
    },
  );
  if (!name) return;
  await again();
  announce(event, `${name} has ${number}.`, again);
}
