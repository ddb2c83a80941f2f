// Who an individual is: its cover, facts, figures, family and notes.

import { el } from "../../dom.js";
import { count, day, species } from "../../formatting.js";
import { thumbnail, urlOf } from "../../photo.js";
import { individualLink } from "../../widgets.js";
import { author } from "./sightings.js";

export function profile(one, summary) {
  const cover = one.cover_url || (one.cover && urlOf(one.cover));
  return el(
    "div",
    { class: "profile" },
    cover
      ? thumbnail(cover, one.cover, { size: 480, alt: `${one.name}, photo ${one.cover}` })
      : el("span", { class: "thumb none" }, "no photo"),
    el(
      "div",
      { class: "profile-text" },
      el("p", { class: "resighting" }, resightingText(summary)),
      figures(summary),
      facts(one),
      one.notes
        ? el(
            "p",
            {},
            el("span", { class: "written" }, one.notes),
            author(one.notes_by, one.notes_at),
          )
        : null,
    ),
  );
}

// "Seen 14 times in 9 years, last on 2026-05-28 in Gulf of Maine, 212 days after the time
// before."
function resightingText(summary) {
  if (!summary || !summary.sightings) return "Not seen yet.";
  const times = summary.sightings === 1 ? "once" : `${summary.sightings} times`;
  const years = summary.years > 1 ? ` in ${summary.years} years` : "";
  if (!summary.last_at) return `Seen ${times}${years}. No sighting has a date.`;
  const where = summary.last_region ? ` in ${summary.last_region}` : "";
  const last = `${summary.sightings === 1 ? "" : "last "}on ${day(summary.last_at)}${where}`;
  const gap = summary.days_before_last;
  const after = gap === null ? "" : `, ${count(gap, "day")} after the time before`;
  return `Seen ${times}${years}, ${last}${after}.`;
}

function figures(summary) {
  const entries = [
    ["sighting", summary.sightings],
    ["photo", summary.photos],
    ["year", summary.years],
  ];
  return el(
    "dl",
    { class: "figures-row" },
    entries.map(([term, value]) =>
      el("div", {}, el("dt", {}, value === 1 ? term : `${term}s`), el("dd", {}, String(value))),
    ),
  );
}

function facts(one) {
  const entries = [
    ["Species", species(one.species)],
    ["Sex", one.sex],
    ["First seen", day(one.first_seen)],
    ["Last seen", day(one.last_seen)],
    ["Born", one.born],
    ["Age class", one.age_class],
    ["Mother", one.mother && individualLink(one.mother)],
    ["Calves", separated((one.calves || []).map((name) => individualLink(name)))],
    ["Also called", (one.other_names || []).join(", ")],
  ].filter(([, value]) => value && value.length !== 0);
  return entries.length
    ? el(
        "dl",
        { class: "facts-list" },
        entries.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))),
      )
    : null;
}

const separated = (nodes) => nodes.flatMap((node, at) => (at ? [", ", node] : [node]));
