// Whole catalogues in and out: a zip is looked at first, its report read, and then imported; an export is a zip to keep.

import { get, nextOf, path, post, upload } from "../../api.js";
import { button, el, field, put, actionButton } from "../../dom.js";
import { clear, empty, heading, loadInto } from "../../widgets.js";
import { problemBox, notify, attempt, messageOf } from "../../notify.js";
import { count, photoName } from "../../formatting.js";
import { jobLists } from "./job_card.js";

const STATUSES = {
  added: "new",
  changed: "changed",
  unchanged: "known already",
  skipped: "duplicate",
  refused: "refused",
  unreadable: "unreadable",
  no_file: "named, but absent",
  no_label: "without a label",
  left_out: "left out",
};
const DUPLICATES = [
  ["skip", "leave out the same and nearly the same pictures"],
  ["keep-near", "leave out the same files only"],
  ["keep-all", "take all"],
];
const FORMATS = [
  ["zip", "Folders: one an individual, and a spreadsheet"],
  ["csv", "CSV, as flukeprint reads it"],
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
    const { looking, cards } = anew();
    return loadInto(place, async () => {
      const page = await get("/v1/jobs", { limit: 100 }, { signal: looking });
      const jobs = page.jobs.filter((job) => job.kind === "import" || job.kind === "export");
      if (!jobs.length)
        return empty(
          "Nothing was imported or exported yet",
          "Choose a zip of photos above: what it would add is shown before anything is changed.",
        );
      const done = new Set(
        jobs.filter((job) => job.state !== "cancelled" && job.state !== "failed").map(ofDryRun),
      );
      return el(
        "ul",
        { class: "jobs", "aria-label": "Imports and exports, the newest first" },
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
    DUPLICATES.map(([value, told]) => el("option", { value }, told)),
  );
  const replacing = el("input", { type: "checkbox", id: "replacing" });
  const bar = el("progress", { max: 1, value: 0, hidden: true, "aria-label": "Sending the zip" });
  const said = el("p", { class: "progress-text", role: "status" });
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
      "With labels (CSV, Kaggle CSV, COCO or Camtrap DP), with one folder an individual, or what an export wrote. It is only looked at: nothing changes before you say so.",
    ),
    field("Pictures that are there already", duplicates),
    el(
      "p",
      { class: "check" },
      replacing,
      el("label", { for: "replacing" }, "A new file may take the place of another one of its name"),
    ),
    bar,
    said,
  );
  picker.addEventListener("change", () => {
    take(picker.files[0]);
    picker.value = "";
  });
  for (const name of ["dragenter", "dragover"])
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  for (const name of ["dragleave", "drop"])
    zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    take(event.dataTransfer.files[0]);
  });
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
    put(said, `Sending ${file.name} …`);
    try {
      await upload("/v1/jobs", sent, (share) => {
        bar.value = share;
        put(said, `Sending ${file.name}: ${Math.round(share * 100)} %`);
      });
      put(said, `${file.name} was sent; what is in it is told below.`);
      await refresh();
    } catch (error) {
      put(said, el("span", { class: "problem" }, messageOf(error)));
    }
    bar.hidden = true;
  }
}

function exporting(refresh) {
  const form = el(
    "select",
    {},
    FORMATS.map(([value, told]) => el("option", { value }, told)),
  );
  const photos = el("input", { type: "checkbox", id: "with-photos", checked: true });
  const places = el("input", { type: "checkbox", id: "with-places" });
  const refusal = el("div");
  return el(
    "section",
    { class: "zone plain", "aria-labelledby": "export" },
    el("h2", { id: "export" }, "Export"),
    field("Form", form),
    el("p", { class: "check" }, photos, el("label", { for: "with-photos" }, "With the photos")),
    el(
      "p",
      { class: "check" },
      places,
      el(
        "label",
        { for: "with-places" },
        "With places (curators only): otherwise they are taken out, of the files too",
      ),
    ),
    el("p", { class: "acts" }, actionButton("Make the export", make, { class: "first" })),
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
      notify("The export is being made.");
      await refresh();
    } catch (error) {
      put(refusal, problemBox(error));
    }
  }
}

// What a job that has come to rest shows besides its progress.
function after(job, isImported, signal, refresh) {
  if (job.state !== "succeeded") return null;
  if (job.kind === "export")
    return el(
      "p",
      {},
      `${count(job.result.labels, "label")} and ${count(job.result.photos, "photo")}`,
      job.result.without_place
        ? `, the place taken out of ${job.result.without_place} of them`
        : "",
      job.parameters.with_places ? ", with places" : ", without places",
      ` · ${megabytes(job.result.bytes)}`,
    );
  const { counts, is_dry_run: isDryRun, warnings } = job.result;
  const wanted = (counts.added || 0) + (counts.changed || 0);
  const place = el("div", { class: "file-report" });
  return [
    warnings.map((warning) => el("p", { class: "note" }, warning)),
    filters(job, place, signal),
    place,
    isDryRun && !isImported && wanted
      ? el(
          "p",
          { class: "acts" },
          actionButton(`Import ${count(wanted, "photo")}`, () => startImport(job, refresh), {
            class: "first",
            "aria-label": `Import ${count(wanted, "photo")} of job ${job.id}`,
          }),
        )
      : null,
    isDryRun && !wanted
      ? el("p", { class: "note" }, "There is nothing in it that the catalogue doesn't have.")
      : null,
  ];
}

async function startImport(job, refresh) {
  await attempt(async () => {
    await post("/v1/jobs", { kind: "import", parameters: { dry_run: job.id } });
    notify("The import has begun.");
    await refresh();
  });
}

function filters(job, place, signal) {
  const each = Object.entries(job.result.counts).filter(([, number]) => number);
  const all = [[null, job.result.files], ...each];
  const buttons = all.map(([status, number]) =>
    button(
      `${number.toLocaleString("en")} ${status ? STATUSES[status] || status : "in all"}`,
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
          ["File", "Whose", "What", "Why"].map((head) => el("th", { scope: "col" }, head)),
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
    el("td", {}, one.individual === "new_whale" ? "nobody known" : one.individual || ""),
    el("td", {}, STATUSES[one.status] || one.status),
    el("td", {}, one.reason),
  );
}

function megabytes(bytes) {
  return bytes < 1e6
    ? `${Math.ceil(bytes / 1e3).toLocaleString("en")} kB`
    : `${(bytes / 1e6).toFixed(1)} MB`;
}
