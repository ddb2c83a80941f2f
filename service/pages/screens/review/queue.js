// The cards to review, in the order in which they are shown; a card has one encounter's photos.

import { get, nextOf, path } from "../../api.js";
import { button, el, put } from "../../dom.js";
import { image, urlOf } from "../../photo.js";
import { count } from "../../formatting.js";
import { t } from "../../texts.js";

const PAGE_CARDS = 50;
const ENOUGH = 10; // cards that are there before the next page is fetched
const SHOWN = 12; // cards of the strip

export class Queue {
  constructor(signal) {
    this.signal = signal;
    this.cards = [];
    this.skipped = new Set(); // keys of cards that come again at the end
    this.key = null; // of the card that is shown
    this.photos = 0; // that wait altogether
    this.next = null;
    this.state = null; // of the last page: which catalogue its answers are of
  }

  // The cards in order: skipped ones last.
  get ordered() {
    const isSkipped = (card) => this.skipped.has(card.key);
    return [...this.cards.filter((card) => !isSkipped(card)), ...this.cards.filter(isSkipped)];
  }

  get current() {
    return this.cards.find((card) => card.key === this.key) ?? this.ordered[0] ?? null;
  }

  get size() {
    return this.cards.length;
  }

  // The card after the one that is shown.
  get following() {
    const { ordered, current } = this;
    return ordered[ordered.indexOf(current) + 1] ?? null;
  }

  // The card to join with: the next one, or the one before where there is none.
  get neighbour() {
    const { ordered, current, following } = this;
    return following ?? ordered[ordered.indexOf(current) - 1] ?? null;
  }

  // Ask for the first page again; cards that came since it was asked for stay.
  async fetch() {
    const before = new Set(this.cards);
    const page = await this.page(null);
    const came = this.cards.filter((card) => !before.has(card));
    this.cards = [];
    this.photos = page.photos ?? 0;
    this.take(page);
    for (const card of came) this.add(card);
    await this.fill();
  }

  // Fetch pages until some cards are there that were not skipped.
  async fill() {
    while (this.next !== null && this.size - this.skipped.size < ENOUGH)
      this.take(await this.page(this.next));
  }

  page(cursor) {
    const asked = { limit: PAGE_CARDS, cursor };
    return get("/v1/queue/encounters", asked, { signal: this.signal });
  }

  take(page) {
    this.state = page;
    this.next = nextOf(page);
    const known = new Set(this.cards.map((card) => card.key));
    this.cards.push(...page.encounters.filter((card) => !known.has(card.key)));
  }

  // A card with photos that were taken in just now, or that came back; those it has already stay.
  add(card, { isFirst = false } = {}) {
    const there = this.cards.find((one) => one.key === card.key);
    const known = new Set((there?.photos ?? []).map((photo) => photo.name));
    const photos = card.photos.filter((photo) => !known.has(photo.name));
    this.photos += photos.length;
    if (there) there.photos = [...there.photos, ...photos];
    else if (isFirst) this.cards.unshift(card);
    else this.cards.push(card);
  }

  drop(key) {
    const card = this.cards.find((one) => one.key === key);
    if (!card) return;
    if (this.key === key) this.key = this.following?.key ?? null;
    this.photos -= card.photos.length;
    this.cards = this.cards.filter((one) => one !== card);
    this.skipped.delete(key);
  }

  // A skipped card comes again after all others.
  skip() {
    const { current, following } = this;
    this.skipped.delete(current.key);
    this.skipped.add(current.key);
    this.key = following?.key ?? this.ordered[0].key;
  }

  goTo(key) {
    this.key = key;
  }
}

// One card with its photos in full and its answer as the catalogue is now.
export function openCard(key, { k, signal }) {
  return get(path("queue", "encounters", key), { k }, { signal });
}

// The cards that a service has made of photos that it took in.
export function cardsOfIntake(answer) {
  const cards = new Map();
  answer.photos.forEach((photo, at) => {
    const key = answer.encounter_keys?.[at];
    if (!key) return;
    if (!cards.has(key)) cards.set(key, { key, encounter: photo.encounter, photos: [] });
    cards.get(key).photos.push(photo);
  });
  return [...cards.values()];
}

export function strip(queue, onpick) {
  const list = el("ul", { class: "strip queue-strip", "aria-label": t("review.encounters") });
  const { current, ordered } = queue;
  const start = Math.max(0, Math.min(ordered.indexOf(current) - 1, ordered.length - SHOWN));
  put(
    list,
    ordered.slice(start, start + SHOWN).map((card) => {
      const isCurrent = card === current;
      const [cover] = card.photos;
      const picture = cover ? image(cover.url || urlOf(cover.name), { size: 120 }) : null;
      if (picture) picture.style.rotate = `${-90 * (cover.quarter_turns ?? 0)}deg`;
      const many = card.photos.length;
      const named = { name: card.encounter || t("review.photo"), photos: count(many, "photo") };
      return el(
        "li",
        {},
        button(
          [picture, many > 1 ? el("span", { class: "many" }, String(many)) : null],
          () => onpick(card.key),
          {
            class: "strip-photo",
            "data-key": card.key,
            "aria-current": isCurrent ? "true" : null,
            "aria-label": t(isCurrent ? "review.cardShown" : "review.cardOf", named),
          },
        ),
      );
    }),
  );
  return list;
}
