// The animals that a photo may show, the nearest first.

import { button, el, keyed } from "../../dom.js";
import { image, urlOf } from "../../photo.js";
import { distance, percent } from "../../formatting.js";

export const MOST = 5;

export function candidateList(matches, { names, onlook, onconfirm }) {
  const entries = matches.slice(0, MOST).map((match, at) => entry(match, at, { names, onlook, onconfirm }));
  const node = el(
    "ol",
    { class: "candidates", "aria-label": "Candidates, the nearest first" },
    entries.map((one) => one.node),
  );
  return {
    node,
    look: (at) =>
      entries.forEach((one, each) => {
        one.look.setAttribute("aria-pressed", String(each === at));
        one.node.classList.toggle("looked-at", each === at);
      }),
    named: () => entries.forEach((one) => one.named()),
  };
}

function entry(match, at, { names, onlook, onconfirm }) {
  const name = el("span", { class: "card-name" }, match.individual);
  const id = el("span", { class: "id" });
  const bar = el("span", { class: "bar", "aria-hidden": "true" }, el("span"));
  bar.firstChild.style.width = `${Math.round(match.probability * 100)}%`;
  const look = button(
    [
      el("span", { class: "thumb" }, image(match.photo_url || urlOf(match.photo), { size: 240 })),
      el(
        "span",
        { class: "about" },
        name,
        id,
        el(
          "span",
          { class: "figures" },
          el("b", {}, percent(match.probability)),
          el("span", { class: "far" }, ` at distance ${distance(match.distance)}`),
        ),
        bar,
      ),
    ],
    () => onlook(at),
    {
      class: "look",
      "aria-pressed": "false",
      "aria-label": `Compare with candidate ${at + 1}, ${match.individual}, probability ${percent(match.probability)}`,
    },
  );
  const confirm = button(keyed(at + 1, "Confirm"), () => onconfirm(at), {
    class: "confirm",
    "aria-label": `Confirm ${match.individual} (key ${at + 1})`,
    "aria-keyshortcuts": String(at + 1),
  });
  return { node: el("li", {}, look, confirm), look, named };

  function named() {
    const display = names.get(match.individual);
    if (!display || display === match.individual) return;
    name.textContent = display;
    id.textContent = match.individual;
  }
}
