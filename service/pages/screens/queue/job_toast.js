// A job that fills the queue, started here and followed in a corner, on whichever screen one is.

import { get, path, post, send } from "../../api.js";
import { button, el, put } from "../../dom.js";
import { count } from "../../formatting.js";
import { notify } from "../../notify.js";
import { numberText, t } from "../../texts.js";
import { duration, queueOf } from "../admin/job_card.js";

const POLL_MS = 2000;
const MOVING = new Set(["queued", "running", "interrupted"]);

// Identify a folder of the service, or a zip, and put the photos into the queue.
export async function startReview({ folder, archive }) {
  let job = null;
  if (archive) {
    const sent = new FormData();
    sent.append("kind", "identify");
    sent.append("parameters", JSON.stringify({ review: true }));
    sent.append("archive", archive, archive.name);
    notify(t("jobs.sending", { name: archive.name }));
    job = await (await send("POST", "/v1/jobs", { form: sent })).json();
  } else job = await post("/v1/jobs", { kind: "identify", parameters: { folder, review: true } });
  new JobToast(job).follow();
  return job;
}

class JobToast {
  constructor(job) {
    this.job = job;
    this.bar = el("progress", { max: 1, value: 0, "aria-label": this.label });
    this.text = el("p");
    const close = () => this.node.remove();
    this.node = el(
      "div",
      { class: "upload-toast", role: "status" },
      this.bar,
      this.text,
      el("a", { href: queueOf(job), onclick: () => this.isOver && close() }, t("job.inQueue")),
      button(t("common.close"), close, { class: "quiet small" }),
    );
    document.body.append(this.node);
    this.draw();
  }

  get isOver() {
    return !MOVING.has(this.job.state);
  }

  get label() {
    return t("job.progressOf", { id: this.job.id });
  }

  async follow() {
    while (!this.isOver) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      if (!this.node.isConnected) return;
      // The service may be starting again: the job goes on then.
      this.job = await get(path("jobs", this.job.id)).catch(() => this.job);
      this.draw();
    }
    this.bar.remove();
    window.dispatchEvent(new Event("flukeprint:changed"));
  }

  draw() {
    const { done, error_count: unused, eta_seconds: left, id, state, total } = this.job;
    this.bar.value = total ? done / total : 0;
    const facts = [
      this.isOver ? t(`job.state.${state}`) : null,
      total ? t("job.doneOf", { done: numberText(done), files: count(total, "file") }) : null,
      !this.isOver && left ? t("job.left", { duration: duration(left) }) : null,
      unused ? t("job.notUsed", { count: unused }) : null,
    ];
    put(this.text, [t("job.numbered", { id }), ...facts].filter(Boolean).join(" · "));
  }
}
