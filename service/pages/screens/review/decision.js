// The panel above a comparison: the photo, the service's answer, and the reason for it.

import { actionButton, el, keyLabel, put } from "../../dom.js";
import {
  DECISIONS,
  day,
  percent,
  photoName,
  qualityText,
  species,
  speciesText,
  turnText,
} from "../../formatting.js";

export class DecisionPanel {
  constructor(card, { scope, explain, identify }) {
    this.scope = scope;
    this.explain = explain;
    this.identify = identify;
    this.title = photoTitle(card);
    this.node = el("div", { class: "decision" });
  }

  // `answer` is null for a photo that was not identified yet.
  draw(answer) {
    const decision = answer ? answer.decision : "review";
    const speciesLine = el("p", { class: "species" });
    this.drawSpecies(speciesLine, answer);
    this.node.className = `decision ${decision}`;
    put(
      this.node,
      this.title,
      verdict(answer),
      answer ? el("p", { class: "reason" }, answer.reason) : null,
      photoText(answer),
      speciesLine,
      this.buttons(),
    );
  }

  async drawSpecies(place, answer) {
    const found = answer?.species; // answers stored before there were species have none
    const isUnnamed = Boolean(found) && !found.name;
    const hasSeveral = isUnnamed && (await this.scope.hasSeveralSpecies());
    const text = speciesText(found, hasSeveral);
    place.hidden = !text;
    if (text) put(place, el("b", {}, "Species:"), ` ${text}`);
    if (found?.name) place.title = found.reason;
  }

  buttons() {
    return el(
      "p",
      { class: "acts" },
      actionButton(keyLabel("h", "Heat map"), this.explain, { class: "quiet small" }),
      actionButton(keyLabel("a", "Identify again"), this.identify, {
        class: "quiet small",
        title: "In the catalogue as it is now",
      }),
    );
  }
}

function photoTitle(card) {
  const taken = day(card.taken_at);
  const date = card.is_dated_by_photo ? `${taken} (from the photo file)` : taken;
  const facts = [date, card.encounter, species(card.species)].filter(Boolean).join(" · ");
  return el(
    "div",
    { class: "present" },
    el("h2", { id: "present", tabindex: "-1" }, photoName(card.name)),
    facts ? el("span", { class: "facts" }, facts) : null,
  );
}

// What was seen of the photo itself; answers stored by an older service have none of it.
function photoText(answer) {
  const texts = [turnText(answer?.quarter_turns), qualityText(answer?.quality)].filter(Boolean);
  return texts.length ? el("p", { class: "seen" }, texts.join(" ")) : null;
}

function verdict(answer) {
  const first = answer && answer.decision !== "no_animal" && answer.matches[0];
  return el(
    "p",
    { class: "verdict" },
    el("strong", {}, answer ? DECISIONS[answer.decision] : "Not identified yet"),
    first ? el("span", {}, ` – ${first.individual}, ${percent(answer.probability)}`) : null,
  );
}
