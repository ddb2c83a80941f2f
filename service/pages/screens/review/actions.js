// The bar of decisions: the strong button is what the answer suggests, grey ones say why.

import { button, el, keyLabel, put } from "../../dom.js";
import { notify } from "../../notify.js";
import { oneAtATime } from "../../keys.js";
import { t } from "../../texts.js";
import { showHelp } from "./help.js";

export class ActionBar {
  // `review` does what the buttons say.
  constructor(review, decisions) {
    this.review = review;
    this.decisions = decisions;
    this.node = el("div", { class: "actions", role: "group", "aria-label": t("review.decision") });
    this.more = el("div", {
      class: "more-acts",
      role: "group",
      "aria-label": t("review.thisEncounter"),
    });
  }

  // `answer` is null for a card that was not identified yet.
  draw(answer) {
    const { review } = this;
    const decision = answer?.decision;
    const first = answer?.matches[0];
    const isKnown = decision === "known" && first;
    put(
      this.node,
      isKnown
        ? this.act(
            "1",
            t("review.confirmAs", { individual: first.individual }),
            () => review.confirm(0),
            true,
          )
        : null,
      this.act(
        "n",
        t("common.newIndividual"),
        () => review.makeIndividual(),
        decision === "new_whale",
      ),
      this.act("/", t("review.find"), () => review.find()),
      this.act("x", t("review.reject"), () => review.reject()),
      this.act("s", t("review.skip"), () => review.skip(), false, this.onlyOne()),
      undoButton(this.decisions, () => review.undoLast()),
      button(keyLabel("?", t("review.help")), showHelp, {
        class: "quiet",
        "aria-keyshortcuts": "?",
      }),
    );
    const last = review.lastIndividual;
    const none = last ? null : t("review.noneBefore");
    const same = last ? t("review.sameAs", { individual: last }) : t("review.same");
    put(
      this.more,
      this.act("=", same, () => review.confirmAsBefore(), false, none),
      this.act("p", t("review.takeOut"), () => review.takeOut(), false, this.onlyPhoto()),
      this.act("j", t("review.join"), () => review.joinNext(), false, this.noNext()),
    );
  }

  onlyOne() {
    return this.review.queue.size < 2 ? t("review.onlyOne") : null;
  }

  onlyPhoto() {
    const card = this.review.queue.current;
    return (card?.photos.length ?? 0) < 2 ? t("review.onlyPhoto") : null;
  }

  noNext() {
    return this.review.queue.neighbour ? null : t("review.noOther");
  }

  act(key, label, work, isStrong = false, why = null) {
    const attributes = { "aria-keyshortcuts": key, class: isStrong ? "first" : null };
    const once = () => oneAtATime(this.review.screen, work);
    return guarded(keyLabel(key, label), once, why, attributes);
  }
}

export function undoButton(decisions, act) {
  const why = decisions.length ? null : t("common.nothingToUndo");
  return guarded(keyLabel("u", t("common.undo")), act, why, { "aria-keyshortcuts": "u" });
}

// A button that is grey, and says `why`, where it can do nothing.
export function guarded(label, act, why, attributes = {}) {
  const grey = why ? { "aria-disabled": "true", title: why, "aria-description": why } : {};
  return button(label, () => (why ? notify(why) : act()), { ...attributes, ...grey });
}
