// Long work: started here, watched as it goes, stopped and taken up again.

import { events, get, nextOf, path, post, send } from "../api.js";
import { form } from "../dialog.js";
import { button, el, put, worker } from "../dom.js";
import { empty, heading, into } from "../parts.js";
import { tell, trying } from "../tell.js";
import { count, photoName, when } from "../words.js";

const MOVING = new Set(["queued", "running"]);
const STATES = {
  queued: "Waits",
  running: "Runs",
  succeeded: "Done",
  failed: "Failed",
  cancelled: "Cancelled",
  interrupted: "Interrupted",
};
const KINDS = { identify: "Identify photos", reindex: "Bring the catalogue up to date", import: "Import" };

export async function jobs(screen, { signal }) {
  const place = el("div");
  const list = el("ul", { class: "jobs", "aria-label": "Jobs, the newest first" });
  const archive = el("input", {
    type: "file",
    accept: ".zip,application/zip",
    class: "picker",
    id: "archive",
    onchange: sendZip,
  });
  put(
    screen,
    heading("Jobs"),
    el(
      "div",
      { class: "acts" },
      el("label", { for: "archive", class: "as-button" }, "Identify a zip …"),
      archive,
      button("Identify a folder …", folder),
      button("Bring up to date …", reindex),
    ),
    place,
  );
  await look();

  function look() {
    return into(place, async () => {
      const page = await get("/v1/jobs", { limit: 50 }, { signal });
      if (!page.jobs.length)
        return empty(
          "No job was started yet",
          "Identify a whole folder or zip of photos, or bring the catalogue up to date with its photos' files.",
        );
      put(
        list,
        page.jobs.map((job) => row(job, signal, look)),
      );
      return list;
    });
  }

  async function sendZip() {
    const [file] = archive.files;
    if (!file) return;
    const sent = new FormData();
    sent.append("kind", "identify");
    sent.append("archive", file, file.name);
    tell(`Sending ${file.name} …`);
    await trying(async () => {
      await send("POST", "/v1/jobs", { form: sent });
      await look();
    });
    archive.value = "";
  }

  async function folder() {
    const started = await form("Identify a folder", {
      fields: [
        {
          name: "folder",
          label: "Folder",
          required: true,
          hint: "On the service's machine, from its folder for jobs on.",
        },
      ],
      accept: "Start",
      act: (values) => post("/v1/jobs", { kind: "identify", parameters: values }),
    });
    if (started) await look();
  }

  async function reindex() {
    const started = await form("Bring the catalogue up to date", {
      text: "Photos' files that have changed are embedded again, and missing ones are told. Answers go on meanwhile.",
      fields: [
        {
          name: "rehash",
          label: "Compare",
          value: "no",
          options: [
            ["no", "files whose size or time has changed"],
            ["yes", "every file's content"],
          ],
        },
      ],
      accept: "Start",
      act: (values) => post("/v1/jobs", { kind: "reindex", parameters: { rehash: values.rehash === "yes" } }),
    });
    if (started) await look();
  }
}

function row(first, signal, again) {
  const node = el("li", { class: "job" });
  const faults = el("div");
  draw(first);
  if (MOVING.has(first.state)) follow(first.id);
  return node;

  async function follow(id) {
    let last = first;
    try {
      for await (const event of events(path("jobs", id, "events"), signal)) {
        last = event.data;
        draw(last);
      }
      if (!MOVING.has(last.state)) tell(`Job ${id}: ${STATES[last.state].toLowerCase()}.`);
    } catch (error) {
      if (error.name !== "AbortError" && !signal.aborted) setTimeout(() => signal.aborted || follow(id), 2000);
    }
  }

  function draw(job) {
    const isMoving = MOVING.has(job.state);
    const share = job.state === "succeeded" ? 1 : job.total ? job.done / job.total : null;
    put(
      node,
      el(
        "div",
        { class: "job-head" },
        el("h2", {}, KINDS[job.kind] || job.kind, el("span", { class: "left" }, ` ${job.id}`)),
        el("span", { class: `state ${job.state}` }, job.is_cancel_requested && isMoving ? "Stops" : STATES[job.state]),
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
          job.total === null ? null : `${job.done.toLocaleString("en")} of ${count(job.total, "file")}`,
          isMoving && job.rate ? `${job.rate.toFixed(1)} a second` : null,
          isMoving && job.eta_seconds ? `${lasting(job.eta_seconds)} left` : null,
          when(job.ended_at || job.started_at || job.asked_at),
          job.asked_by && `by ${job.asked_by}`,
        ]
          .filter(Boolean)
          .join(" · "),
      ),
      job.reason ? el("p", { class: "problem" }, job.reason) : null,
      el(
        "p",
        { class: "acts" },
        isMoving && !job.is_cancel_requested
          ? worker("Cancel", () => act(job.id, "cancel"), { class: "small", "aria-label": `Cancel job ${job.id}` })
          : null,
        ["failed", "cancelled", "interrupted"].includes(job.state)
          ? worker("Resume", () => act(job.id, "resume"), {
              class: "small first",
              "aria-label": `Resume job ${job.id}`,
            })
          : null,
        job.state === "succeeded" && job.kind === "identify"
          ? worker("Save the answers (CSV)", () => save(job.id), { class: "small" })
          : null,
        job.error_count
          ? worker(`${count(job.error_count, "file")} not used`, () => showFaults(job.id), { class: "quiet small" })
          : null,
      ),
      faults,
    );
  }

  async function act(id, what) {
    await trying(async () => {
      draw(await post(path("jobs", id, what)));
      await again();
    });
  }

  async function showFaults(id, cursor = null) {
    await trying(async () => {
      const page = await get(path("jobs", id, "errors"), { cursor }, { signal });
      const listed = el(
        "ul",
        { class: "faults" },
        page.errors.map((fault) => el("li", {}, el("b", {}, photoName(fault.file)), ` ${fault.reason}`)),
      );
      const next = nextOf(page);
      if (cursor === null) put(faults);
      faults.append(
        listed,
        next === null
          ? ""
          : worker("Show more", async (pressed) => {
              pressed.remove();
              await showFaults(id, next);
            }),
      );
    });
  }

  async function save(id) {
    await trying(async () => {
      const blob = await (await send("GET", path("jobs", id, "result"), { signal })).blob();
      const url = URL.createObjectURL(blob);
      el("a", { href: url, download: `identify-${id}.csv` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    });
  }
}

function lasting(seconds) {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
