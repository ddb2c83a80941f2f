// Import and export. A zip is checked first, then imported; an export is a zip to save.

import { get, nextOf, path, post, upload } from "../../api.js";
import { button, el, field, put, actionButton } from "../../dom.js";
import { acceptDrops, clear, empty, heading, loadInto } from "../../widgets.js";
import { problemBox, notify, attempt, messageOf } from "../../notify.js";
import { count, photoName } from "../../formatting.js";
import { jobLists } from "./job_card.js";

const STATUSES = {
  added: "new",
  changed: "changed",
  unchanged: "already there",
  skipped: "duplicate",
  refused: "refused",
  unreadable: "unreadable",
  no_file: "file missing",
  no_label: "no label",
  left_out: "left out",
};
const DUPLICATES = [
  ["skip", "skip identical and nearly identical photos"],
  ["keep-near", "skip identical files only"],
  ["keep-all", "import all"],
];
const FORMATS = [
  ["zip", "Folders (one for each individual) and a spreadsheet"],
  ["csv", "CSV for flukeprint"],
  ["coco", "COCO"],
  ["camtrap-dp", "Camtrap DP"],
  ["kaggle", "Kaggle CSV (Image, Id)"],
];

export async function exchange(screen, { signal }) {
  const place = el("div");
  const anew = jobLists({ signal, again: refresh });
  put(
    screen,
    heading("Import and export"),
    el("div", { class: "exchange" }, importing(refresh), exporting(refresh)),
    el("h2", {}, "Imports and exports"),
    place,
  );
  await refresh();

  function refresh() {
    const { listSignal, cards } = anew();
    return loadInto(place, async () => {
      const page = await get("/v1/jobs", { limit: 100 }, { signal: listSignal });
      const jobs = page.jobs.filter((job) => job.kind === "import" || job.kind === "export");
      if (!jobs.length)
        return empty(
          "No imports or exports yet",
          "Choose a zip of photos above. You see what it would add before anything changes.",
        );
      const done = new Set(
        jobs.filter((job) => job.state !== "cancelled" && job.state !== "failed").map(ofDryRun),
      );
      return el(
        "ul",
        { class: "jobs", "aria-label": "Imports and exports, newest first" },
        cards(jobs, (ended) => after(ended, done.has(ended.id), signal, refresh)),
      );
    });
  }
}

const ofDryRun = (job) => job.parameters.dry_run;

function importing(refresh) {
  const picker = el("input", {
    type: "file",
    accept: ".zip,application/zip",
    id: "import-zip",
    class: "picker",
  });
  const duplicates = el(
    "select",
    {},
    DUPLICATES.map(([value, label]) => el("option", { value }, label)),
  );
  const replacing = el("input", { type: "checkbox", id: "replacing" });
  const bar = el("progress", { max: 1, value: 0, hidden: true, "aria-label": "Sending the zip" });
  const progress = el("p", { class: "progress-text", role: "status" });
  const zone = el(
    "section",
    { class: "zone", "aria-labelledby": "import" },
    el("h2", { id: "import" }, "Import"),
    el(
      "label",
      { for: "import-zip", class: "picked" },
      el("strong", {}, "Choose a zip"),
      el("span", {}, " or drop it here"),
    ),
    picker,
    el(
      "p",
      { class: "facts" },
      "The zip holds photos with labels (CSV, Kaggle CSV, COCO or Camtrap DP), one folder for " +
        "each individual, or an earlier export. Nothing changes until you start the import.",
    ),
    field("Duplicate photos", duplicates),
    el(
      "p",
      { class: "check" },
      replacing,
      el("label", { for: "replacing" }, "Replace a photo by a new file of the same name"),
    ),
    bar,
    progress,
  );
  picker.addEventListener("change", () => {
    take(picker.files[0]);
    picker.value = "";
  });
  acceptDrops(zone, (files) => take(files[0]));
  return zone;

  async function take(file) {
    if (!file) return;
    const sent = new FormData();
    sent.append("kind", "import");
    sent.append(
      "parameters",
      JSON.stringify({ duplicates: duplicates.value, replace_photos: replacing.checked }),
    );
    sent.append("archive", file, file.name);
    bar.hidden = false;
    put(progress, `Sending ${file.name} …`);
    try {
      await upload("/v1/jobs", sent, (share) => {
        bar.value = share;
        put(progress, `Sending ${file.name}: ${Math.round(share * 100)} %`);
      });
      put(progress, `${file.name} was sent. The report appears below.`);
      await refresh();
    } catch (error) {
      put(progress, el("span", { class: "problem" }, messageOf(error)));
    }
    bar.hidden = true;
  }
}

function exporting(refresh) {
  const form = el(
    "select",
    {},
    FORMATS.map(([value, label]) => el("option", { value }, label)),
  );
  const photos = el("input", { type: "checkbox", id: "with-photos", checked: true });
  const places = el("input", { type: "checkbox", id: "with-places" });
  const refusal = el("div");
  return el(
    "section",
    { class: "zone plain", "aria-labelledby": "export" },
    el("h2", { id: "export" }, "Export"),
    field("Format", form),
    el("p", { class: "check" }, photos, el("label", { for: "with-photos" }, "Include the photos")),
    el(
      "p",
      { class: "check" },
      places,
      el(
        "label",
        { for: "with-places" },
        "Include places (curators only). Otherwise they are removed from the files too.",
      ),
    ),
    el("p", { class: "acts" }, actionButton("Start the export", make, { class: "first" })),
    refusal,
  );

  async function make() {
    put(refusal);
    try {
      const parameters = {
        format: form.value,
        with_photos: photos.checked,
        with_places: places.checked,
      };
      await post("/v1/jobs", { kind: "export", parameters });
      notify("The export has started.");
      await refresh();
    } catch (error) {
      put(refusal, problemBox(error));
    }
  }
}

// What the card of a job that has ended shows besides its progress.
function after(job, isImported, signal, refresh) {
  if (job.state !== "succeeded") return null;
  if (job.kind === "export")
    return el(
      "p",
      {},
      `${count(job.result.labels, "label")} and ${count(job.result.photos, "photo")}`,
      job.parameters.with_places ? ", with places" : ", without places",
      job.result.without_place ? ` (removed from ${count(job.result.without_place, "photo")})` : "",
      ` · ${megabytes(job.result.bytes)}`,
    );
  const { counts, is_dry_run: isDryRun, warnings } = job.result;
  const fresh = (counts.added || 0) + (counts.changed || 0);
  const place = el("div", { class: "file-report" });
  return [
    warnings.map((warning) => el("p", { class: "note" }, warning)),
    filters(job, place, signal),
    place,
    isDryRun && !isImported && fresh
      ? el(
          "p",
          { class: "acts" },
          actionButton(`Import ${count(fresh, "photo")}`, () => startImport(job, refresh), {
            class: "first",
            "aria-label": `Import ${count(fresh, "photo")} of job ${job.id}`,
          }),
        )
      : null,
    isDryRun && !fresh ? el("p", { class: "note" }, "The zip holds nothing new.") : null,
  ];
}

async function startImport(job, refresh) {
  await attempt(async () => {
    await post("/v1/jobs", { kind: "import", parameters: { dry_run: job.id } });
    notify("The import has started.");
    await refresh();
  });
}

function filters(job, place, signal) {
  const each = Object.entries(job.result.counts).filter(([, number]) => number);
  const all = [[null, job.result.files], ...each];
  const buttons = all.map(([status, number]) =>
    button(
      `${number.toLocaleString("en")} ${status ? STATUSES[status] || status : "in total"}`,
      () => choose(status),
      {
        class: "small",
        "aria-pressed": "false",
      },
    ),
  );
  return el("p", { class: "acts", role: "group", "aria-label": `Files of job ${job.id}` }, buttons);

  async function choose(status) {
    const at = all.findIndex(([one]) => one === status);
    const isOpen = buttons[at].getAttribute("aria-pressed") === "true";
    buttons.forEach((one, number) =>
      one.setAttribute("aria-pressed", String(number === at && !isOpen)),
    );
    if (isOpen) clear(place);
    else await loadInto(place, () => table(job.id, status, signal));
  }
}

async function table(id, status, signal) {
  const body = el("tbody");
  const whole = el(
    "div",
    { class: "wide", tabindex: "0", role: "region", "aria-label": `Report of job ${id}` },
    el(
      "table",
      { class: "report" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          ["File", "Individual", "Result", "Reason"].map((head) =>
            el("th", { scope: "col" }, head),
          ),
        ),
      ),
      body,
    ),
  );
  const place = el("div", {}, whole);
  await more(null);
  return place;

  async function more(cursor) {
    const page = await get(path("jobs", id, "report"), { status, cursor, limit: 100 }, { signal });
    body.append(...page.rows.map(row));
    const next = nextOf(page);
    if (next === null) return;
    const act = actionButton(
      "Show more",
      () =>
        attempt(async () => {
          await more(next);
          act.remove();
        }),
      { class: "more" },
    );
    place.append(act);
  }
}

function row(one) {
  return el(
    "tr",
    {},
    el("th", { scope: "row", title: one.photo }, photoName(one.photo)),
    el("td", {}, one.individual === "new_whale" ? "unknown" : one.individual || ""),
    el("td", {}, STATUSES[one.status] || one.status),
    el("td", {}, one.reason),
  );
}

function megabytes(bytes) {
  return bytes < 1e6
    ? `${Math.ceil(bytes / 1e3).toLocaleString("en")} kB`
    : `${(bytes / 1e6).toFixed(1)} MB`;
}
