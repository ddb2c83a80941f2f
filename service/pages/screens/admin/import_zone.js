// Where photos with labels are dropped or chosen: they go out as one zip, to be checked first.

import { idempotencyKey, upload } from "../../api.js";
import { archiveOf } from "../../archive.js";
import { filesOfDrop, filesOfPicker } from "../../dropped_files.js";
import { el, field, put } from "../../dom.js";
import { count } from "../../formatting.js";
import { messageOf } from "../../notify.js";
import { shareText, t } from "../../texts.js";
import { acceptDrops } from "../../widgets.js";

const DUPLICATES = ["skip", "keep-near", "keep-all"].map((name) => [
  name,
  t(`importing.duplicates.${name}`),
]);
// `title` stands above it; `refresh` shows the report when the files are sent. With `isFirst` there
// is nothing yet that a photo could be a duplicate of, or take the place of.
export function importZone({ refresh, title = t("importing.title"), isFirst = false }) {
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
  const bar = el("progress", {
    max: 1,
    value: 0,
    hidden: true,
    "aria-label": t("importing.sendingZip"),
  });
  const progress = el("p", { class: "progress-text", role: "status" });
  const zone = el(
    "section",
    { class: "zone", "aria-labelledby": "import" },
    el("h2", { id: "import" }, title),
    el(
      "div",
      { class: "picked" },
      pickLabel("import-folder", t("importing.chooseFolder")),
      folders,
      pickLabel("import-zip", t("importing.chooseFiles")),
      picker,
      el("span", {}, t("importing.orDrop")),
    ),
    el("p", { class: "facts" }, t("importing.text")),
    !isFirst && field(t("importing.duplicatePhotos"), duplicates),
    !isFirst &&
      el(
        "p",
        { class: "check" },
        replacing,
        el("label", { for: "replacing" }, t("importing.replace")),
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
    put(progress, t("importing.reading"));
    try {
      const chosen = await choosing;
      if (!chosen.length) {
        put(progress);
        return;
      }
      if (chosen.length > 1)
        put(progress, t("importing.packing", { files: count(chosen.length, "file") }));
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
    put(progress, t("importing.sending", { name: file.name }));
    const onprogress = (share) => {
      bar.value = share;
      put(progress, t("importing.sendingShare", { name: file.name, share: shareText(share) }));
    };
    await upload("/v1/jobs", sent, { onprogress, attemptKey: idempotencyKey() });
    put(progress, t("importing.sent", { name: file.name }));
    await refresh();
  }
}

const pickLabel = (id, text) => el("label", { for: id, class: "as-button first" }, text);
const filePicker = (id, more) => el("input", { type: "file", id, class: "picker", ...more });
