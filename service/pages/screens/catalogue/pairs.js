// Pairs of individuals that may be the same animal: compared, merged, or marked as different ones.

import { get, post } from "../../api.js";
import { announce, merge, undo } from "../../curation.js";
import { actionButton, button, el, keyLabel } from "../../dom.js";
import { distance, percent, photoName } from "../../formatting.js";
import { areKeysOff, isForScreen, oneAtATime } from "../../keys.js";
import { attempt, notify } from "../../notify.js";
import { thumbnail, urlOf } from "../../photo.js";
import { pairAddress } from "../../photo_pair.js";
import { numberText, t, tNodes } from "../../texts.js";
import { empty, individualLink } from "../../widgets.js";

// Revisions of this visit, which `u` undoes from the last one on.
const revisions = [];
let suggested = []; // in the order of the list that was shown last

export async function pairs({ signal, again }) {
  const found = await get("/v1/merge-suggestions", { limit: 50 }, { signal });
  suggested = found.suggestions;
  if (!suggested.length) return [empty(t("pairs.none"), t("pairs.noneText")), source(found)];
  return [
    keysText(),
    source(found),
    el(
      "ul",
      { class: "pairs" },
      suggested.map((suggestion) => pair(suggestion, again)),
    ),
  ];
}

// How many of all pairs may be one animal, and what the probabilities rest on.
function source({ duplicates, duplicates_low: low, duplicates_high: high, fitted_to: fitted }) {
  const rounded = [duplicates, low, high].map((number) => numberText(Math.round(number)));
  const [shown, least, most] = rounded;
  const expected = t("pairs.expected", { number: shown, low: least, high: most });
  return el("p", { class: "basis" }, duplicates === null ? "" : `${expected} `, fitted);
}

// The suggestion after one of two individuals; none where it is the last or wasn't listed.
export function following({ one, other }) {
  const at = suggested.findIndex((each) => each.one === one && each.other === other);
  return at < 0 ? undefined : suggested[at + 1];
}

// What stands behind the probability of a pair.
export function chanceText(pair) {
  const far = t("common.atDistance", { distance: distance(pair.distance) });
  if (pair.probability === null) return far;
  const [low, high] = [pair.probability_low, pair.probability_high].map(percent);
  return `${t("pairs.between", { low, high })} ${far}`;
}

function keysText() {
  const keys = { up: "↑", down: "↓", c: "c", m: "m", x: "x", u: "u" };
  const shown = Object.entries(keys).map(([name, key]) => [name, el("kbd", {}, key)]);
  return el("p", {}, tNodes("pairs.keys", Object.fromEntries(shown)));
}

function pair(suggestion, again) {
  const { one, other, urls = [] } = suggestion;
  return el(
    "li",
    { class: "pair", tabindex: "-1", "aria-label": t("pairs.pair", { one, other }) },
    el(
      "div",
      { class: "pair-photos" },
      side(one, suggestion.photo_of_one, urls[0] || suggestion.url_of_one),
      side(other, suggestion.photo_of_other, urls[1] || suggestion.url_of_other),
    ),
    el(
      "p",
      { class: "figures" },
      suggestion.probability === null ? null : el("b", {}, percent(suggestion.probability)),
      el("span", { class: "distance" }, ` ${chanceText(suggestion)}`),
    ),
    el(
      "p",
      { class: "acts" },
      compareButton(suggestion),
      pairButtons(suggestion, { done: again, again }),
    ),
  );
}

function side(name, photo, url) {
  const alt = t("common.photoOfIndividual", { individual: name, photo: photoName(photo) });
  return el(
    "figure",
    { class: "tile" },
    thumbnail(url || urlOf(photo), photo, { size: 480, alt }),
    el("figcaption", {}, individualLink(name)),
  );
}

function compareButton({ one, other, photo_of_one: first, photo_of_other: second }) {
  const go = () => {
    location.hash = pairAddress(first, second);
  };
  return button(keyLabel("c", t("common.compare")), go, {
    "aria-label": t("pairs.compareOf", { one, other }),
    "aria-keyshortcuts": "c",
    "data-key": "c",
  });
}

// `done` is called once a pair is decided, and `again` once that is undone.
export function pairButtons(suggestion, { done, again }) {
  const { one, other } = suggestion;
  const markAsDifferent = () => markDifferent(suggestion, done, again);
  return [
    actionButton(keyLabel("m", t("pairs.merge")), () => mergePair(suggestion, done, again), {
      class: "first",
      "aria-label": t("pairs.mergeOf", { one, other }),
      "aria-keyshortcuts": "m",
      "data-key": "m",
    }),
    actionButton(keyLabel("x", t("pairs.different")), markAsDifferent, {
      "aria-label": t("pairs.differentOf", { one, other }),
      "aria-keyshortcuts": "x",
      "data-key": "x",
    }),
  ];
}

async function mergePair({ one, other }, done, again) {
  const merged = await merge(one, other);
  if (!merged) return;
  revisions.push(merged.event.revision);
  await done();
  announce(merged.event, t("curation.merged", merged), again);
}

// The pairs below move up, and the focus goes to the one that takes this pair's place.
async function markDifferent({ one, other }, done, again) {
  await attempt(async () => {
    const at = focusedAt();
    const event = await post("/v1/merge-suggestions/dismiss", { one, other });
    revisions.push(event.revision);
    await done();
    focusPair(at);
    announce(event, t("pairs.marked", { one, other }), again);
  });
}

export async function undoLast(again) {
  const last = revisions.pop(); // also where it is refused: the history can try again
  if (last === undefined) notify(t("common.nothingToUndoHistory"));
  else await attempt(() => undo(last, again));
}

const shownPairs = () => [...document.querySelectorAll(".pair")];
const focusedAt = () => shownPairs().findIndex((node) => node.contains(document.activeElement));

function focusPair(at) {
  const nodes = shownPairs();
  if (nodes.length) nodes[Math.max(0, Math.min(at, nodes.length - 1))].focus();
}

export function onPairKey(event, screen, again) {
  if (!isForScreen(event) || areKeysOff()) return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  const isDecision = ["c", "m", "x"].includes(event.key);
  const at = focusedAt();
  if (step && shownPairs().length) focusPair(at < 0 ? 0 : at + step);
  else if (event.key === "u") oneAtATime(screen, () => undoLast(again));
  else if (isDecision && at >= 0)
    oneAtATime(screen, () => shownPairs()[at].querySelector(`[data-key="${event.key}"]`).click());
  else if (isDecision && shownPairs().length) notify(t("pairs.chooseFirst"));
  else return;
  event.preventDefault();
}
