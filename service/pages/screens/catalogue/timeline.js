// The years in which an animal was photographed.

import { el } from "../../dom.js";
import { count, day, dayText } from "../../formatting.js";
import { listText, t } from "../../texts.js";

export function timeline(photos) {
  const years = new Map();
  for (const card of photos) {
    const year = card.taken_at ? card.taken_at.slice(0, 4) : "";
    years.set(year, [...(years.get(year) || []), card]);
  }
  if (!photos.length || (years.size === 1 && years.has("")))
    return el("p", {}, t("timeline.noDates"));
  const most = Math.max(...[...years.values()].map((of) => of.length));
  const dated = [...years.keys()].filter(Boolean).map(Number);
  const first = Math.min(...dated);
  const span = Math.max(...dated) - first;
  // Years without a photo are told by the gap; a long silence isn't drawn year by year.
  const listed =
    span <= 40
      ? Array.from({ length: span + 1 }, (_, at) => String(first + at))
      : dated.sort().map(String);
  const entries = [...listed, ...(years.has("") ? [""] : [])].map((year) =>
    entry(year, years.get(year) || [], most),
  );
  return el("ol", { class: "years" }, entries);
}

function entry(year, cards, most) {
  const bar = el("span", { class: "year-bar", "aria-hidden": "true" });
  bar.style.height = `${Math.round((cards.length / most) * 100)}%`;
  const dates = [...new Set(cards.map((card) => day(card.taken_at)).filter(Boolean))].sort();
  return el(
    "li",
    { title: listText(dates.map(dayText)) || null },
    el("span", { class: "year-space" }, bar),
    el("span", { class: "year" }, year || "?"),
    el(
      "span",
      { class: "visually-hidden" },
      year ? count(cards.length, "photo") : t("timeline.undated", { count: cards.length }),
    ),
  );
}
