// One photo next to the individuals that it may show.

import { send } from "../../api.js";
import { el, put } from "../../dom.js";
import { day, photoName } from "../../formatting.js";
import { attempt } from "../../notify.js";
import { boxOf, urlOf } from "../../photo.js";
import { viewer } from "../../viewer.js";
import { clear, loadInto } from "../../widgets.js";
import { MOST, candidateList } from "./candidates.js";
import { DecisionPanel } from "./decision.js";
import { HeatMap } from "./heat_map.js";
import { markPhoto, photosAndRecord, photoStrip } from "./individual_photos.js";

const SENT_PX = 2048;
// A key that is held down sends one request.
const once = (act) => (event) => event.repeat || act();

export class Comparison {
  // `confirm` is called with the position of the confirmed candidate; `actions` are the buttons.
  constructor(card, { signal, confirm, actions, scope }) {
    Object.assign(this, { card, signal, confirm, scope });
    this.url = card.url || urlOf(card.name);
    this.answer = card.answer;
    this.displayNames = new Map(); // of the candidates, by their ids
    this.selected = 0; // the position of the candidate that is compared
    this.photo = null; // the candidate's photo that is compared
    this.requests = 0;
    const explain = () => this.explain();
    const identify = () => this.identify();
    this.viewer = viewer();
    this.decision = new DecisionPanel(card, { scope, explain, identify });
    this.heatMap = new HeatMap(card, () => this.photoForm(), signal);
    this.candidatePlace = el("div");
    this.strip = el("section", {
      class: "all-photos",
      "aria-label": "All photos of this candidate",
    });
    this.node = this.layout(actions);
    this.keys = {
      ...this.viewer.keys,
      h: once(explain),
      a: once(identify),
      ArrowLeft: () => this.select(this.selected - 1),
      ArrowRight: () => this.select(this.selected + 1),
    };
    this.showPhoto();
    this.drawAnswer();
    if (scope.isSet()) this.identify();
  }

  get matches() {
    return this.answer ? this.answer.matches : [];
  }

  layout(actions) {
    const compare = [this.viewer.node, this.heatMap.node, this.strip];
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
      actions,
    );
  }

  showPhoto() {
    const name = photoName(this.card.name);
    this.viewer.query({
      url: this.url,
      box: boxOf(this.card),
      quarterTurns: this.answer?.quarter_turns ?? 0,
      alt: `Your photo ${name}`,
      caption: `Your photo: ${name}`,
    });
  }

  drawAnswer() {
    this.decision.draw(this.answer);
    this.candidates = candidateList(this.matches, {
      names: this.displayNames,
      onselect: (at) => this.select(at),
      onconfirm: this.confirm,
    });
    put(
      this.candidatePlace,
      el("h3", {}, "Candidates"),
      this.matches.length
        ? this.candidates.node
        : el("p", {}, "The catalogue has no individual to compare with."),
    );
    this.select(0);
    this.showNames();
  }

  async showNames() {
    const shown = this.matches.slice(0, MOST).map((match) => match.individual);
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
    this.heatMap.clear();
    this.compare({ name: match.photo, url: match.photo_url }, match);
    await loadInto(this.strip, () => this.loadStrip(match));
    markPhoto(this.strip, this.photo?.name);
  }

  showNobody() {
    this.viewer.candidate(null);
    this.photo = null;
    clear(this.strip);
    this.heatMap.clear();
  }

  async loadStrip(match) {
    const [photos] = await photosAndRecord(match.individual);
    // Meanwhile another candidate was chosen, or another answer has come.
    if (this.matches[this.selected] !== match || this.signal.aborted) return [];
    const nearest = photos.find((photo) => photo.name === match.photo);
    if (nearest) this.compare(nearest, match);
    return photoStrip(match.individual, photos, (photo) => this.choose(photo, match));
  }

  choose(photo, match) {
    if (photo.name !== this.photo?.name) this.heatMap.clear();
    this.compare(photo, match);
  }

  compare(photo, match) {
    this.photo = photo;
    const name = this.displayNames.get(match.individual) || match.individual;
    const facts = [photoName(photo.name), day(photo.taken_at)].filter(Boolean).join(", ");
    this.viewer.candidate({
      url: photo.url || urlOf(photo.name),
      box: boxOf(photo),
      alt: `${name}, photo ${photoName(photo.name)}`,
      caption: `${name}: ${facts}`,
    });
    markPhoto(this.strip, photo.name);
  }

  async explain() {
    if (this.photo) await this.heatMap.show(this.photo);
  }

  // The form of a request about the curator's photo.
  async photoForm() {
    const address = `${this.url}?size_px=${SENT_PX}`;
    const blob = await (await send("GET", address, { signal: this.signal })).blob();
    const form = new FormData();
    form.append("photos", blob, "photo.jpg");
    return form;
  }

  // Identify the photo in the catalogue as it is now; only the latest request's answer is drawn.
  async identify() {
    this.requests += 1;
    const own = this.requests;
    await attempt(async () => {
      const found = await this.requestAnswer();
      if (!found || own !== this.requests) return; // the scope was changed meanwhile
      this.scope.showSearched(found);
      this.answer = { ...found.results[0], revision: found.catalogue_revision };
      this.showPhoto();
      this.drawAnswer();
    });
  }

  async requestAnswer() {
    const form = await this.photoForm();
    const isNarrowed = this.scope.isSet();
    this.scope.append(form);
    try {
      return await (await send("POST", "/v1/identify", { form, signal: this.signal })).json();
    } catch (error) {
      if (!isNarrowed || error.status !== 422) throw error;
      // No individual meets the choice: the picker shows this, and the earlier answer stays.
      this.scope.refused(error);
      return null;
    }
  }
}
