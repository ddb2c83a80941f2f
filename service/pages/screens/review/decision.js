// The panel above a comparison: the card, the service's answer, and the reason for it.

import { actionButton, el, keyLabel, put } from "../../dom.js";
import {
  DECISIONS,
  count,
  dayText,
  percent,
  photoName,
  qualityText,
  species,
  speciesText,
  turnText,
} from "../../formatting.js";
import { t } from "../../texts.js";

export class DecisionPanel {
  constructor(card, { scope, identify }) {
    this.scope = scope;
    this.identify = identify;
    this.card = card;
    this.title = el("div", { class: "present" });
    this.node = el("div", { class: "decision" });
    this.show(card.cards[0]);
  }

  // Name the photo of the card that is compared.
  show(photo) {
    this.photo = photo;
    put(this.title, titleOf(this.card, photo));
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
      answer ? el("p", { class: "reason", lang: "en" }, answer.reason) : null,
      photoText(this.photo.answer),
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
    if (text) put(place, el("b", {}, t("review.species")), ` ${text}`);
    if (found?.name) place.title = found.reason;
  }

  buttons() {
    return el(
      "p",
      { class: "acts" },
      actionButton(keyLabel("a", t("review.again")), this.identify, {
        class: "quiet small",
        title: t("review.againHint"),
      }),
    );
  }
}

function titleOf(card, photo) {
  const taken = dayText(photo.taken_at);
  const date = photo.is_dated_by_photo ? t("review.dateOfFile", { date: taken }) : taken;
  const many = card.cards.length;
  const photos = many > 1 ? count(many, "photo") : "";
  const encounter = photo.encounter && t("review.ofEncounter", { name: photo.encounter });
  const facts = [date, encounter, photos, card.region, species(photo.species)];
  return [
    el("h2", { id: "present", tabindex: "-1" }, photoName(photo.name)),
    el("span", { class: "facts" }, facts.filter(Boolean).join(" · ")),
  ];
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
    el("strong", {}, answer ? DECISIONS[answer.decision] : t("review.notIdentified")),
    first ? el("span", {}, ` – ${first.individual}, ${percent(answer.probability)}`) : null,
  );
}
