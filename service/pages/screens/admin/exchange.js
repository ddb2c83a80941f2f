// Import and export. A zip is checked first, then imported; an export is a zip to save.

import { get, post } from "../../api.js";
import { actionButton, el, field, put } from "../../dom.js";
import { empty, heading, loadInto } from "../../widgets.js";
import { notify, problemBox } from "../../notify.js";
import { t } from "../../texts.js";
import { resultOf } from "./exchange_report.js";
import { importZone } from "./import_zone.js";
import { jobLists } from "./job_card.js";

const FORMATS = [
  "zip",
  "csv",
  "coco",
  "camtrap-dp",
  "wildbook",
  "wildlife-datasets",
  "kaggle",
  "happywhale",
].map((name) => [name, t(`exchange.as.${name}`)]);

export async function exchange(screen, { signal }) {
  const place = el("div");
  const anew = jobLists({ signal, again: refresh });
  put(
    screen,
    heading(t("exchange.title")),
    el("div", { class: "exchange" }, importZone({ refresh }), exporting(refresh)),
    el("h2", {}, t("exchange.list")),
    place,
  );
  await refresh();

  function refresh() {
    const { listSignal, cards } = anew();
    return loadInto(place, async () => {
      const page = await get("/v1/jobs", { limit: 100 }, { signal: listSignal });
      const jobs = page.jobs.filter((job) => job.kind === "import" || job.kind === "export");
      if (!jobs.length) return empty(t("exchange.none"), t("exchange.noneText"));
      const done = new Set(
        jobs.filter((job) => job.state !== "cancelled" && job.state !== "failed").map(ofDryRun),
      );
      return el(
        "ul",
        { class: "jobs", "aria-label": t("exchange.listLabel") },
        cards(jobs, (ended) => resultOf(ended, done.has(ended.id), signal, refresh)),
      );
    });
  }
}

const ofDryRun = (job) => job.parameters.dry_run || job.parameters.again;

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
    el("h2", { id: "export" }, t("exchange.export")),
    field(t("exchange.format"), form),
    el(
      "p",
      { class: "check" },
      photos,
      el("label", { for: "with-photos" }, t("exchange.withPhotos")),
    ),
    el(
      "p",
      { class: "check" },
      places,
      el("label", { for: "with-places" }, t("exchange.withPlaces")),
    ),
    el("p", { class: "acts" }, actionButton(t("exchange.startExport"), make, { class: "first" })),
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
      notify(t("exchange.started"));
      await refresh();
    } catch (error) {
      put(refusal, problemBox(error));
    }
  }
}
