// Where photos with labels are dropped or chosen: they go out as one zip, to be checked first.

import { idempotencyKey, upload } from "../../api.js";
import { archiveOf } from "../../archive.js";
import { filesOfDrop, filesOfPicker } from "../../dropped_files.js";
import { el, field, put } from "../../dom.js";
import { count } from "../../formatting.js";
import { messageOf } from "../../notify.js";
import { acceptDrops } from "../../widgets.js";

const DUPLICATES = [
  ["skip", "skip identical and nearly identical photos"],
  ["keep-near", "skip identical files only"],
  ["keep-all", "import all"],
];
// `title` stands above it; `refresh` shows the report when the files are sent. With `isFirst` there
// is nothing yet that a photo could be a duplicate of, or take the place of.
export function importZone({ refresh, title = "Import", isFirst = false }) {
  const picker = filePicker("import-zip", {
    accept: ".zip,.csv,.xlsx,.xlsm,.json,image/*",
    multiple: true,
  });
  const folders = filePicker("import-folder", { webkitdirectory: true });
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
    el("h2", { id: "import" }, title),
    el(
      "div",
      { class: "picked" },
      pickLabel("import-folder", "Choose a folder"),
      folders,
      pickLabel("import-zip", "Choose a zip or files"),
      picker,
      el("span", {}, "or drop them here"),
    ),
    el(
      "p",
      { class: "facts" },
      "A folder or zip holds one folder for each individual, or photos with a table (CSV or " +
        "Excel, also Wildbook's or your own, COCO, Camtrap DP), or an earlier export. Nothing " +
        "changes until you start the import.",
    ),
    !isFirst && field("Duplicate photos", duplicates),
    !isFirst && el(
      "p",
      { class: "check" },
      replacing,
      el("label", { for: "replacing" }, "Replace a photo by a new file of the same name"),
    ),
    bar,
    progress,
  );
  for (const each of [picker, folders])
    each.addEventListener("change", () => {
      take(Promise.resolve(filesOfPicker(each.files)));
      each.value = "";
    });
  acceptDrops(zone, (_, transfer) => take(filesOfDrop(transfer)));
  return zone;

  async function take(choosing) {
    put(progress, "Reading the files …");
    try {
      const chosen = await choosing;
      if (!chosen.length) {
        put(progress);
        return;
      }
      if (chosen.length > 1) put(progress, `Packing ${count(chosen.length, "file")} …`);
      await sendArchive(await archiveOf(chosen));
    } catch (error) {
      put(progress, el("span", { class: "problem" }, messageOf(error)));
    }
    bar.hidden = true;
  }

  async function sendArchive(file) {
    const sent = new FormData();
    sent.append("kind", "import");
    sent.append(
      "parameters",
      JSON.stringify({ duplicates: duplicates.value, replace_photos: replacing.checked }),
    );
    sent.append("archive", file, file.name);
    bar.hidden = false;
    put(progress, `Sending ${file.name} …`);
    const onprogress = (share) => {
      bar.value = share;
      put(progress, `Sending ${file.name}: ${Math.round(share * 100)} %`);
    };
    await upload("/v1/jobs", sent, { onprogress, attemptKey: idempotencyKey() });
    put(progress, `${file.name} was sent. The report appears below.`);
    await refresh();
  }
}

const pickLabel = (id, text) =>
  el("label", { for: id, class: "as-button first" }, text);
const filePicker = (id, more) => el("input", { type: "file", id, class: "picker", ...more });
