// One photo that is sent: its progress, and the reason where it is refused.

import { idempotencyKey, Problem, upload } from "../../api.js";
import { button, el, put } from "../../dom.js";
import { messageOf } from "../../notify.js";

export class UploadRow {
  // `values` are the form's other fields; `onadded` is called with the cards of the added photos.
  constructor(file, values, onadded) {
    Object.assign(this, { file, values, onadded });
    this.isAdded = false;
    this.attemptKey = idempotencyKey();
    this.bar = el("progress", { max: 1, value: 0, "aria-label": `Sending ${file.name}` });
    this.status = el("span", { class: "progress-text" }, "waiting");
    this.node = el("li", {}, el("span", { class: "name" }, file.name), this.bar, this.status);
  }

  async send() {
    this.node.classList.remove("failed");
    put(this.status, "sending");
    try {
      const answer = await upload("/v1/queue", this.form(), {
        onprogress: (share) => this.progress(share),
        attemptKey: this.attemptKey,
      });
      const refused = (answer.skipped || [])[0];
      if (refused && !answer.photos.length)
        throw Object.assign(new Problem({ detail: refused.reason }, 200), { isFinal: true });
      this.isAdded = true;
      put(this.status, "added");
      this.onadded(answer.photos);
    } catch (error) {
      this.showFailure(error);
    }
    this.bar.hidden = true;
  }

  form() {
    const form = new FormData();
    form.append("photos", this.file, this.file.name);
    for (const [name, value] of this.values) form.append(name, value);
    return form;
  }

  progress(share) {
    this.bar.value = share;
    put(this.status, share < 1 ? `${Math.round(share * 100)} %` : "identifying");
  }

  showFailure(error) {
    this.node.classList.add("failed");
    const again = button("Try again", () => this.send(), { class: "quiet small" });
    const reason = error.errors?.[0]?.reason || messageOf(error);
    put(this.status, el("span", {}, reason), " ", error.isFinal ? null : again);
  }
}
