// The animals that a photo may show, the nearest first.

import { button, el, keyLabel } from "../../dom.js";
import { image, urlOf } from "../../photo.js";
import { distance, percent } from "../../formatting.js";
import { t } from "../../texts.js";

const KEYS = 5; // candidates that a key confirms

export function candidateList(matches, { names, onselect, onconfirm }) {
  const entries = matches.map((match, at) => entry(match, at, { names, onselect, onconfirm }));
  const node = el(
    "ol",
    { class: "candidates", "aria-label": t("review.candidatesNearest") },
    entries.map((one) => one.node),
  );
  return {
    node,
    mark: (at) =>
      entries.forEach((one, each) => {
        one.choose.setAttribute("aria-pressed", String(each === at));
        one.node.classList.toggle("is-compared", each === at);
      }),
    showNames: () => entries.forEach((one) => one.showName()),
  };
}

function entry(match, at, { names, onselect, onconfirm }) {
  const name = el("span", { class: "card-name" }, match.individual);
  const id = el("span", { class: "id" });
  const choose = chooseButton(match, at, [name, id], onselect);
  const hasKey = at < KEYS;
  const confirm = button(
    hasKey ? keyLabel(at + 1, t("review.confirm")) : t("review.confirm"),
    () => onconfirm(at),
    {
      class: "confirm",
      "aria-label": t(hasKey ? "review.confirmKey" : "review.confirmAs", {
        individual: match.individual,
        key: at + 1,
      }),
      "aria-keyshortcuts": hasKey ? String(at + 1) : null,
    },
  );
  return { node: el("li", {}, choose, confirm), choose, showName };

  function showName() {
    const display = names.get(match.individual);
    if (!display || display === match.individual) return;
    name.textContent = display;
    id.textContent = match.individual;
  }
}

function chooseButton(match, at, names, onselect) {
  const probability = percent(match.probability);
  const photo = image(match.photo_url || urlOf(match.photo), { size: 240 });
  const figures = el(
    "span",
    { class: "figures" },
    el("b", {}, probability),
    el(
      "span",
      { class: "distance" },
      ` ${t("common.atDistance", { distance: distance(match.distance) })}`,
    ),
  );
  const about = el("span", { class: "about" }, names, figures, bar(match.probability));
  const label = t("review.compareCandidate", {
    number: at + 1,
    individual: match.individual,
    probability,
  });
  return button([el("span", { class: "thumb" }, photo), about], () => onselect(at), {
    class: "compare-button",
    "aria-pressed": "false",
    "aria-label": label,
  });
}

function bar(probability) {
  const filled = el("span");
  filled.style.width = `${Math.round(probability * 100)}%`;
  return el("span", { class: "bar", "aria-hidden": "true" }, filled);
}
