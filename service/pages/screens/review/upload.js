// Uploads: photos are dropped or picked, alone or by folders, and sent few at a time.

import { idempotencyKey } from "../../api.js";
import { el, field, put } from "../../dom.js";
import { PHOTO, filesOfDrop } from "../../dropped_files.js";
import { count } from "../../formatting.js";
import { attempt, notify } from "../../notify.js";
import { t } from "../../texts.js";
import { acceptDrops } from "../../widgets.js";
import { startReview } from "../queue/job_toast.js";
import { UploadRow, sendTogether } from "./upload_row.js";
import { UploadToast } from "./upload_toast.js";

const ZIP = /\.zip$/i;
const MOST_FILES = 5000;
const FEW = 24; // files that are sent one by one; more are sent together
const TOGETHER = 8;
const SENT_AT_ONCE = 2;
const SHOWN_MS = 1500; // how long an added photo stays in the list

// Of folders the photos alone; what was dropped by itself is sent, and refused with a reason.
function photosOf(dropped) {
  return dropped
    .filter(({ name }) => !name.includes("/") || PHOTO.test(name))
    .map(({ name, file }) => Object.assign(file, { path: name }));
}

export class Uploader {
  // `onadded` is called with each answer about photos that were added.
  constructor(onadded) {
    this.onadded = onadded;
    this.facts = factInputs();
    this.isTogether = el("input", { type: "checkbox", id: "together" });
    this.list = el("ul", { class: "uploads" });
    this.summary = el("div", { class: "uploads-all" });
    const zone = el(
      "div",
      { class: "zone" },
      el(
        "label",
        { for: "pick", class: "picked" },
        el("strong", {}, t("upload.choosePhotos")),
        el("span", {}, ` ${t("upload.orDrop")}`),
      ),
      this.picker({ id: "pick", accept: "image/*,.zip" }),
      el(
        "label",
        { for: "pick-folder", class: "picked" },
        el("strong", {}, t("upload.chooseFolder")),
      ),
      this.picker({ id: "pick-folder", webkitdirectory: true }),
      this.factFields(),
    );
    acceptDrops(zone, async (_, transfer) => this.add(photosOf(await filesOfDrop(transfer))));
    this.node = el(
      "details",
      { class: "taking", open: true },
      el("summary", {}, t("upload.add")),
      zone,
      this.summary,
      this.list,
    );
  }

  picker(attributes) {
    const picker = el("input", {
      type: "file",
      multiple: true,
      class: "picker",
      ...attributes,
      onchange: () => {
        this.add([...picker.files]);
        picker.value = "";
      },
    });
    return picker;
  }

  factFields() {
    const { encounter, taken_at: takenAt, place, region, observer, species } = this.facts;
    const label = t("upload.together");
    return [
      el("p", { class: "check" }, this.isTogether, el("label", { for: "together" }, label)),
      el(
        "details",
        {},
        el("summary", {}, t("upload.facts")),
        el(
          "div",
          { class: "fields" },
          field(t("common.encounter"), encounter, t("upload.encounterHint")),
          field(t("common.date"), takenAt),
          field(t("common.place"), place, t("common.curatorsOnly")),
          field(t("common.region"), region, t("common.wideArea")),
          field(t("common.observer"), observer),
          field(t("common.species"), species),
        ),
      ),
    ];
  }

  async add(chosen) {
    // A zip is unpacked by the service, as a job that fills the queue.
    for (const archive of chosen.filter(({ name }) => ZIP.test(name)))
      await attempt(() => startReview({ archive }));
    const files = chosen.filter(({ name }) => !ZIP.test(name));
    if (!files.length) return;
    if (files.length > MOST_FILES) notify(t("upload.most", { files: count(MOST_FILES, "file") }));
    const taken = files.slice(0, MOST_FILES);
    this.nameEncounter();
    const values = Object.entries({ ...this.values(), upload: idempotencyKey() });
    const rows = taken.map((file) => new UploadRow(file, values, this.onadded));
    const isFew = rows.length <= FEW;
    this.node.open = isFew;
    if (isFew) this.list.prepend(...rows.map((row) => row.node));
    const toast = isFew ? null : new UploadToast(rows.length, () => (this.node.open = true));
    await this.sendAll(rows, isFew ? 1 : TOGETHER, toast);
    this.showEnd(rows, isFew, toast);
  }

  // What is noted of all the photos.
  values() {
    const filled = Object.entries(this.facts).map(([name, input]) => [name, input.value.trim()]);
    return Object.fromEntries(filled.filter(([, value]) => value));
  }

  // Place, region and observer are facts of an encounter, which then needs a name.
  nameEncounter() {
    const { encounter, place, region, observer } = this.facts;
    const isEncounter =
      this.isTogether.checked || [place, region, observer].some((input) => input.value.trim());
    if (!isEncounter || encounter.value.trim()) return;
    encounter.value = new Date().toISOString().slice(0, 16).replace("T", " ");
  }

  sendAll(rows, together, toast) {
    const waiting = [...rows];
    const lane = async () => {
      while (waiting.length) {
        const some = waiting.splice(0, together);
        await sendTogether(some);
        toast?.show(rows);
      }
    };
    return Promise.all(Array.from({ length: SENT_AT_ONCE }, lane));
  }

  showEnd(rows, isFew, toast) {
    const added = rows.filter((row) => row.isAdded);
    const failed = rows.filter((row) => !row.isAdded);
    if (!isFew) this.list.prepend(...failed.map((row) => row.node));
    const text = t("upload.added", { added: added.length, photos: count(rows.length, "photo") });
    const more = failed.length ? ` ${t("upload.refused")}` : "";
    put(this.summary, el("p", {}, text, more));
    notify(text);
    toast?.end(text + more, failed.length > 0);
    for (const row of added) setTimeout(() => row.node.remove(), SHOWN_MS);
  }
}

function factInputs() {
  const text = (placeholder = null) =>
    el("input", { type: "text", autocomplete: "off", placeholder });
  return {
    encounter: text(t("upload.example")),
    taken_at: el("input", { type: "date" }),
    place: text(),
    region: text(),
    observer: text(),
    species: text(),
  };
}
