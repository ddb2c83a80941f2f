// The animals of the photo that is shown: their boxes, numbered from left to right, and what
// changes a box or gives another animal a card of its own.

import { patch, path, post } from "../../api.js";
import { editBox } from "../../box_editor.js";
import { overlap, sides } from "../../box_geometry.js";
import { button, el, keyLabel, put } from "../../dom.js";
import { photoName } from "../../formatting.js";
import { attempt, notify } from "../../notify.js";
import { boxMark, boxOf } from "../../photo.js";
import { t } from "../../texts.js";

const SAME = 0.4; // overlap of two boxes of one animal
export const SURE = 0.5; // score from which an animal gets a card when the photo is decided on

// All animals of a photo: its own, those of other photos of the same file, and those that were
// found and have no photo yet.
export function animalsOf(photo, samePictures) {
  const own = boxOf(photo);
  const animals = own ? [{ box: own, isOwn: true }] : [];
  for (const other of samePictures.filter((each) => each.of === photo.name && each.box))
    animals.push({ ...other, box: boxOf(other) });
  for (const { box, score } of photo.answer?.animals ?? []) {
    const found = boxOf({ box });
    if (animals.every((each) => overlap(each.box, found) < SAME))
      animals.push({ box: found, score });
  }
  return animals.sort((one, other) => one.box.left - other.box.left);
}

export class Animals {
  // `acted` shows a card again after an act on the photo; `goTo` shows another card.
  constructor({ acted, goTo }) {
    Object.assign(this, { acted, goTo });
    this.place = el("div", { class: "animals" });
    this.tools = el("div");
    this.node = el("div", { class: "animals-and-tools" }, this.place, this.tools);
    this.editing = null;
    this.keys = {
      B: () => this.edit(),
      o: () => this.next(),
    };
  }

  // Show a photo's animals; `pane` is where the viewer shows it, with its stage and frame.
  show(photo, samePictures, pane) {
    this.editing?.close();
    this.editing = null;
    Object.assign(this, { photo, pane });
    this.all = animalsOf(photo, samePictures);
    this.mark();
    const change = button(keyLabel("B", t("box.change")), () => this.edit(), {
      class: "quiet small",
      "aria-keyshortcuts": "B",
    });
    const many = this.all.length;
    put(
      this.place,
      many > 1
        ? el(
            "div",
            { class: "animal-list", role: "group", "aria-label": t("box.animals") },
            el("span", {}, t("box.animalOf", { at: this.at + 1, many })),
            this.all.map((each, at) => this.chip(each, at)),
          )
        : null,
      change,
    );
  }

  get at() {
    return this.all.findIndex((each) => each.isOwn);
  }

  // The boxes of the other animals on the photo, and the numbers of all.
  mark() {
    const { frame } = this.pane;
    for (const old of frame.querySelectorAll(".box.other, .box.numbered")) old.remove();
    if (this.all.length < 2) return;
    this.all.forEach((each, at) => {
      const style = each.isOwn ? "numbered" : "other";
      frame.append(boxMark(each.box, { style, label: el("b", {}, String(at + 1)) }));
    });
  }

  chip(animal, at) {
    const number = String(at + 1);
    if (animal.isOwn) return el("b", { class: "animal-chip", "aria-current": "true" }, number);
    const name = animal.individual ?? animal.state;
    if (animal.state && !animal.card)
      return el("span", { class: "animal-chip" }, t("box.decided", { number, name }));
    return button(number, () => this.open(animal), {
      class: "animal-chip quiet small",
      "aria-label": t(animal.card ? "box.goTo" : "box.review", { number }),
      title: t(animal.card ? "box.goTo" : "box.review", { number }),
    });
  }

  next() {
    const { all, at } = this;
    const others = [...all.slice(at + 1), ...all.slice(0, Math.max(at, 0))];
    const next = others.find((each) => !each.isOwn && (each.card || !each.state));
    if (next) this.open(next);
    else notify(t("box.noOther"));
  }

  // Go to an animal's card, which is made where it has none.
  async open(animal) {
    if (animal.card) await this.goTo(animal.card);
    else await this.add(animal.box);
  }

  async add(box) {
    await attempt(async () => {
      const event = await addAnimal(this.photo, box);
      await this.acted(event, event.encounter, t("box.added", { name: photoName(event.photo) }));
    });
  }

  edit() {
    if (this.editing) {
      this.editing.focus();
      return;
    }
    const { stage, frame } = this.pane;
    this.pane.whole(true);
    const isKnown = this.at >= 0;
    const acts = [
      { label: t("box.ask"), key: "⏎", class: "first", act: (box) => this.ask(box) },
      isKnown ? { label: t("box.another"), act: (box) => this.add(box) } : null,
    ].filter(Boolean);
    const onclose = () => {
      this.editing = null;
      this.pane.whole(false);
    };
    this.editing = editBox(stage, frame, this.all[this.at]?.box ?? null, { acts, onclose });
    put(this.tools, this.editing.tools);
    this.editing.focus();
  }

  // Ask who the animal in a box is; what is confirmed afterwards has that box.
  async ask(box) {
    const { name } = this.photo;
    await attempt(async () => {
      const event = await patch(path("catalogue", "photos", name), { box: sides(box) });
      await this.acted(event, null, t("box.asked", { name: photoName(name) }));
    });
  }
}

export function addAnimal(photo, box) {
  return post(path("queue", photo.name, "animals"), { box: sides(box) });
}
