// Figures and names as people read them.

import { dateText, hasText, listText, numberText, shareText, spanText, t } from "./texts.js";

const DATE = { dateStyle: "medium" };
const MOMENT = { dateStyle: "medium", timeStyle: "short" };

export const percent = (part) => {
  if (part === null || part === undefined) return "–";
  if (part > 0 && part < 0.001) return `<\u00a0${shareText(0.001, 1)}`;
  return shareText(part, part >= 0.1 || part === 0 ? 0 : 1);
};
export const distance = (value) =>
  value === null || value === undefined ? "–" : numberText(value, 3);
// Such as "3 photos"; the nouns are the texts below `count`.
export const count = (many, noun) => t(`count.${noun}`, { count: many });
export const shortFingerprint = (fingerprint) => (fingerprint ? fingerprint.slice(0, 8) : "");

// "2016-07-01" stays a date without a time zone; what has a time is shown in the person's own.
export function when(iso) {
  if (!iso) return "";
  const text = iso.replace(" ", "T");
  if (!text.includes("T")) return dayText(text);
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? iso : dateText(at, MOMENT);
}
// From one moment to another, without what both have in common.
export const span = (from, to) => spanText(new Date(from), new Date(to), MOMENT);

// The day of a moment as it is stored, to be compared; dayText is how people read it.
export const day = (iso) => (iso ? iso.slice(0, 10) : "");

// "2016" and "2016-07" are years and months.
export function dayText(iso) {
  const [, year, month, dayOfMonth] = /^(\d{4})(?:-(\d\d))?(?:-(\d\d))?/.exec(iso || "") || [];
  if (!month) return year || iso || "";
  const at = new Date(Number(year), Number(month) - 1, Number(dayOfMonth || 1));
  return dateText(at, dayOfMonth ? DATE : { year: "numeric", month: "long" });
}

// The first and the last of some days as text, or the one that both are.
export function daysText(days) {
  const texts = [...new Set(days.map(dayText))].filter(Boolean);
  return texts.length > 1 ? `${texts[0]} – ${texts.at(-1)}` : (texts[0] ?? "");
}

export function species(name) {
  return name ? name.replaceAll("_", " ") : "";
}

// An answer's species as text; empty where the catalogue has one species (`hasSeveral` is false)
// and the answer names none.
export function speciesText(found, hasSeveral) {
  const probability = found?.probability === null ? "" : percent(found?.probability);
  if (found?.name) return listText([species(found.name), probability].filter(Boolean));
  return found && hasSeveral ? t("format.speciesNotKnown", { reason: found.reason }) : "";
}

// The last part of a photo's name, without folders; long ones keep both ends.
export function photoName(name) {
  const file = name.split("/").pop();
  return file.length > 32 ? `${file.slice(0, 18)}…${file.slice(-12)}` : file;
}

export const DECISIONS = Object.fromEntries(
  ["known", "review", "new_whale", "no_animal"].map((name) => [name, t(`decision.${name}`)]),
);

// How a photo is shown that lay on its side, as text; empty for an upright one.
export const turnText = (turns) => (turns ? t(`turn.${turns}`) : "");

const FLAWS = ["sharpness", "size", "light", "wholeness"];
const FLAWED = 0.6;
// A photo's quality as text, with what is wrong with it; empty for an answer without one.
export function qualityText(quality) {
  if (!quality) return "";
  const score = percent(quality.score);
  const flaws = FLAWS.filter((part) => quality[part] < FLAWED).map((part) => t(`flaw.${part}`));
  return flaws.length
    ? t("format.qualityFlaws", { score, flaws: listText(flaws) })
    : t("format.quality", { score });
}

export function kindOf(kind) {
  const key = `kind.${kind.replaceAll(" ", "-")}`;
  return hasText(key) ? t(key) : kind.charAt(0).toUpperCase() + kind.slice(1).replaceAll("_", " ");
}
