// Work lists: animals that may be one, and unknown photos that may be one new animal.

import { get, path, post } from "../../api.js";
import { announce, undo } from "../../curation.js";
import { form, isOpen } from "../../dialog.js";
import { el, keyLabel, put, actionButton } from "../../dom.js";
import { KEYS_OFF, oneAtATime } from "../../keys.js";
import { empty, heading, individualLink, loadInto } from "../../widgets.js";
import { thumbnail, urlOf } from "../../photo.js";
import { notify, attempt } from "../../notify.js";
import { count, distance, percent, photoName } from "../../formatting.js";

// Acts of this visit that `u` takes back, the last one first.
const acts = [];
const LISTS = { pairs: ["Same animal?", pairs], clusters: ["New animals?", clusters] };

export async function lists(screen, { rest, signal }) {
  const list = rest[0] in LISTS ? rest[0] : "pairs";
  const place = el("div");
  const tabs = el(
    "ul",
    { class: "tabs" },
    Object.entries(LISTS).map(([name, [title]]) =>
      el("li", {}, el("a", { href: `#/lists/${name}`, "aria-current": name === list ? "true" : null }, title)),
    ),
  );
  put(screen, heading("Work lists"), el("nav", { "aria-label": "Work lists" }, tabs), place);
  const again = () => loadInto(place, () => LISTS[list][1]({ signal, again }));
  if (list === "pairs") document.addEventListener("keydown", (event) => onkey(event, screen, again), { signal });
  await again();
}

async function pairs({ signal, again }) {
  const found = await get("/v1/merge-suggestions", { limit: 50 }, { signal });
  if (!found.suggestions.length)
    return empty(
      "No two look alike",
      "Here stand different individuals whose photos are near each other; right now there are none. What was told apart is in the history, which can take it back.",
    );
  return [
    el(
      "p",
      {},
      "Different individuals that look alike, the nearest first. By keyboard: ",
      el("kbd", {}, "↑"),
      " ",
      el("kbd", {}, "↓"),
      " go through them, ",
      el("kbd", {}, "m"),
      " merges, ",
      el("kbd", {}, "x"),
      " tells apart, ",
      el("kbd", {}, "u"),
      " takes back.",
    ),
    el(
      "ul",
      { class: "pairs" },
      found.suggestions.map((each) => pair(each, again)),
    ),
  ];
}

function pair(each, again) {
  const urls = each.urls || [];
  const side = (name, photo, url) =>
    el(
      "figure",
      { class: "tile" },
      thumbnail(url || urlOf(photo), photo, { size: 480, alt: `${name}, photo ${photoName(photo)}` }),
      el("figcaption", {}, individualLink(name)),
    );
  const node = el(
    "li",
    { class: "pair", tabindex: "-1", "aria-label": `${each.one} and ${each.other}` },
    el(
      "div",
      { class: "pair-photos" },
      side(each.one, each.photo_of_one, urls[0] || each.url_of_one),
      side(each.other, each.photo_of_other, urls[1] || each.url_of_other),
    ),
    el(
      "p",
      { class: "figures" },
      el("b", {}, percent(each.probability)),
      el("span", { class: "distance" }, ` at distance ${distance(each.distance)}`),
    ),
    el(
      "p",
      { class: "acts" },
      actionButton(keyLabel("m", "Merge …"), () => merge(each, again), {
        class: "first",
        "aria-label": `Merge ${each.one} and ${each.other}`,
        "aria-keyshortcuts": "m",
        "data-key": "m",
      }),
      actionButton(keyLabel("x", "Not the same"), () => markDifferent(each, again), {
        "aria-label": `${each.one} and ${each.other} are not the same`,
        "aria-keyshortcuts": "x",
        "data-key": "x",
      }),
    ),
  );
  return node;
}

// The pairs that follow move up: what was under the person's hands is followed by the next.
async function markDifferent(each, again) {
  await attempt(async () => {
    const at = chosen();
    const event = await post("/v1/merge-suggestions/dismiss", { one: each.one, other: each.other });
    acts.push(event.revision);
    await again();
    choose(at);
    announce(event, `${each.one} and ${each.other} are told apart.`, again);
  });
}

async function back(again) {
  const last = acts.pop(); // also where it is refused: the reason is shown, and the history can try again
  if (last === undefined) notify("Nothing of this visit to undo; the history has all changes.");
  else await attempt(() => undo(last, again));
}

const shownPairs = () => [...document.querySelectorAll(".pair")];
const chosen = () => shownPairs().findIndex((node) => node.contains(document.activeElement));

function choose(at) {
  const nodes = shownPairs();
  if (nodes.length) nodes[Math.max(0, Math.min(at, nodes.length - 1))].focus();
}

function onkey(event, screen, again) {
  if (event.ctrlKey || event.metaKey || event.altKey || isOpen() || event.target.closest("input, textarea, select"))
    return;
  if (localStorage.getItem(KEYS_OFF) === "yes") return;
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && shownPairs().length) choose(chosen() < 0 ? 0 : chosen() + step);
  else if (event.key === "u") oneAtATime(screen, () => back(again));
  else if ((event.key === "m" || event.key === "x") && chosen() >= 0)
    oneAtATime(screen, () => shownPairs()[chosen()].querySelector(`[data-key="${event.key}"]`).click());
  else if ((event.key === "m" || event.key === "x") && shownPairs().length)
    notify("Choose a pair first: ↓ goes to the first one.");
  else return;
  event.preventDefault();
}

async function merge(each, again) {
  let event = null;
  const into_ = await form("The same animal", {
    text: "All photos come together under the id that is kept; the other leads there. It can be undone.",
    fields: [
      {
        name: "into",
        label: "Keep",
        value: each.one,
        options: [
          [each.one, each.one],
          [each.other, each.other],
        ],
      },
    ],
    accept: "Merge",
    act: async ({ into: kept }) => {
      event = await post(path("individuals", kept === each.one ? each.other : each.one, "merge"), { into: kept });
      return kept;
    },
  });
  if (event) {
    acts.push(event.revision);
    await again();
    announce(event, `Merged into ${into_}.`, again);
  }
}

async function clusters({ signal, again }) {
  const found = await get("/v1/clusters", { limit: 50 }, { signal });
  if (!found.clusters.length)
    return empty(
      "No unknown animals look alike",
      "Photos that nobody is known for are gathered here when they look like each other: each group may be one new individual.",
    );
  return [
    el("p", {}, "Photos of nobody known that look like each other: each group may be one new animal."),
    el(
      "ul",
      { class: "clusters" },
      found.clusters.map((each) => cluster(each, again)),
    ),
  ];
}

function cluster(each, again) {
  const boxes = each.photos.map((photo) =>
    el("input", { type: "checkbox", checked: true, "aria-label": `Belongs to it: ${photoName(photo.name)}` }),
  );
  const tiles = each.photos.map((photo, at) =>
    el(
      "li",
      {},
      el(
        "figure",
        { class: "tile" },
        thumbnail(photo.url || urlOf(photo.name), photo.name),
        el("figcaption", {}, el("label", { class: "check" }, boxes[at], photoName(photo.name))),
      ),
    ),
  );
  return el(
    "li",
    { class: "cluster" },
    el(
      "p",
      { class: "figures" },
      el("b", {}, count(each.photos.length, "photo")),
      el("span", { class: "distance" }, ` within distance ${distance(each.distance)}`),
    ),
    el("ul", { class: "tiles" }, tiles),
    el(
      "p",
      { class: "acts" },
      actionButton(
        "New individual …",
        () =>
          make(
            each.photos.filter((_photo, at) => boxes[at].checked),
            again,
          ),
        { class: "first" },
      ),
    ),
  );
}

async function make(photos, again) {
  if (!photos.length) {
    notify("Select a photo at least.");
    return;
  }
  const next = await attempt(() => get("/v1/individuals/next-id"));
  if (!next) return;
  const name = await form("A new individual", {
    text: `${count(photos.length, "photo")} become its first.`,
    fields: [{ name: "name", label: "Its id", value: next.name, required: true, max: 200 }],
    accept: "Make it",
    act: async ({ name: wanted }) => {
      await give(photos, wanted);
      return wanted;
    },
  });
  if (name) {
    await again();
    window.dispatchEvent(new Event("flukeprint:changed"));
    notify(`${name} has ${count(photos.length, "photo")}; the history can undo it.`);
  }
}

// Waiting photos are confirmed, photos of nobody are moved.
async function give(photos, individual) {
  const cards = await Promise.all(photos.map((photo) => (photo.state ? photo : stateOf(photo))));
  for (const card of cards.filter((each) => each.state === "waiting"))
    await post(path("queue", card.name, "confirm"), { individual });
  const catalogued = cards.filter((each) => each.state !== "waiting").map((each) => each.name);
  if (catalogued.length) await post("/v1/catalogue/photos/move", { photos: catalogued, individual });
}

async function stateOf(photo) {
  const waiting = await get("/v1/catalogue/photos", { state: "waiting", limit: 200 });
  return waiting.photos.find((each) => each.name === photo.name) || { ...photo, state: "catalogued" };
}
