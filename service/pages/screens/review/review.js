// Photos in, a decision about each encounter: by keyboard, or by the buttons that name the keys.

import { get, path, post, Problem } from "../../api.js";
import { makeIndividual, makeProposedIndividual, undo } from "../../curation.js";
import { form } from "../../dialog.js";
import { el, put } from "../../dom.js";
import { count, photoName } from "../../formatting.js";
import { areKeysOff, isForScreen, oneAtATime } from "../../keys.js";
import { alarm, attempt, notify } from "../../notify.js";
import { numberText, t } from "../../texts.js";
import { empty, heading, loadInto } from "../../widgets.js";
import { ActionBar, undoButton } from "./actions.js";
import { Comparison } from "./compare.js";
import { showHelp } from "./help.js";
import { Queue, openCard, strip, cardsOfIntake } from "./queue.js";
import { ScopePicker } from "./scope.js";
import { findIndividual } from "./search.js";
import { Uploader } from "./upload.js";

// Decisions of this visit, which `u` undoes from the last one on; they stay when another screen
// is shown.
const decisions = [];

export async function review(screen, { signal, rest = [] }) {
  await new Review(screen, signal, rest[0] ?? null).open();
}

class Review {
  constructor(screen, signal, key) {
    this.screen = screen;
    this.signal = signal;
    this.queue = new Queue(signal);
    this.queue.key = key;
    this.comparison = null; // of the present card
    this.remaining = el("span", { class: "heading-note", "aria-live": "polite" });
    this.place = el("div", { class: "work" });
    this.strips = el("div");
    this.uploader = new Uploader((answer) => this.addPhotos(answer));
    const onchange = () => this.comparison?.identify();
    this.scope = new ScopePicker({ onchange, signal });
  }

  async open() {
    const { place, queue, scope, screen, signal, strips } = this;
    const before = el("div", { class: "before-photos" }, this.uploader.node, scope.node);
    put(screen, heading(t("review.title"), this.remaining), before, strips, place);
    document.addEventListener("keydown", (event) => this.onkey(event), { signal });
    let isThere = false;
    await loadInto(place, async () => {
      await queue.fetch().catch((error) => {
        if (error.name === "AbortError" || !queue.size) throw error;
        alarm(error); // photos that were taken in meanwhile can be reviewed all the same
      });
      isThere = true;
      return [];
    });
    if (!isThere) return; // the place shows what went wrong, or another screen is shown
    this.uploader.node.open = !queue.size;
    await this.draw({ isMoved: false });
  }

  addPhotos(answer) {
    const wasEmpty = !this.queue.size;
    for (const card of cardsOfIntake(answer)) this.queue.add(card);
    const shown = this.comparison?.card.key;
    const isChanged = answer.encounter_keys?.includes(shown);
    if (wasEmpty || isChanged) this.draw({ isMoved: false });
    else this.drawQueue();
  }

  drawQueue() {
    const { queue, strips } = this;
    const badge = document.getElementById("waiting");
    badge.hidden = !queue.photos;
    put(badge, numberText(queue.photos));
    put(this.remaining, queue.photos ? t("review.left", { count: queue.photos }) : "");
    put(strips, queue.size > 1 ? strip(queue, (key) => this.goTo(key)) : null);
  }

  goTo(key) {
    this.queue.goTo(key);
    return this.draw();
  }

  // Show the present card; `isMoved` takes the focus to it.
  async draw({ isMoved = true } = {}) {
    const { queue, scope, signal } = this;
    const { current } = queue;
    if (!current) {
      this.drawQueue();
      this.comparison = null;
      put(this.place, this.nothing());
      return;
    }
    const card = await this.fetchCard(current);
    if (!card || signal.aborted || queue.current?.key !== card.key) return;
    queue.key = card.key;
    this.drawQueue();
    this.bar = new ActionBar(this, decisions);
    const confirm = (at) => this.confirm(at);
    const onanswer = (answer) => this.bar.draw(answer);
    const options = { signal, confirm, bar: this.bar, scope, onanswer };
    this.comparison = new Comparison(card, options);
    put(this.place, this.comparison.node);
    if (isMoved) this.comparison.node.querySelector("h2").focus({ preventScroll: true });
  }

  // The card as it is now; one that somebody else has reviewed meanwhile is passed over.
  async fetchCard(card) {
    try {
      return await openCard(card.key, { signal: this.signal });
    } catch (error) {
      if (error.status === 404) {
        this.queue.drop(card.key);
        await this.draw({ isMoved: false });
      } else if (error.name !== "AbortError") alarm(error);
      return null;
    }
  }

  nothing() {
    return empty(
      decisions.length ? t("review.allDone") : t("review.nothing"),
      t("review.nothingText"),
      decisions.length ? undoButton(decisions, () => this.undoLast()) : null,
    );
  }

  // What a card is called in messages.
  nameOf(card) {
    const [first] = card.cards;
    const many = card.cards.length;
    return many > 1
      ? t("review.cardOf", { name: card.encounter, photos: count(many, "photo") })
      : photoName(first.name);
  }

  // Decide on the present card by `work`; the next one is shown once the service has done it.
  async decide(card, work, text, individual = null) {
    await attempt(async () => {
      const event = await work();
      decisions.push({ revision: event.revision, key: card.key, individual });
      this.queue.drop(card.key);
      await this.queue.fill();
      // Before the next card asks for its candidates.
      window.dispatchEvent(new Event("flukeprint:changed"));
      await this.draw();
      const { photos } = this.queue;
      const left = photos ? t("review.leftSentence", { count: photos }) : t("review.last");
      notify([text, left, ...(event.warnings ?? []).map((each) => `${each}.`)].join(" "));
    });
  }

  async confirm(at) {
    const match = this.comparison.matches[at];
    if (!match) {
      notify(t("review.noCandidate", { number: at + 1 }));
      return;
    }
    await this.confirmAs(match.individual);
  }

  async confirmAs(individual) {
    const { card } = this.comparison;
    const seen = await this.animalSeen(card);
    if (!seen) return;
    const work = () => this.act(card, "confirm", { individual, ...seen });
    await this.decide(
      card,
      work,
      t("review.confirmed", { name: this.nameOf(card), individual }),
      individual,
    );
  }

  // An act on a card's photos as they were looked at.
  act(card, name, body) {
    const photos = card.cards.map((photo) => photo.name);
    return post(path("queue", "encounters", card.key, name), { ...body, photos });
  }

  async find() {
    const { card } = this.comparison;
    const individual = await findIndividual(t("review.whoIsIt", { name: this.nameOf(card) }));
    if (individual && this.comparison?.card === card) await this.confirmAs(individual);
  }

  // The individual that was confirmed or made last in this visit.
  get lastIndividual() {
    return decisions.findLast((one) => one.individual)?.individual ?? null;
  }

  async confirmAsBefore() {
    if (this.lastIndividual) await this.confirmAs(this.lastIndividual);
    else notify(t("review.noneBefore"));
  }

  // What a confirmation says besides the individual; null where it must not be sent. A photo in
  // which the service sees no animal is never enrolled by a single key.
  async animalSeen(card) {
    const answers = [this.comparison?.answer, ...card.cards.map((photo) => photo.answer)];
    if (!answers.some((answer) => answer?.decision === "no_animal")) return {};
    const many = card.cards.length > 1;
    const isSeen = await form(t(many ? "review.noAnimalMany" : "review.noAnimal"), {
      text: t(many ? "review.noAnimalManyText" : "review.noAnimalText"),
      accept: t("review.iSeeIt"),
      act: async () => true,
    });
    return isSeen ? { is_animal: true } : null;
  }

  // `isProposed` takes the id that the service proposes, and doesn't ask for one.
  async makeIndividual({ isProposed = false } = {}) {
    const { card } = this.comparison;
    const seen = await this.animalSeen(card);
    if (!seen) return;
    let event = null;
    const shown = this.nameOf(card);
    const many = card.cards.length > 1;
    const enrol = async (individual) => {
      await refuseKnown(individual);
      event = await this.act(card, "confirm", { individual, ...seen });
      return event;
    };
    const text = many
      ? t("review.firstPhotos", { name: shown })
      : t("review.firstPhoto", { name: shown });
    const name = await (isProposed ? makeProposedIndividual(enrol) : makeIndividual(text, enrol));
    if (name)
      await this.decide(
        card,
        async () => event,
        t("review.firstOf", { name: shown, individual: name }),
        name,
      );
  }

  async reject() {
    const { card } = this.comparison;
    const work = () => this.act(card, "reject", {});
    await this.decide(card, work, t("review.rejected", { name: this.nameOf(card) }));
  }

  async skip() {
    if (this.queue.size < 2) {
      notify(t("review.onlyOne"));
      return;
    }
    this.queue.skip();
    await this.queue.fill();
    await this.draw();
    notify(t("review.skipped", { name: this.comparison ? this.nameOf(this.comparison.card) : "" }));
  }

  // Give the photo that is shown a card of its own.
  async takeOut() {
    const { card, shown } = this.comparison;
    if (card.cards.length < 2) {
      notify(t("review.onlyPhoto"));
      return;
    }
    const { name } = card.cards[shown];
    const text = t("review.outNow", { name: photoName(name) });
    await this.regroup("split", { photos: [name] }, text);
  }

  async joinNext() {
    const { neighbour } = this.queue;
    if (!neighbour) {
      notify(t("review.noOther"));
      return;
    }
    await this.regroup("join", { other: neighbour.key }, t("review.joined"));
  }

  async regroup(name, body, text) {
    const { card } = this.comparison;
    await attempt(async () => {
      const event = await post(path("queue", "encounters", card.key, name), body);
      decisions.push({ revision: event.revision, key: card.key, individual: null });
      await this.queue.fetch();
      const isThere = this.queue.cards.some((one) => one.key === card.key);
      await this.goTo(isThere ? card.key : (event.encounters[0] ?? null));
      notify(text);
    });
  }

  async undoLast() {
    const last = decisions.at(-1);
    if (!last) {
      notify(t("common.nothingToUndoHistory"));
      return;
    }
    await attempt(async () => {
      decisions.pop(); // also where it is refused: the history can try again
      await undo(last.revision);
      await this.queue.fetch();
      if (!this.queue.cards.some((card) => card.key === last.key)) {
        const card = await openCard(last.key, { signal: this.signal });
        this.queue.add(card, { isFirst: true });
        this.queue.photos -= card.photos.length; // counted already
      }
      this.queue.skipped.delete(last.key);
      await this.goTo(last.key);
      const { comparison } = this;
      const name = comparison && this.nameOf(comparison.card);
      notify(t(name ? "review.undoneNow" : "review.undone", { name }));
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

  // What a key does to the present card or to the decisions, if anything.
  actOf(key) {
    const always = { u: () => this.undoLast(), "?": showHelp };
    if (!this.comparison) return always[key];
    if (/^[1-5]$/.test(key)) return () => this.confirm(Number(key) - 1);
    const decide = {
      n: () => this.makeIndividual(),
      N: () => this.makeIndividual({ isProposed: true }),
      x: () => this.reject(),
      s: () => this.skip(),
      p: () => this.takeOut(),
      j: () => this.joinNext(),
      "/": () => this.find(),
      "=": () => this.confirmAsBefore(),
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
  const detail = t("review.exists", { name });
  throw new Problem({ detail }, 409);
}
