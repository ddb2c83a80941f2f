// What the page says, in the person's language; numbers, dates and lists as that language writes
// them. Another choice loads the page anew, so that no text changes while it is shown.

import en from "./texts/en.js";
import es from "./texts/es.js";
import pt from "./texts/pt.js";

const TEXTS = { en, es, pt };
export const LANGUAGES = { en: "English", es: "Español", pt: "Português" };
const STORED = "flukeprint.language";

const languageOf = (tag) => tag.toLowerCase().split("-")[0];
const wished = [localStorage.getItem(STORED) ?? "", ...navigator.languages].map(languageOf);
export const language = wished.find((one) => Object.hasOwn(TEXTS, one)) ?? "en";
// With a country where the browser names one: Mexico writes 1,234.5, and Spain 1.234,5.
const locale = navigator.languages.find((tag) => languageOf(tag) === language) ?? language;
document.documentElement.lang = language;

export function chooseLanguage(chosen) {
  localStorage.setItem(STORED, chosen);
  location.reload();
}

export const hasText = (key) => Object.hasOwn(TEXTS[language], key);

// The text of `key` with its {places} filled; `count` also chooses between one and several.
export function t(key, values = {}) {
  return tNodes(key, values).join("");
}

// As `t`, in pieces: a place may hold an element.
export function tNodes(key, values = {}) {
  const text = TEXTS[language][key];
  const form = typeof text === "string" ? text : (text[plurals.select(values.count)] ?? text.other);
  return form.split(/\{(\w+)\}/).map((piece, at) => {
    if (at % 2 === 0) return piece;
    return piece === "count" ? numberText(values.count) : (values[piece] ?? "");
  });
}

// The text of a word of the service's, or the word itself where the page has none for it.
export const wordText = (key, word) => (hasText(key) ? t(key) : word);

const plurals = new Intl.PluralRules(language);

const formats = new Map();
function format(value, options) {
  const known = JSON.stringify(options);
  if (!formats.has(known)) formats.set(known, new Intl.NumberFormat(locale, options));
  return formats.get(known).format(value);
}

// `digits` is how many stand after the decimal sign; without it up to three, as needed.
export const numberText = (value, digits) =>
  format(
    value,
    digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits },
  );
export const shareText = (value, digits = 0) =>
  format(value, { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits });
export const measureText = (value, unit, digits = 0) =>
  format(value, { style: "unit", unit, maximumFractionDigits: digits });

// `type` is "conjunction" (a, b and c), "disjunction" (a, b or c) or "unit" (a, b, c).
export const listText = (words, type = "unit") =>
  new Intl.ListFormat(locale, { type, style: type === "unit" ? "short" : "long" }).format(words);

// What `parts` (of Intl.DateTimeFormat) show of a moment, in the person's own time zone.
export const dateText = (at, parts) => new Intl.DateTimeFormat(locale, parts).format(at);
export const spanText = (from, to, parts) =>
  new Intl.DateTimeFormat(locale, parts).formatRange(from, to);
