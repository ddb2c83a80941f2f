// Uploads: photos are dropped or picked, and each is sent alone with its own progress and error.

import { el, field, put } from "../../dom.js";
import { count } from "../../formatting.js";
import { notify } from "../../notify.js";
import { acceptDrops } from "../../widgets.js";
import { UploadRow } from "./upload_row.js";

const SENT_AT_ONCE = 2;
const SHOWN_MS = 1500; // how long an added photo stays in the list

export class Uploader {
  // `onadded` is called with the cards of photos that were added.
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
        el("strong", {}, "Choose photos"),
        el("span", {}, " or drop them here"),
      ),
      this.picker(),
      this.factFields(),
    );
    acceptDrops(zone, (files) => this.add([...files]));
    this.node = el(
      "details",
      { class: "taking", open: true },
      el("summary", {}, "Add photos"),
      zone,
      this.summary,
      this.list,
    );
  }

  picker() {
    const picker = el("input", {
      type: "file",
      accept: "image/*",
      multiple: true,
      id: "pick",
      class: "picker",
      onchange: () => {
        this.add([...picker.files]);
        picker.value = "";
      },
    });
    return picker;
  }

  factFields() {
    const { encounter, taken_at: takenAt, place, region, observer, species } = this.facts;
    const label = "All photos are from one encounter with one animal";
    return [
      el("p", { class: "check" }, this.isTogether, el("label", { for: "together" }, label)),
      el(
        "details",
        {},
        el("summary", {}, "Date, place and observer"),
        el(
          "div",
          { class: "fields" },
          field("Encounter", encounter, "A name for this encounter."),
          field("Date", takenAt),
          field("Place", place, "Only curators see this."),
          field("Region", region, "A wide area that may be public."),
          field("Observer", observer),
          field("Species", species),
        ),
      ),
    ];
  }

  async add(files) {
    if (!files.length) return;
    this.node.open = true;
    this.nameEncounter();
    const values = Object.entries(this.facts)
      .map(([name, input]) => [name, input.value.trim()])
      .filter(([, value]) => value);
    const rows = files.map((file) => new UploadRow(file, values, this.onadded));
    this.list.prepend(...rows.map((row) => row.node));
    await sendAll(rows);
    const added = rows.filter((row) => row.isAdded);
    const text = `${added.length} of ${count(rows.length, "photo")} added.`;
    const more = added.length < rows.length ? " The list shows why the others were refused." : "";
    put(this.summary, el("p", {}, text, more));
    notify(text);
    for (const row of added) setTimeout(() => row.node.remove(), SHOWN_MS);
  }

  // Place, region and observer are facts of an encounter, which then needs a name.
  nameEncounter() {
    const { encounter, place, region, observer } = this.facts;
    const isEncounter =
      this.isTogether.checked || [place, region, observer].some((input) => input.value.trim());
    if (!isEncounter || encounter.value.trim()) return;
    const minute = new Date().toISOString().slice(0, 16).replace("T", " ");
    encounter.value = `encounter ${minute}`;
  }
}

function factInputs() {
  const text = (placeholder = null) =>
    el("input", { type: "text", autocomplete: "off", placeholder });
  return {
    encounter: text("2026-06-12 bay, morning"),
    taken_at: el("input", { type: "date" }),
    place: text(),
    region: text(),
    observer: text(),
    species: text(),
  };
}

function sendAll(rows) {
  const lanes = Array.from({ length: SENT_AT_ONCE }, (_, lane) =>
    rows.filter((_row, at) => at % SENT_AT_ONCE === lane),
  );
  return Promise.all(
    lanes.map(async (lane) => {
      for (const row of lane) await row.send();
    }),
  );
}
