// The photos of one encounter next to the individuals that they may show.

import { query, send } from "../../api.js";
import { sides } from "../../box_geometry.js";
import { actionButton, el, put } from "../../dom.js";
import { dayText, photoName } from "../../formatting.js";
import { attempt } from "../../notify.js";
import { boxOf, urlOf } from "../../photo.js";
import { listText, t } from "../../texts.js";
import { viewer } from "../../viewer.js";
import { clear, loadInto } from "../../widgets.js";
import { Animals } from "./animals.js";
import { candidateList } from "./candidates.js";
import { DecisionPanel } from "./decision.js";
import { markPhoto, photosAndRecord, photoStrip } from "./individual_photos.js";
import { ownStrip } from "./own_photos.js";
import { openCard } from "./queue.js";

const SENT_PX = 2048;
const FIRST_K = 5; // candidates; the list goes on to
const MOST_K = 50;
const MORE_K = 15;

export class Comparison {
  // `confirm` is called with the position of the confirmed candidate; `bar` has the buttons, and
  // `onanswer` is called with each answer that is shown. `boxed` has what the boxes need.
  constructor(card, { signal, confirm, bar, scope, onanswer, boxed }) {
    Object.assign(this, { card, signal, confirm, scope, bar, onanswer });
    this.answer = card.answer ?? card.cards[0].answer;
    this.k = FIRST_K;
    this.shown = 0; // the position of the card's photo that is compared
    this.displayNames = new Map(); // of the candidates, by their ids
    this.selected = 0; // the position of the candidate that is compared
    this.photo = null; // the candidate's photo that is compared
    this.requests = 0;
    const identify = () => this.identify();
    this.viewer = viewer({ titles: [t("viewer.yours"), t("viewer.candidate")], signal });
    this.animals = new Animals(boxed);
    this.decision = new DecisionPanel(card, { scope, identify });
    this.candidatePlace = el("div");
    this.ownPlace = el("div");
    this.strip = el("section", {
      class: "all-photos",
      "aria-label": t("review.candidatePhotos"),
    });
    this.node = this.layout();
    this.keys = {
      ...this.viewer.keys,
      ...this.animals.keys,
      a: (event) => event.repeat || identify(), // a key that is held down sends one request
      ArrowLeft: () => this.select(this.selected - 1),
      ArrowRight: () => this.select(this.selected + 1),
      "[": () => this.showOwn(this.shown - 1),
      "]": () => this.showOwn(this.shown + 1),
    };
    this.showPhoto();
    this.drawAnswer();
    if (scope.isSet()) this.identify();
  }

  // The card's photo that is compared.
  get own() {
    return this.card.cards[this.shown];
  }

  get matches() {
    return this.answer ? this.answer.matches : [];
  }

  layout() {
    const compare = [this.ownPlace, this.animals.node, this.viewer.node, this.strip];
    return el(
      "section",
      { class: "comparison", "aria-labelledby": "present" },
      this.decision.node,
      el(
        "div",
        { class: "sides" },
        el("div", { class: "side-compare" }, compare),
        el("div", { class: "side-candidates" }, this.candidatePlace),
      ),
      this.bar.more,
      this.bar.node,
    );
  }

  showPhoto() {
    const { card, own, shown } = this;
    const name = photoName(own.name);
    const many = card.cards.length;
    this.viewer.show(0, {
      name: own.name,
      url: own.url,
      box: boxOf(own),
      quarterTurns: own.answer?.quarter_turns ?? 0,
      alt: t("review.yourPhoto", { name }),
      caption:
        many > 1
          ? t("review.yourPhotoOf", { at: shown + 1, many, name })
          : t("review.yourPhotoIs", { name }),
    });
    this.animals.show(own, card.same_pictures ?? [], this.viewer.own);
    this.decision.show(own);
    put(
      this.ownPlace,
      ownStrip(card.cards, shown, (at) => this.showOwn(at)),
    );
  }

  // Compare another photo of the card.
  showOwn(at) {
    if (at === this.shown || !this.card.cards[at]) return;
    this.shown = at;
    this.showPhoto();
    this.decision.draw(this.answer);
  }

  drawAnswer({ selected = 0 } = {}) {
    this.onanswer(this.answer);
    this.decision.draw(this.answer);
    this.candidates = candidateList(this.matches, {
      names: this.displayNames,
      onselect: (at) => this.select(at),
      onconfirm: this.confirm,
    });
    put(
      this.candidatePlace,
      el("h3", {}, t("review.candidates")),
      this.matches.length ? this.candidates.node : el("p", {}, t("review.noIndividual")),
      this.matches.length >= this.k && this.k < MOST_K
        ? actionButton(t("review.moreCandidates"), () => this.fetchMore(), { class: "more" })
        : null,
    );
    this.select(selected);
    this.showNames();
  }

  // Go on beyond the candidates that are listed.
  async fetchMore() {
    const listed = this.matches.length;
    this.k = Math.min(this.k + MORE_K, MOST_K);
    await this.identify({ selected: listed });
    this.candidates.node.children[listed]?.querySelector("button")?.focus();
  }

  async showNames() {
    const shown = this.matches.map((match) => match.individual);
    await Promise.all(
      shown.map(async (name) => {
        const [, individual] = await photosAndRecord(name).catch(() => [[], null]);
        if (individual?.display_name) this.displayNames.set(name, individual.display_name);
      }),
    );
    this.candidates.showNames();
  }

  // Compare with another candidate. Its nearest photo is shown at once, its box and the other
  // photos when they have come.
  async select(at) {
    const match = this.matches[at];
    if (!match) {
      if (!this.matches.length) this.showNobody();
      return;
    }
    this.selected = at;
    this.candidates.mark(at);
    this.compare({ name: match.photo, url: match.photo_url }, match);
    await loadInto(this.strip, () => this.loadStrip(match));
    markPhoto(this.strip, this.photo?.name);
  }

  showNobody() {
    this.viewer.show(1, null);
    this.photo = null;
    clear(this.strip);
  }

  async loadStrip(match) {
    const [photos] = await photosAndRecord(match.individual);
    // Meanwhile another candidate was chosen, or another answer has come.
    if (this.matches[this.selected] !== match || this.signal.aborted) return [];
    const nearest = photos.find((photo) => photo.name === match.photo);
    if (nearest) this.compare(nearest, match);
    return photoStrip(match.individual, photos, (photo) => this.compare(photo, match));
  }

  compare(photo, match) {
    this.photo = photo;
    const name = this.displayNames.get(match.individual) || match.individual;
    const facts = listText([photoName(photo.name), dayText(photo.taken_at)].filter(Boolean));
    this.viewer.show(1, {
      name: photo.name,
      url: photo.url,
      box: boxOf(photo),
      alt: t("common.photoOfIndividual", { individual: name, photo: photoName(photo.name) }),
      caption: t("review.captionOf", { name, facts }),
    });
    markPhoto(this.strip, photo.name);
  }

  // The form of a request about photos of the card.
  async photoForm(photos) {
    const form = new FormData();
    for (const photo of photos) {
      const address = query(photo.url || urlOf(photo.name), { size_px: SENT_PX });
      const blob = await (await send("GET", address, { signal: this.signal })).blob();
      form.append("photos", blob, "photo.jpg");
    }
    return form;
  }

  // Identify the card in the catalogue as it is now; only the latest request's answer is drawn.
  async identify({ selected = 0 } = {}) {
    this.requests += 1;
    const own = this.requests;
    await attempt(async () => {
      const answer = await this.requestAnswer();
      if (!answer || own !== this.requests) return; // the scope was changed meanwhile
      this.answer = answer;
      this.showPhoto();
      this.drawAnswer({ selected });
    });
  }

  // The whole catalogue is asked by the vectors that are there, a part of it by the photos.
  async requestAnswer() {
    if (!this.scope.isSet()) {
      const { answer } = await openCard(this.card.key, { k: this.k, signal: this.signal });
      return answer;
    }
    const form = await this.photoForm(this.card.cards);
    form.append("k", this.k);
    const given = this.card.cards.map((photo) => (photo.is_box_found ? null : boxOf(photo)));
    if (given.some(Boolean))
      for (const box of given) form.append("box", box ? sides(box).join(" ") : "");
    if (this.card.cards.length > 1) form.append("encounter", "true");
    this.scope.append(form);
    try {
      const sent = await send("POST", "/v1/identify", { form, signal: this.signal });
      const found = await sent.json();
      this.scope.showSearched(found);
      return found.encounter ?? found.results[0];
    } catch (error) {
      if (error.status !== 422) throw error;
      // No individual meets the choice: the picker shows this, and the earlier answer stays.
      this.scope.refused(error);
      return null;
    }
  }
}
