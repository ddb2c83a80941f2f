// Pieces that several screens are made of.

import { get, nextOf } from "./api.js";
import { actionButton, el, put } from "./dom.js";
import { thumbnail, urlOf } from "./photo.js";
import { attempt, problemBox } from "./notify.js";
import { count, dayText, daysText, photoName, species } from "./formatting.js";
import { t } from "./texts.js";

export function heading(title, ...extras) {
  document.title = `${title} · flukeprint`;
  return el("div", { class: "heading" }, el("h1", { tabindex: "-1" }, title), ...extras);
}

export function empty(title, advice, ...acts) {
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, title),
    el("p", {}, advice),
    acts.length ? el("p", { class: "acts" }, acts) : null,
  );
}

export function loading(text = t("common.loading")) {
  return el("p", { class: "loading", role: "status" }, text);
}

const newest = new WeakMap(); // the last question of each place

// Fill a place with what is being fetched, or with what went wrong.
export async function loadInto(place, work) {
  const request = {};
  newest.set(place, request);
  // An answer that comes after a later question's would stand in its place.
  const show = (what) => newest.get(place) === request && put(place, what);
  put(place, loading());
  place.setAttribute("aria-busy", "true");
  try {
    show(await work());
  } catch (error) {
    if (error.name !== "AbortError") show(problemBox(error));
  } finally {
    if (newest.get(place) === request) place.removeAttribute("aria-busy");
  }
}

// Empty a place; what is still being fetched for it is not shown there any more.
export function clear(place) {
  newest.delete(place);
  place.removeAttribute("aria-busy");
  put(place);
}

// A list that comes in pages: `one` makes an entry of each, `none` stands where there is nothing.
export async function pagedList(address, parameters, { things, one, none, holder, signal }) {
  const place = el("div", {});
  const first = await get(address, parameters, { signal });
  if (!first[things].length) return none();
  holder.append(...first[things].map(one));
  place.append(holder);
  more(
    place,
    holder,
    first,
    (cursor) => get(address, { ...parameters, cursor }, { signal }),
    (page) => page[things].map(one),
  );
  return place;
}

function more(place, holder, page, fetchNext, entries) {
  const cursor = nextOf(page);
  if (cursor === null) return;
  const act = actionButton(
    t("common.showMore"),
    () =>
      attempt(async () => {
        const next = await fetchNext(cursor);
        act.remove();
        const made = entries(next);
        holder.append(...made);
        made[0]?.querySelector("a, button, input")?.focus();
        more(place, holder, next, fetchNext, entries);
      }),
    { class: "more" },
  );
  place.append(act);
}

// Every entry of a list that is known to be short (one animal's photos, the queue).
export async function fetchAll(address, parameters, things, { signal, most = 1000 } = {}) {
  const found = [];
  let cursor = null;
  do {
    const page = await get(address, { limit: 200, ...parameters, cursor }, { signal });
    found.push(...page[things]);
    cursor = nextOf(page);
  } while (cursor !== null && found.length < most);
  return found;
}

export const individualLink = (name, label = name) =>
  el("a", { href: `#/individuals/${encodeURIComponent(name)}` }, label);
export const displayName = (individual) => individual.display_name || individual.name;

export function individualCard(individual) {
  const cover = individual.cover_url || (individual.cover && urlOf(individual.cover));
  const seen = daysText([individual.first_seen, individual.last_seen]);
  return el(
    "li",
    { class: "card" },
    el(
      "a",
      { href: `#/individuals/${encodeURIComponent(individual.name)}` },
      cover
        ? thumbnail(cover, individual.cover || individual.name, { alt: "" })
        : el("span", { class: "thumb none" }, t("common.noPhoto")),
      el("span", { class: "card-name" }, displayName(individual)),
    ),
    el(
      "p",
      { class: "card-facts" },
      individual.display_name && individual.display_name !== individual.name
        ? `${individual.name} · `
        : null,
      count(individual.photos, "photo"),
      seen ? el("span", {}, ` · ${seen}`) : null,
      individual.species ? el("span", {}, ` · ${species(individual.species)}`) : null,
    ),
  );
}

export function photoTile(card, ...extras) {
  return el(
    "figure",
    { class: "tile" },
    thumbnail(card.url || urlOf(card.name), card.name),
    el(
      "figcaption",
      {},
      photoName(card.name),
      card.taken_at ? el("span", { class: "date" }, dayText(card.taken_at)) : null,
      ...extras,
    ),
  );
}

// Let files be dropped on a zone, which is highlighted while they are above it.
export function acceptDrops(zone, ondrop) {
  for (const name of ["dragenter", "dragover"])
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  for (const name of ["dragleave", "drop"])
    zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    ondrop(event.dataTransfer.files, event.dataTransfer);
  });
}
