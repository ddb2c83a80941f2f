// Any two photos of the catalogue side by side, at an address of their own.

import { el, put } from "../../dom.js";
import { dayText, percent, photoName } from "../../formatting.js";
import { areKeysOff, isForScreen, oneAtATime } from "../../keys.js";
import { boxOf } from "../../photo.js";
import { pairAddress } from "../../photo_pair.js";
import { listText, t, tNodes } from "../../texts.js";
import { viewer } from "../../viewer.js";
import { heading, individualLink, loadInto } from "../../widgets.js";
import { markPhoto, photosAndRecord, photoStrip } from "../review/individual_photos.js";
import { chanceText, following, pairButtons, undoLast } from "./pairs.js";

export function comparePhotos(screen, { rest: names, signal }) {
  const facts = el("div", { class: "pair-individuals", "aria-live": "polite" });
  const strips = names.map(() => el("section", { class: "all-photos" }));
  const shown = viewer({
    titles: [t("compare.one"), t("compare.other")],
    signal,
    isLinked: false,
    onpair: (pair) => describe(pair, { names, facts, strips, shown }),
  });
  put(
    screen,
    el("p", { class: "back" }, el("a", { href: "#/lists/pairs" }, `← ${t("pairs.title")}`)),
    heading(t("compare.title")),
    el("div", { class: "comparison" }, shown.node, facts, el("div", { class: "panes" }, strips)),
  );
  names.forEach((name, at) => shown.show(at, { name, alt: altOf(name), caption: photoName(name) }));
  document.addEventListener("keydown", (event) => onkey(event, screen, shown), { signal });
}

const altOf = (name) => t("common.photoOf", { name: photoName(name) });

function describe(pair, { names, facts, strips, shown }) {
  [pair.one, pair.other].forEach((photo, at) => {
    shown.show(at, {
      name: photo.name,
      url: photo.url,
      box: boxOf(photo),
      quarterTurns: photo.quarter_turns,
      alt: altOf(photo.name),
      caption: captionOf(photo),
    });
    if (photo.individual) showStrip(strips[at], photo, at, names);
  });
  put(facts, pair.individuals ? individuals(pair.individuals, names) : sameOrNobody(pair));
}

function captionOf(photo) {
  const whose = photo.individual ? individualLink(photo.individual) : t("compare.nobody");
  const more = listText([photoName(photo.name), dayText(photo.taken_at)].filter(Boolean));
  return [whose, ` · ${more}`];
}

function showStrip(strip, photo, at, names) {
  loadInto(strip, async () => {
    const [photos] = await photosAndRecord(photo.individual);
    return photoStrip(photo.individual, photos, (chosen) => {
      const next = names.with(at, chosen.name);
      if (next[0] !== next[1]) location.hash = pairAddress(...next);
    });
  }).then(() => markPhoto(strip, photo.name));
}

function sameOrNobody({ one, other }) {
  if (!one.individual || one.individual !== other.individual) return null;
  return el("p", {}, tNodes("compare.same", { individual: individualLink(one.individual) }));
}

function individuals(found, names) {
  const { one, other } = found;
  const next = following(found);
  const onwards = () => {
    location.hash = next ? pairAddress(next.photo_of_one, next.photo_of_other) : "#/lists/pairs";
  };
  const back = () => {
    location.hash = pairAddress(...names);
  };
  return [
    el(
      "p",
      {},
      found.probability === null ? null : el("b", {}, percent(found.probability)),
      ` ${t("compare.nearest", { one, other, chance: chanceText(found) })} `,
      found.is_marked_different ? el("b", {}, t("pairs.marked", { one, other })) : null,
    ),
    el("p", { class: "basis" }, found.fitted_to),
    el("p", { class: "acts" }, pairButtons(found, { done: onwards, again: back })),
  ];
}

function onkey(event, screen, shown) {
  if (!isForScreen(event) || areKeysOff()) return;
  const act = screen.querySelector(`.acts [data-key="${CSS.escape(event.key)}"]`);
  const view = shown.keys[event.key];
  if (act) oneAtATime(screen, () => act.click());
  else if (event.key === "u") oneAtATime(screen, () => undoLast(() => undefined));
  else if (view) view(event);
  else return;
  event.preventDefault();
}
