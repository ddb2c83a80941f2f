// Import and export. A zip is checked first, then imported; an export is a zip to save.

import { get, idempotencyKey, post, upload } from "../../api.js";
import { actionButton, el, field, put } from "../../dom.js";
import { acceptDrops, empty, heading, loadInto } from "../../widgets.js";
import { messageOf, notify, problemBox } from "../../notify.js";
import { resultOf } from "./exchange_report.js";
import { jobLists } from "./job_card.js";

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
  ["wildbook", "Wildbook bulk import (Excel)"],
  ["wildlife-datasets", "wildlife-datasets"],
  ["kaggle", "Kaggle CSV (Image, Id)"],
  ["happywhale", "Kaggle CSV of Happywhale (image, species, individual_id)"],
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
        cards(jobs, (ended) => resultOf(ended, done.has(ended.id), signal, refresh)),
      );
    });
  }
}

const ofDryRun = (job) => job.parameters.dry_run || job.parameters.again;

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
      "The zip holds photos with a table (CSV or Excel, also Wildbook's or your own), COCO or " +
        "Camtrap DP, one folder for each individual, or an earlier export. Nothing changes until " +
        "you start the import.",
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
      const onprogress = (share) => {
        bar.value = share;
        put(progress, `Sending ${file.name}: ${Math.round(share * 100)} %`);
      };
      await upload("/v1/jobs", sent, { onprogress, attemptKey: idempotencyKey() });
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
