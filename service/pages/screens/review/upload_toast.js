// What becomes of a large upload, in a corner: how far it is, and how long it will still take.

import { button, el, put } from "../../dom.js";
import { count } from "../../formatting.js";
import { numberText, t } from "../../texts.js";

const SHOWN_MS = 6000; // once all is sent

export class UploadToast {
  // `onopen` shows the panel with the details.
  constructor(total, onopen) {
    this.total = total;
    this.started = performance.now();
    this.bar = el("progress", { max: total, value: 0, "aria-label": t("upload.photosSent") });
    this.text = el(
      "p",
      {},
      t("upload.sentOf", { over: numberText(0), photos: count(total, "photo") }),
    );
    const open = button(t("common.show"), onopen, { class: "quiet small" });
    this.node = el("div", { class: "upload-toast", role: "status" }, this.bar, this.text, open);
    document.body.append(this.node);
  }

  show(rows) {
    const over = rows.filter((row) => row.isOver).length;
    const seconds = (performance.now() - this.started) / 1000;
    const left = over ? (seconds / over) * (this.total - over) : 0;
    this.bar.value = over;
    const values = { over: numberText(over), photos: count(this.total, "photo") };
    const text = left
      ? t("upload.sentLeft", { ...values, left: remainingText(left) })
      : t("upload.sentOf", values);
    put(this.text, text);
  }

  end(text, isKept) {
    this.bar.remove();
    put(this.text, text);
    const close = () => this.node.remove();
    if (isKept) this.node.append(button(t("common.close"), close, { class: "quiet small" }));
    else setTimeout(close, SHOWN_MS);
  }
}

function remainingText(seconds) {
  if (seconds < 90) return t("upload.secondsLeft", { count: Math.max(1, Math.round(seconds)) });
  return t("upload.minutesLeft", { count: Math.round(seconds / 60) });
}
