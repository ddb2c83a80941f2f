// One photo that is sent: its progress, and the reason where it is refused.

import { idempotencyKey, Problem, upload } from "../../api.js";
import { button, el, put } from "../../dom.js";
import { messageOf } from "../../notify.js";
import { shareText, t } from "../../texts.js";

export class UploadRow {
  // `values` are the form's other fields; `onadded` is called with the answer about the photo.
  constructor(file, values, onadded) {
    Object.assign(this, { file, values, onadded });
    this.isAdded = false;
    this.isOver = false; // added, or refused
    this.attemptKey = idempotencyKey();
    this.bar = el("progress", {
      max: 1,
      value: 0,
      "aria-label": t("upload.sendingOne", { name: file.name }),
    });
    this.status = el("span", { class: "progress-text" }, t("upload.waiting"));
    this.node = el("li", {}, el("span", { class: "name" }, file.name), this.bar, this.status);
  }

  async send() {
    await sendTogether([this]);
  }

  start() {
    this.node.classList.remove("failed");
    this.bar.hidden = false;
    put(this.status, t("upload.sending"));
  }

  progress(share) {
    this.bar.value = share;
    put(this.status, share < 1 ? shareText(share) : t("upload.identifying"));
  }

  showAdded() {
    this.isAdded = this.isOver = true;
    this.bar.hidden = true;
    put(this.status, t("upload.addedOne"));
  }

  showFailure(error) {
    this.isOver = this.bar.hidden = true;
    this.node.classList.add("failed");
    const again = button(t("common.tryAgain"), () => this.send(), { class: "quiet small" });
    const told = error.reason || error.errors?.[0]?.reason || messageOf(error);
    const reason = told.startsWith(`${this.file.name}: `)
      ? told.slice(this.file.name.length + 2)
      : told;
    put(this.status, el("span", {}, reason), " ", error.isFinal ? null : again);
  }
}

// Send some photos in one request. The service takes in all or none: those that it can't read are
// left out, and the others are sent again.
export async function sendTogether(rows) {
  for (const row of rows) row.start();
  try {
    const answer = await upload("/v1/queue", formOf(rows), {
      onprogress: (share) => rows.forEach((row) => row.progress(share)),
      attemptKey: rows[0].attemptKey,
    });
    showAnswer(rows, answer);
    if (answer.photos.length) rows[0].onadded(answer);
  } catch (error) {
    const bad = badRows(rows, error);
    const isPart = bad.size > 0 && bad.size < rows.length;
    for (const row of rows) if (!isPart || bad.has(row)) row.showFailure(bad.get(row) ?? error);
    const others = isPart ? rows.filter((row) => !bad.has(row)) : [];
    for (const row of others) row.attemptKey = idempotencyKey(); // it is another request
    if (others.length) await sendTogether(others);
  }
}

// The rows of photos that a problem names, each with its own reason.
function badRows(rows, error) {
  if (error.slug !== "bad-photos") return new Map();
  const faults = (error.errors || []).filter((fault) => rows[fault.position]);
  return new Map(faults.map((fault) => [rows[fault.position], { reason: fault.reason }]));
}

function formOf(rows) {
  const form = new FormData();
  for (const { file } of rows)
    form.append("photos", file, file.path || file.webkitRelativePath || file.name);
  for (const [name, value] of rows[0].values) form.append(name, value);
  return form;
}

function showAnswer(rows, answer) {
  const skipped = [...(answer.skipped || [])];
  for (const row of rows) {
    const sent = row.file.path || row.file.webkitRelativePath || row.file.name;
    const at = skipped.findIndex((one) => one.photo === sent);
    if (at < 0) row.showAdded();
    else {
      const [{ reason }] = skipped.splice(at, 1);
      row.showFailure(Object.assign(new Problem({ detail: reason }, 200), { isFinal: true }));
    }
  }
}
