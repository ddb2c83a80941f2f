// Photos in, a decision about each: by keyboard, or by the buttons that name the keys.

import { get, path, post, Problem } from "../../api.js";
import { makeIndividual, undo } from "../../curation.js";
import { form } from "../../dialog.js";
import { actionButton, el, keyLabel, put } from "../../dom.js";
import { count, photoName } from "../../formatting.js";
import { areKeysOff, isForScreen, oneAtATime } from "../../keys.js";
import { alarm, attempt, notify } from "../../notify.js";
import { empty, fetchAll, heading, loadInto } from "../../widgets.js";
import { Comparison } from "./compare.js";
import { showHelp } from "./help.js";
import { Queue, strip } from "./queue.js";
import { ScopePicker } from "./scope.js";
import { Uploader } from "./upload.js";

const MOST_PHOTOS = 400;

// Decisions of this visit, which `u` undoes from the last one on; they stay when another screen
// is shown.
const decisions = [];

export async function review(screen, { signal }) {
  await new Review(screen, signal).open();
}

class Review {
  constructor(screen, signal) {
    this.screen = screen;
    this.signal = signal;
    this.queue = new Queue([]);
    this.comparison = null; // of the present photo
    this.remaining = el("span", { class: "heading-note", "aria-live": "polite" });
    this.place = el("div", { class: "work" });
    this.strips = el("div");
    this.uploader = new Uploader((cards) => this.addCards(cards));
    const onchange = () => this.comparison?.identify();
    this.scope = new ScopePicker({ onchange, signal });
  }

  async open() {
    const { place, queue, scope, screen, signal, strips } = this;
    put(screen, heading("Review", this.remaining), this.uploader.node, scope.node, strips, place);
    document.addEventListener("keydown", (event) => this.onkey(event), { signal });
    let isThere = false;
    await loadInto(place, async () => {
      await this.fetchQueue().catch((error) => {
        if (error.name === "AbortError" || !queue.size) throw error;
        alarm(error); // photos that were taken in meanwhile can be reviewed all the same
      });
      isThere = true;
      return [];
    });
    if (!isThere) return; // the place shows what went wrong, or another screen is shown
    this.uploader.node.open = !this.queue.size;
    this.draw({ isMoved: false });
  }

  async fetchQueue() {
    const before = this.queue;
    const earlier = new Set(before.cards);
    const cards = await fetchAll("/v1/queue", {}, "photos", {
      signal: this.signal,
      most: MOST_PHOTOS,
    });
    this.queue = new Queue(cards);
    this.queue.add(before.cards.filter((card) => !earlier.has(card))); // taken in meanwhile
    if (before.current) this.queue.goTo(before.current.name);
  }

  addCards(cards) {
    const wasEmpty = !this.queue.size;
    this.queue.add(cards);
    if (wasEmpty) this.draw({ isMoved: false });
    else this.drawQueue();
  }

  drawQueue() {
    const { queue, strips } = this;
    const badge = document.getElementById("waiting");
    badge.hidden = !queue.size;
    put(badge, String(queue.size));
    put(this.remaining, queue.size ? `${count(queue.size, "photo")} left` : "");
    put(strips, queue.size > 1 ? strip(queue, (name) => this.goTo(name)) : null);
    const current = strips.querySelector("[aria-current]");
    current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  goTo(name) {
    this.queue.goTo(name);
    this.draw();
  }

  // Show the present photo; `isMoved` takes the focus to it.
  draw({ isMoved = true } = {}) {
    const { queue, scope, signal } = this;
    this.drawQueue();
    this.comparison = null;
    if (!queue.current) {
      put(this.place, this.nothing());
      return;
    }
    const confirm = (at) => this.confirm(at);
    const actions = this.actions();
    this.comparison = new Comparison(queue.current, { signal, confirm, actions, scope });
    put(this.place, this.comparison.node);
    if (isMoved) this.comparison.node.querySelector("h2").focus({ preventScroll: true });
  }

  nothing() {
    return empty(
      decisions.length ? "All photos are reviewed" : "Nothing to review",
      "Add photos above. The service compares each with all known animals, and you decide.",
      decisions.length ? this.undoButton() : null,
    );
  }

  actions() {
    const action = (key, label, act, attributes = {}) =>
      actionButton(keyLabel(key, label), act, { "aria-keyshortcuts": key, ...attributes });
    return el(
      "div",
      { class: "actions", role: "group", "aria-label": "Decision" },
      action("n", "New individual", () => this.makeIndividual(), { class: "first" }),
      action("x", "Reject", () => this.reject()),
      action("s", "Skip", () => this.skip()),
      this.undoButton(),
      action("?", "Help", showHelp, { class: "quiet" }),
    );
  }

  undoButton() {
    return actionButton(keyLabel("u", "Undo"), () => this.undoLast(), {
      "aria-keyshortcuts": "u",
      disabled: !decisions.length,
    });
  }

  // Decide on the present photo by `work`; the next photo is shown once the service has done it.
  async decide(card, work, text) {
    await attempt(async () => {
      const event = await work();
      decisions.push({ revision: event.revision, photo: card.name });
      this.queue.drop(card.name);
      // Before the next photo asks for its candidates.
      window.dispatchEvent(new Event("flukeprint:changed"));
      this.draw();
      const { size } = this.queue;
      const left = size ? `${count(size, "photo")} left.` : "That was the last photo.";
      notify([text, left, ...(event.warnings ?? []).map((each) => `${each}.`)].join(" "));
    });
  }

  async confirm(at) {
    const card = this.queue.current;
    const match = this.comparison.matches[at];
    if (!match) {
      notify(`There is no candidate ${at + 1}.`);
      return;
    }
    const { individual } = match;
    const seen = await this.animalSeen(card);
    if (!seen) return;
    const work = () => post(path("queue", card.name, "confirm"), { individual, ...seen });
    await this.decide(card, work, `${photoName(card.name)} is confirmed as ${individual}.`);
  }

  // What a confirmation says besides the individual; null where it must not be sent. A photo in
  // which the service sees no animal is never enrolled by a single key.
  async animalSeen(card) {
    const answers = [card.answer, this.comparison?.answer];
    if (!answers.some((answer) => answer?.decision === "no_animal")) return {};
    const isSeen = await form("No animal was seen in this photo", {
      text:
        "The service sees nothing here that it was made for. Confirm only if you see the animal " +
        "yourself; otherwise reject the photo.",
      accept: "I see the animal",
      act: async () => true,
    });
    return isSeen ? { is_animal: true } : null;
  }

  async makeIndividual() {
    const card = this.queue.current;
    if (!card) return;
    const seen = await this.animalSeen(card);
    if (!seen) return;
    let event = null;
    const shown = photoName(card.name);
    const name = await makeIndividual(
      `${shown} becomes the first photo of the new individual.`,
      async (individual) => {
        await refuseKnown(individual);
        event = await post(path("queue", card.name, "confirm"), { individual, ...seen });
        return event;
      },
    );
    if (name)
      await this.decide(card, async () => event, `${shown} is the first photo of ${name}.`);
  }

  async reject() {
    const card = this.queue.current;
    if (!card) return;
    const work = () => post(path("queue", card.name, "reject"), {});
    await this.decide(card, work, `${photoName(card.name)} is rejected.`);
  }

  skip() {
    if (this.queue.size < 2) {
      notify("This is the only photo left.");
      return;
    }
    this.queue.skip();
    this.draw();
    notify(`Photo skipped. Next: ${photoName(this.queue.current.name)}.`);
  }

  async undoLast() {
    const last = decisions.at(-1);
    if (!last) {
      notify("Nothing to undo from this visit. The history lists all changes.");
      return;
    }
    await attempt(async () => {
      decisions.pop(); // also where it is refused: the history can try again
      await undo(last.revision);
      await this.fetchQueue();
      this.goTo(last.photo);
      notify(`Decision undone: ${photoName(last.photo)} is back in the queue.`);
    });
  }

  onkey(event) {
    if (!isForScreen(event) || (areKeysOff() && event.key !== "?")) return;
    const act = this.actOf(event.key);
    const view = this.comparison?.keys[event.key];
    if (!act && !view) return;
    event.preventDefault();
    if (act) oneAtATime(this.screen, act);
    else view(event); // decides nothing, and no decision waits for it
  }

  // What a key does to the present photo or to the decisions, if anything.
  actOf(key) {
    const always = { u: () => this.undoLast(), "?": showHelp };
    if (!this.comparison) return always[key];
    if (/^[1-5]$/.test(key)) return () => this.confirm(Number(key) - 1);
    const decide = {
      n: () => this.makeIndividual(),
      x: () => this.reject(),
      s: () => this.skip(),
    };
    return always[key] || decide[key];
  }
}

async function refuseKnown(name) {
  const known = await get(path("individuals", name)).catch((error) => {
    if (error.status === 404) return null;
    throw error;
  });
  if (!known) return;
  const detail = `${name} already exists. Choose another id, or confirm the photo as ${name}.`;
  throw new Problem({ detail }, 409);
}
