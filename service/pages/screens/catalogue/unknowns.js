// Animals that nobody knows: their photos by likeness, and one act that makes an individual of a
// group.

import { post } from "../../api.js";
import { announce, makeIndividual } from "../../curation.js";
import { actionButton, button, el, put } from "../../dom.js";
import { count, day, daysText, distance, photoName, species } from "../../formatting.js";
import { gallery } from "../../gallery.js";
import { notify } from "../../notify.js";
import { thumbnail, urlOf } from "../../photo.js";
import { pairAddress } from "../../photo_pair.js";
import { listText, t } from "../../texts.js";
import { empty, heading, loadInto, pagedList } from "../../widgets.js";

const PAGE = 24;

export async function unknowns(screen, { signal }) {
  const place = el("div");
  put(screen, heading(t("unknowns.title")), el("p", {}, t("unknowns.text")), place);
  const again = () =>
    loadInto(place, () =>
      pagedList(
        "/v1/unknown",
        { limit: PAGE },
        {
          things: "groups",
          one: (group) => entry(group, again),
          signal,
          holder: el("ul", { class: "clusters", "aria-label": t("unknowns.groups") }),
          none: () =>
            empty(
              t("unknowns.none"),
              t("unknowns.noneText"),
              el("a", { href: "#/review" }, t("common.goToReview")),
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
      "aria-label": t("unknowns.include", { name: photoName(photo.name) }),
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
        ? el("span", { class: "distance" }, ` ${t("unknowns.alone")}`)
        : el(
            "span",
            { class: "distance" },
            ` ${t("unknowns.nearestTwo", { distance: distance(widest) })}`,
          ),
      el("span", { class: "unknown-facts" }, facts(photos)),
    ),
    hidden ? el("p", {}, t("unknowns.hidden", { count: hidden })) : null,
    el(
      "ul",
      { class: "tiles" },
      photos.map((photo, at) => tile(photo, boxes[at], () => gallery(photos, at))),
    ),
    el(
      "p",
      { class: "acts" },
      actionButton(t("unknowns.newIndividual"), () => makeOf(chosen(), again), { class: "first" }),
      photos.length > 1
        ? button(t("common.compareTwo"), () => compareTwo(chosen()), { class: "quiet" })
        : null,
    ),
  );
}

function facts(photos) {
  const days = [...new Set(photos.map((photo) => day(photo.taken_at)).filter(Boolean))].sort();
  const regions = [...new Set(photos.map((photo) => photo.region).filter(Boolean))];
  const kinds = [...new Set(photos.map((photo) => species(photo.species)).filter(Boolean))];
  const text = [daysText(days), listText(regions), listText(kinds)].filter(Boolean).join(" · ");
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
        photo.state === "waiting" ? el("span", { class: "date" }, t("unknowns.inQueue")) : null,
        el(
          "span",
          { class: "tile-acts" },
          button(t("common.enlarge"), enlarge, {
            class: "quiet small",
            "aria-label": t("common.enlargeOne", { name: photoName(photo.name) }),
          }),
        ),
      ),
    ),
  );
}

// The first two that are chosen.
function compareTwo(photos) {
  if (photos.length < 2) notify(t("common.selectTwo"));
  else location.hash = pairAddress(photos[0].name, photos[1].name);
}

async function makeOf(photos, again) {
  if (!photos.length) {
    notify(t("unknowns.selectOne"));
    return;
  }
  const number = count(photos.length, "photo");
  let event = null;
  const name = await makeIndividual(
    t("unknowns.begins", { photos: number }),
    async (individual) => {
      const names = photos.map((photo) => photo.name);
      event = await post("/v1/catalogue/photos/assign", { photos: names, individual });
      return event;
    },
  );
  if (!name) return;
  await again();
  announce(event, t("unknowns.has", { name, photos: number }), again);
}
