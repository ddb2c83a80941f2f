// Pairs of individuals that may be the same animal: merged, or marked as different ones.

import { get, post } from "../../api.js";
import { announce, merge, undo } from "../../curation.js";
import { actionButton, el, keyLabel } from "../../dom.js";
import { distance, percent, photoName } from "../../formatting.js";
import { areKeysOff, isForScreen, oneAtATime } from "../../keys.js";
import { attempt, notify } from "../../notify.js";
import { thumbnail, urlOf } from "../../photo.js";
import { t, tNodes } from "../../texts.js";
import { empty, individualLink } from "../../widgets.js";

// Revisions of this visit, which `u` undoes from the last one on.
const revisions = [];

export async function pairs({ signal, again }) {
  const found = await get("/v1/merge-suggestions", { limit: 50 }, { signal });
  if (!found.suggestions.length) return empty(t("pairs.none"), t("pairs.noneText"));
  return [
    keysText(),
    el(
      "ul",
      { class: "pairs" },
      found.suggestions.map((suggestion) => pair(suggestion, again)),
    ),
  ];
}

function keysText() {
  const keys = { up: "↑", down: "↓", m: "m", x: "x", u: "u" };
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
      el("b", {}, percent(suggestion.probability)),
      el(
        "span",
        { class: "distance" },
        ` ${t("common.atDistance", { distance: distance(suggestion.distance) })}`,
      ),
    ),
    el("p", { class: "acts" }, pairButtons(suggestion, again)),
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

function pairButtons(suggestion, again) {
  const { one, other } = suggestion;
  return [
    actionButton(keyLabel("m", t("pairs.merge")), () => mergePair(suggestion, again), {
      class: "first",
      "aria-label": t("pairs.mergeOf", { one, other }),
      "aria-keyshortcuts": "m",
      "data-key": "m",
    }),
    actionButton(keyLabel("x", t("pairs.different")), () => markDifferent(suggestion, again), {
      "aria-label": t("pairs.differentOf", { one, other }),
      "aria-keyshortcuts": "x",
      "data-key": "x",
    }),
  ];
}

async function mergePair({ one, other }, again) {
  const merged = await merge(one, other);
  if (!merged) return;
  revisions.push(merged.event.revision);
  await again();
  announce(merged.event, t("curation.merged", merged), again);
}

// The pairs below move up, and the focus goes to the one that takes this pair's place.
async function markDifferent({ one, other }, again) {
  await attempt(async () => {
    const at = focusedAt();
    const event = await post("/v1/merge-suggestions/dismiss", { one, other });
    revisions.push(event.revision);
    await again();
    focusPair(at);
    announce(event, t("pairs.marked", { one, other }), again);
  });
}

async function undoLast(again) {
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
  const isDecision = event.key === "m" || event.key === "x";
  const at = focusedAt();
  if (step && shownPairs().length) focusPair(at < 0 ? 0 : at + step);
  else if (event.key === "u") oneAtATime(screen, () => undoLast(again));
  else if (isDecision && at >= 0)
    oneAtATime(screen, () => shownPairs()[at].querySelector(`[data-key="${event.key}"]`).click());
  else if (isDecision && shownPairs().length) notify(t("pairs.chooseFirst"));
  else return;
  event.preventDefault();
}
