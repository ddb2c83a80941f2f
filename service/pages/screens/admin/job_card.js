// One job: its progress, its buttons and its results.

import { events, get, key, nextOf, path, post, send } from "../../api.js";
import { form } from "../../dialog.js";
import { actionButton, el, put } from "../../dom.js";
import { attempt, notify } from "../../notify.js";
import { count, photoName, when } from "../../formatting.js";
import { measureText, numberText, t } from "../../texts.js";

const MOVING = new Set(["queued", "running"]);
// A browser has six connections to one service, and each job that is followed holds one.
const MOST_FOLLOWED = 3;
const RETRY_MS = 2000;
const ENDED = new Set(["succeeded", "failed", "cancelled"]);
const STATES = {
  queued: t("job.state.queued"),
  running: t("job.state.running"),
  succeeded: t("job.state.succeeded"),
  failed: t("job.state.failed"),
  cancelled: t("job.state.cancelled"),
  interrupted: t("job.state.interrupted"),
};
const stateOf = (job) =>
  job.is_cancel_requested && MOVING.has(job.state) ? t("job.state.stopping") : STATES[job.state];
const KINDS = {
  identify: t("job.kind.identify"),
  reindex: t("job.kind.reindex"),
  upgrade: t("job.kind.upgrade"),
  import: t("job.kind.import"),
  export: t("job.kind.export"),
};
const FORMS = {
  zip: t("job.form.zip"),
  csv: t("job.form.csv"),
  coco: t("job.form.coco"),
  "camtrap-dp": t("job.form.camtrap-dp"),
  kaggle: t("job.form.kaggle"),
};
const FILES = {
  identify: [t("job.save.identify"), ".csv"],
  import: [t("job.save.import"), ".csv"],
  export: [t("job.save.export"), ".zip"],
};

// Where the cards of a job's photos are listed.
export const queueOf = (job) => `#/queue/upload/${encodeURIComponent(job.queue_upload)}`;

const titleOf = (job) => {
  if (job.queue_upload) return t("job.review");
  if (job.kind === "import" && !job.parameters.dry_run) return t("job.checkZip");
  if (job.kind === "upgrade" && job.parameters.checkpoint)
    return t("job.upgradeTo", { checkpoint: job.parameters.checkpoint });
  if (job.kind === "export" && job.parameters.format)
    return t("job.exportAs", { format: FORMS[job.parameters.format] || job.parameters.format });
  return KINDS[job.kind] || job.kind;
};

// Make a function that begins a new list of jobs: it gives the signal for the request, and what
// makes the cards. The earlier list's request is aborted, and its cards stop following their jobs.
// `again` shows the list anew; `more` makes what else the card of an ended job shows.
export function jobLists({ signal, again }) {
  let before = new AbortController();
  signal.addEventListener("abort", () => before.abort(), { once: true });
  return () => {
    before.abort();
    before = new AbortController();
    if (signal.aborted) before.abort(); // the screen was left while a job was asked for
    const listSignal = before.signal;
    const cards = (jobs, more = () => null) => {
      const turns = [];
      const next = () => turns.shift()?.();
      const made = new Map(
        jobs.map((job) => [job, jobCard(job, { signal, listSignal, next, again, more })]),
      );
      const moving = jobs.filter((job) => MOVING.has(job.state));
      moving.sort(
        (one, other) =>
          (other.state === "running") - (one.state === "running") || one.id - other.id,
      );
      turns.push(...moving.map((job) => made.get(job).follow));
      for (let at = 0; at < MOST_FOLLOWED; at += 1) next();
      return jobs.map((job) => made.get(job).node);
    };
    return { listSignal, cards };
  };
}

// A card, and what keeps it up to date until its job ends; then the `next` card follows.
function jobCard(first, { signal, listSignal, next, again, more }) {
  const id = first.id;
  const now = el("div", { class: "job-now" });
  const acts = el("p", { class: "acts" });
  const faults = el("div");
  const below = el("div");
  const node = el("li", { class: "job" }, now, acts, faults, below);
  const unused = actionButton("", () => showFaults(), { class: "quiet small" });
  let drawnOffers = null;
  draw(first);
  return { node, follow };

  async function follow() {
    let last = first;
    try {
      for await (const event of events(path("jobs", id, "events"), listSignal)) {
        last = event.data;
        draw(last);
      }
      if (MOVING.has(last.state)) throw new Error(); // the service stopped: retried below
      notify(t("job.now", { id, state: stateOf(last).toLowerCase() }));
      next();
    } catch (error) {
      if (error.name !== "AbortError" && !listSignal.aborted)
        setTimeout(() => listSignal.aborted || follow(), RETRY_MS);
    }
  }

  function draw(job) {
    const isMoving = MOVING.has(job.state);
    const share = job.state === "succeeded" ? 1 : job.total ? job.done / job.total : null;
    put(
      now,
      el(
        "div",
        { class: "job-head" },
        el("h2", {}, titleOf(job), el("span", { class: "heading-note" }, ` ${job.id}`)),
        el("span", { class: `state ${job.state}` }, stateOf(job)),
      ),
      el("progress", {
        max: 1,
        value: share ?? 0,
        "aria-label": t("job.progressOf", { id: job.id }),
        hidden: !isMoving && job.state === "succeeded",
      }),
      el(
        "p",
        { class: "facts" },
        [
          job.total === null
            ? null
            : t("job.doneOf", { done: numberText(job.done), files: count(job.total, "file") }),
          isMoving && job.rate ? t("job.perSecond", { rate: numberText(job.rate, 1) }) : null,
          isMoving && job.eta_seconds
            ? t("job.left", { duration: duration(job.eta_seconds) })
            : null,
          when(job.ended_at || job.started_at || job.asked_at),
          job.asked_by && t("job.by", { name: job.asked_by }),
        ]
          .filter(Boolean)
          .join(" · "),
      ),
      job.reason ? el("p", { class: "problem", lang: "en" }, job.reason) : null,
    );
    put(unused, t("job.notUsed", { count: job.error_count }));
    unused.hidden = !job.error_count;
    // The buttons stay the same ones while a job goes on: somebody may be about to press one.
    const isQueued = Boolean(job.queue_upload && job.done);
    const offers = `${isMoving ? "moving" : job.state} ${job.is_cancel_requested} ${isQueued}`;
    if (drawnOffers !== offers) {
      drawnOffers = offers;
      put(
        acts,
        isMoving && !job.is_cancel_requested
          ? actionButton(t("job.cancel"), () => act("cancel"), {
              class: "small",
              "aria-label": t("job.cancelOf", { id: job.id }),
            })
          : null,
        ["failed", "cancelled", "interrupted"].includes(job.state)
          ? actionButton(t("job.resume"), () => act("resume"), {
              class: "small first",
              "aria-label": t("job.resumeOf", { id: job.id }),
            })
          : null,
        job.state === "succeeded" && job.kind in FILES
          ? actionButton(FILES[job.kind][0], () => save(job), {
              class: "small",
              "aria-label": t("job.saveOf", { act: FILES[job.kind][0], id: job.id }),
            })
          : null,
        isQueued
          ? el(
              "a",
              {
                href: queueOf(job),
                "aria-label": t("job.inQueueOf", { id: job.id }),
              },
              t("job.inQueue"),
            )
          : null,
        unused,
        ENDED.has(job.state)
          ? actionButton(t("job.remove"), () => drop(job), {
              class: "quiet small",
              "aria-label": t("job.removeOf", { id: job.id }),
            })
          : null,
      );
      if (!isMoving) put(below, more(job));
    }
  }

  async function act(what) {
    await attempt(async () => {
      const job = await post(path("jobs", id, what));
      draw(job);
      notify(t("job.now", { id, state: stateOf(job).toLowerCase() }));
      await again();
    });
  }

  async function showFaults(cursor = null) {
    await attempt(async () => {
      const page = await get(path("jobs", id, "errors"), { cursor }, { signal });
      const listed = el(
        "ul",
        { class: "faults" },
        page.errors.map((fault) =>
          el("li", {}, el("b", {}, photoName(fault.file)), ` ${fault.reason}`),
        ),
      );
      const following = nextOf(page);
      if (cursor === null) put(faults);
      faults.append(
        listed,
        following === null
          ? ""
          : actionButton(t("common.showMore"), async (pressed) => {
              pressed.remove();
              await showFaults(following);
            }),
      );
    });
  }

  async function drop(job) {
    const sure = await form(t("job.removeTitle", { id: job.id }), {
      text: t("job.removeText"),
      accept: t("job.remove"),
      danger: true,
      act: () => send("DELETE", path("jobs", job.id)),
    });
    if (sure) await attempt(again);
  }

  async function save(job) {
    const address = path("jobs", job.id, "result");
    const name = `${job.kind}-${job.id}${FILES[job.kind][1]}`;
    if (!key.get()) {
      el("a", { href: address, download: name }).click();
      return;
    }
    // A link can't send a key.
    await attempt(async () => {
      const blob = await (await send("GET", address, { signal })).blob();
      const url = URL.createObjectURL(blob);
      el("a", { href: url, download: name }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    });
  }
}

// How long something takes, as a person says it.
export function duration(seconds) {
  if (seconds < 90) return measureText(Math.ceil(seconds), "second");
  return seconds < 5400
    ? measureText(Math.round(seconds / 60), "minute")
    : measureText(seconds / 3600, "hour", 1);
}
