// Who an individual is: its cover, facts, figures, family and notes.

import { el } from "../../dom.js";
import { dayText, species } from "../../formatting.js";
import { thumbnail, urlOf } from "../../photo.js";
import { listText, numberText, t, wordText } from "../../texts.js";
import { individualLink } from "../../widgets.js";
import { author } from "./sightings.js";

export function profile(one, summary) {
  const cover = one.cover_url || (one.cover && urlOf(one.cover));
  return el(
    "div",
    { class: "profile" },
    cover
      ? thumbnail(cover, one.cover, {
          size: 480,
          alt: t("common.photoOfIndividual", { individual: one.name, photo: one.cover }),
        })
      : el("span", { class: "thumb none" }, t("common.noPhoto")),
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

// "Seen 14 times in 9 years, last on May 28, 2026 in Gulf of Maine, 212 days after the time
// before."
function resightingText(summary) {
  if (!summary || !summary.sightings) return t("profile.neverSeen");
  const { sightings, years, last_at: lastAt, last_region: region } = summary;
  const times = t(years > 1 ? "profile.timesYears" : "profile.times", { count: sightings, years });
  if (!lastAt) return `${times}. ${t("profile.noDate")}`;
  const [where, whenOnly] =
    sightings === 1 ? ["profile.onIn", "profile.on"] : ["profile.lastIn", "profile.last"];
  const last = t(region ? where : whenOnly, { date: dayText(lastAt), region });
  const gap = summary.days_before_last;
  const after = gap === null ? [] : [t("profile.after", { count: gap })];
  return `${[times, last, ...after].join(", ")}.`;
}

function figures(summary) {
  const entries = ["sightings", "photos", "years"].map((name) => [
    t(`profile.${name}`, { count: summary[name] }),
    numberText(summary[name]),
  ]);
  return el(
    "dl",
    { class: "figures-row" },
    entries.map(([term, value]) => el("div", {}, el("dt", {}, term), el("dd", {}, value))),
  );
}

function facts(one) {
  const entries = [
    [t("common.species"), species(one.species)],
    [t("individual.sex"), one.sex && wordText(`individual.sex.${one.sex}`, one.sex)],
    [t("individual.firstSeen"), dayText(one.first_seen)],
    [t("individual.lastSeen"), dayText(one.last_seen)],
    [t("individual.born"), dayText(one.born)],
    [
      t("individual.ageClass"),
      one.age_class && wordText(`individual.age.${one.age_class}`, one.age_class),
    ],
    [t("individual.mother"), one.mother && individualLink(one.mother)],
    [t("individual.calves"), separated((one.calves || []).map((name) => individualLink(name)))],
    [t("individual.alsoCalled"), listText(one.other_names || [])],
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
