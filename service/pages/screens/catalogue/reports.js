// What a team sends at the end of a season: reports of a selection, each as a file.

import { get, post, query, send } from "../../api.js";
import { actionButton, el, field, put } from "../../dom.js";
import { species } from "../../formatting.js";
import { attempt, notify } from "../../notify.js";
import { t } from "../../texts.js";
import { heading } from "../../widgets.js";

const KINDS = ["html", "csv", "darwin-core", "mark", "histories"];

export async function reports(screen, { signal }) {
  const year = new Date().getFullYear();
  const inputs = {
    title: el("input", { type: "text", value: t("reports.season", { year }), maxlength: 200 }),
    since: el("input", { type: "text", value: String(year), maxlength: 40, autocomplete: "off" }),
    until: el("input", { type: "text", value: "", maxlength: 40, autocomplete: "off" }),
    species: select([["", t("common.allSpecies")]]),
    region: select([["", t("reports.allRegions")]]),
    places: select(["regions", "coarse", "exact"].map((one) => [one, t(`reports.places.${one}`)])),
    occasions: select(["year", "month", "day"].map((one) => [one, t(`reports.occasions.${one}`)])),
  };
  put(
    screen,
    heading(t("reports.title")),
    el(
      "form",
      {
        class: "report-form",
        "aria-label": t("reports.what"),
        onsubmit: (event) => event.preventDefault(),
      },
      field(t("reports.titleField"), inputs.title),
      field(t("common.from"), inputs.since, t("reports.fromHint")),
      field(t("common.to"), inputs.until, t("reports.toHint")),
      field(t("common.species"), inputs.species),
      field(t("common.region"), inputs.region),
      field(t("reports.places"), inputs.places, t("reports.placesHint")),
      field(t("reports.occasions"), inputs.occasions, t("reports.occasionsHint")),
    ),
    el(
      "ul",
      { class: "report-kinds", "aria-label": t("reports.title") },
      KINDS.map((kind) => card(kind, inputs)),
      camtrapCard(inputs),
    ),
  );
  const stats = await get("/v1/stats", {}, { signal }).catch(() => null);
  if (!stats) return;
  add(
    inputs.species,
    stats.species.map((one) => one.species),
    species,
  );
  add(
    inputs.region,
    (stats.regions || []).map((one) => one.region),
  );
}

const select = (options) =>
  el(
    "select",
    {},
    options.map(([value, label]) => el("option", { value }, label)),
  );

function add(into, values, label = (value) => value) {
  into.append(...values.filter(Boolean).map((value) => el("option", { value }, label(value))));
}

function card(kind, inputs) {
  const title = t(`reports.kind.${kind}`);
  return el(
    "li",
    { class: "report-kind" },
    el("h2", {}, title),
    el("p", {}, t(`reports.text.${kind}`)),
    el(
      "p",
      { class: "acts" },
      actionButton(t("reports.download"), () => attempt(() => download(kind, inputs)), {
        "aria-label": t("reports.downloadOf", { title }),
        class: kind === "html" ? "first" : null,
      }),
    ),
  );
}

async function download(kind, inputs) {
  const values = Object.fromEntries(
    Object.entries(inputs).map(([name, input]) => [name, input.value.trim()]),
  );
  const answer = await send("GET", query(`/v1/reports/${kind}`, values));
  const named = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") || "");
  const url = URL.createObjectURL(await answer.blob());
  el("a", { href: url, download: named ? named[1] : kind }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  notify(t("reports.downloaded"));
}

function camtrapCard(inputs) {
  return el(
    "li",
    { class: "report-kind" },
    el("h2", {}, t("reports.camtrap")),
    el("p", {}, t("reports.camtrapText")),
    el(
      "p",
      { class: "acts" },
      actionButton(t("reports.startExport"), () => attempt(() => exportCamtrap(inputs)), {
        "aria-label": t("reports.startCamtrap"),
      }),
    ),
  );
}

async function exportCamtrap(inputs) {
  const parameters = { format: "camtrap-dp", with_places: inputs.places.value === "exact" };
  for (const name of ["since", "until", "species", "region"])
    if (inputs[name].value.trim()) parameters[name] = inputs[name].value.trim();
  await post("/v1/jobs", { kind: "export", parameters });
  location.hash = "#/jobs";
}
