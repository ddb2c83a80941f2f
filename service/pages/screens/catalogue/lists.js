// Work lists: individuals that may be the same animal, and unknown photos that may show a new one.

import { el, put } from "../../dom.js";
import { heading, loadInto } from "../../widgets.js";
import { clusters } from "./clusters.js";
import { onPairKey, pairs } from "./pairs.js";

const LISTS = { pairs: ["Same animal?", pairs], clusters: ["New animals?", clusters] };

export async function lists(screen, { rest, signal }) {
  const name = rest[0] in LISTS ? rest[0] : "pairs";
  const [, show] = LISTS[name];
  const place = el("div");
  put(
    screen,
    heading("Work lists"),
    el("nav", { "aria-label": "Work lists" }, el("ul", { class: "tabs" }, tabs(name))),
    place,
  );
  const again = () => loadInto(place, () => show({ signal, again }));
  if (name === "pairs")
    document.addEventListener("keydown", (event) => onPairKey(event, screen, again), { signal });
  await again();
}

function tabs(current) {
  return Object.entries(LISTS).map(([name, [title]]) => {
    const isCurrent = name === current ? "true" : null;
    return el("li", {}, el("a", { href: `#/lists/${name}`, "aria-current": isCurrent }, title));
  });
}
