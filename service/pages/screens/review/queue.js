// The photos to review, in the order in which they are shown.

import { el, put } from "../../dom.js";
import { image, urlOf } from "../../photo.js";
import { photoName } from "../../formatting.js";

export class Queue {
  constructor(cards) {
    this.cards = cards;
    this.at = 0;
  }

  get current() {
    return this.cards[this.at] ?? null;
  }
  get size() {
    return this.cards.length;
  }

  add(cards) {
    const known = new Set(this.cards.map((card) => card.name));
    this.cards.push(...cards.filter((card) => !known.has(card.name)));
  }

  drop(name) {
    const at = this.cards.findIndex((card) => card.name === name);
    if (at < 0) return;
    this.cards.splice(at, 1);
    if (at < this.at) this.at -= 1;
    if (this.at >= this.cards.length) this.at = 0;
  }

  // A skipped photo comes again after all others.
  skip() {
    const [card] = this.cards.splice(this.at, 1);
    this.cards.push(card);
    if (this.at >= this.cards.length - 1) this.at = 0;
  }

  goTo(name) {
    const at = this.cards.findIndex((card) => card.name === name);
    if (at >= 0) this.at = at;
  }
}

export function strip(queue, onpick) {
  const list = el("ul", { class: "strip", "aria-label": "Photos to review" });
  put(
    list,
    queue.cards.map((card) => {
      const isCurrent = card === queue.current;
      const picture = image(card.url || urlOf(card.name), { size: 120 });
      picture.style.rotate = `${-90 * (card.answer?.quarter_turns ?? 0)}deg`;
      return el(
        "li",
        {},
        el(
          "button",
          {
            type: "button",
            class: "strip-photo",
            "aria-current": isCurrent ? "true" : null,
            "aria-label": `${photoName(card.name)}${isCurrent ? ", shown now" : ""}`,
            onclick: () => onpick(card.name),
          },
          picture,
        ),
      );
    }),
  );
  return list;
}
