// The bar of decisions: the strong button is what the answer suggests, grey ones say why.

import { button, el, keyLabel, put } from "../../dom.js";
import { notify } from "../../notify.js";
import { oneAtATime } from "../../keys.js";
import { showHelp } from "./help.js";

export class ActionBar {
  // `review` does what the buttons say.
  constructor(review, decisions) {
    this.review = review;
    this.decisions = decisions;
    this.node = el("div", { class: "actions", role: "group", "aria-label": "Decision" });
    this.more = el("div", { class: "more-acts", role: "group", "aria-label": "This encounter" });
  }

  // `answer` is null for a card that was not identified yet.
  draw(answer) {
    const { review } = this;
    const decision = answer?.decision;
    const first = answer?.matches[0];
    const isKnown = decision === "known" && first;
    put(
      this.node,
      isKnown ? this.act("1", `Confirm ${first.individual}`, () => review.confirm(0), true) : null,
      this.act("n", "New individual", () => review.makeIndividual(), decision === "new_whale"),
      this.act("/", "Find", () => review.find()),
      this.act("x", "Reject", () => review.reject()),
      this.act("s", "Skip", () => review.skip(), false, this.onlyOne()),
      undoButton(this.decisions, () => review.undoLast()),
      button(keyLabel("?", "Help"), showHelp, { class: "quiet", "aria-keyshortcuts": "?" }),
    );
    const last = review.lastIndividual;
    const none = last ? null : "No photo was confirmed in this visit yet.";
    const same = last ? `Same as before: ${last}` : "Same as before";
    put(
      this.more,
      this.act("=", same, () => review.confirmAsBefore(), false, none),
      this.act("p", "Take this photo out", () => review.takeOut(), false, this.onlyPhoto()),
      this.act("j", "Join with the next", () => review.joinNext(), false, this.noNext()),
    );
  }

  onlyOne() {
    return this.review.queue.size < 2 ? "This is the only photo left." : null;
  }

  onlyPhoto() {
    const card = this.review.queue.current;
    return (card?.photos.length ?? 0) < 2 ? "This is the only photo of its encounter." : null;
  }

  noNext() {
    return this.review.queue.neighbour ? null : "There is no other card to join with.";
  }

  act(key, label, work, isStrong = false, why = null) {
    const attributes = { "aria-keyshortcuts": key, class: isStrong ? "first" : null };
    const once = () => oneAtATime(this.review.screen, work);
    return guarded(keyLabel(key, label), once, why, attributes);
  }
}

export function undoButton(decisions, act) {
  const why = decisions.length ? null : "Nothing to undo from this visit.";
  return guarded(keyLabel("u", "Undo"), act, why, { "aria-keyshortcuts": "u" });
}

// A button that is grey, and says `why`, where it can do nothing.
export function guarded(label, act, why, attributes = {}) {
  const grey = why ? { "aria-disabled": "true", title: why, "aria-description": why } : {};
  return button(label, () => (why ? notify(why) : act()), { ...attributes, ...grey });
}
