// One job: its progress, its buttons and its results.

import { events, get, key, nextOf, path, post, send } from "../../api.js";
import { form } from "../../dialog.js";
import { actionButton, el, put } from "../../dom.js";
import { attempt, notify } from "../../notify.js";
import { count, photoName, when } from "../../formatting.js";

const MOVING = new Set(["queued", "running"]);
// A browser has six connections to one service, and each job that is followed holds one.
const MOST_FOLLOWED = 3;
const RETRY_MS = 2000;
const ENDED = new Set(["succeeded", "failed", "cancelled"]);
const STATES = {
  queued: "Waiting",
  running: "Running",
  succeeded: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
  interrupted: "Interrupted",
};
const stateOf = (job) =>
  job.is_cancel_requested && MOVING.has(job.state) ? "Stopping" : STATES[job.state];
const KINDS = {
  identify: "Identify photos",
  reindex: "Update the catalogue",
  upgrade: "Change the model",
  import: "Import",
  export: "Export",
};
const FORMS = {
  zip: "folders",
  csv: "CSV",
  coco: "COCO",
  "camtrap-dp": "Camtrap DP",
  kaggle: "Kaggle CSV",
};
const FILES = {
  identify: ["Save the answers (CSV)", ".csv"],
  import: ["Save the report (CSV)", ".csv"],
  export: ["Save the zip", ".zip"],
};

const titleOf = (job) => {
  if (job.kind === "import" && !job.parameters.dry_run) return "Check a zip to import";
  if (job.kind === "upgrade" && job.parameters.checkpoint)
    return `Change the model to ${job.parameters.checkpoint}`;
  if (job.kind === "export" && job.parameters.format)
    return `Export as ${FORMS[job.parameters.format] || job.parameters.format}`;
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
      if (MOVING.has(last.state)) throw new Error("the service stopped"); // retried below
      notify(`Job ${id}: ${stateOf(last).toLowerCase()}.`);
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
        "aria-label": `Progress of job ${job.id}`,
        hidden: !isMoving && job.state === "succeeded",
      }),
      el(
        "p",
        { class: "facts" },
        [
          job.total === null
            ? null
            : `${job.done.toLocaleString("en")} of ${count(job.total, "file")}`,
          isMoving && job.rate ? `${job.rate.toFixed(1)} per second` : null,
          isMoving && job.eta_seconds ? `${duration(job.eta_seconds)} left` : null,
          when(job.ended_at || job.started_at || job.asked_at),
          job.asked_by && `by ${job.asked_by}`,
        ]
          .filter(Boolean)
          .join(" · "),
      ),
      job.reason ? el("p", { class: "problem" }, job.reason) : null,
    );
    put(unused, `${count(job.error_count, "file")} not used`);
    unused.hidden = !job.error_count;
    // The buttons stay the same ones while a job goes on: somebody may be about to press one.
    const offers = `${isMoving ? "moving" : job.state} ${job.is_cancel_requested}`;
    if (drawnOffers !== offers) {
      drawnOffers = offers;
      put(
        acts,
        isMoving && !job.is_cancel_requested
          ? actionButton("Cancel", () => act("cancel"), {
              class: "small",
              "aria-label": `Cancel job ${job.id}`,
            })
          : null,
        ["failed", "cancelled", "interrupted"].includes(job.state)
          ? actionButton("Resume", () => act("resume"), {
              class: "small first",
              "aria-label": `Resume job ${job.id}`,
            })
          : null,
        job.state === "succeeded" && job.kind in FILES
          ? actionButton(FILES[job.kind][0], () => save(job), {
              class: "small",
              "aria-label": `${FILES[job.kind][0]} of job ${job.id}`,
            })
          : null,
        unused,
        ENDED.has(job.state)
          ? actionButton("Remove", () => drop(job), {
              class: "quiet small",
              "aria-label": `Remove job ${job.id}`,
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
      notify(`Job ${id}: ${stateOf(job).toLowerCase()}.`);
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
          : actionButton("Show more", async (pressed) => {
              pressed.remove();
              await showFaults(following);
            }),
      );
    });
  }

  async function drop(job) {
    const sure = await form(`Remove job ${job.id}?`, {
      text: "This deletes the job's files. Its changes to the catalogue stay.",
      accept: "Remove",
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

function duration(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
