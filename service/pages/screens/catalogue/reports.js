// What a team sends at the end of a season: reports of a selection, each as a file.

import { get, post, query, send } from "../../api.js";
import { actionButton, el, field, put } from "../../dom.js";
import { species } from "../../formatting.js";
import { attempt, notify } from "../../notify.js";
import { heading } from "../../widgets.js";

const KINDS = [
  [
    "html",
    "Season page",
    "One page with figures, discovery curve, map and tables. It needs no other file.",
  ],
  ["csv", "Sightings as a table", "One row a sighting, for spreadsheets."],
  [
    "darwin-core",
    "Darwin Core archive",
    "For GBIF and OBIS: occurrence.csv, meta.xml and eml.xml in a zip.",
  ],
  [
    "mark",
    "Capture histories for MARK",
    "An .inp file: one line an individual, with 0 or 1 for each occasion.",
  ],
  ["histories", "Capture histories as a table", "One row an individual, one column an occasion."],
];

export async function reports(screen, { signal }) {
  const year = new Date().getFullYear();
  const inputs = {
    title: el("input", { type: "text", value: `Season ${year}`, maxlength: 200 }),
    since: el("input", { type: "text", value: String(year), maxlength: 40, autocomplete: "off" }),
    until: el("input", { type: "text", value: "", maxlength: 40, autocomplete: "off" }),
    species: select([["", "all species"]]),
    region: select([["", "all regions"]]),
    places: select([
      ["regions", "regions only"],
      ["coarse", "coarse positions"],
      ["exact", "exact places"],
    ]),
    occasions: select([
      ["year", "years"],
      ["month", "months"],
      ["day", "days"],
    ]),
  };
  put(
    screen,
    heading("Reports"),
    el(
      "form",
      {
        class: "report-form",
        "aria-label": "What is reported",
        onsubmit: (event) => event.preventDefault(),
      },
      field("Title", inputs.title),
      field("From", inputs.since, "A year, a month or a day. Empty: from the start."),
      field("To", inputs.until, "The end of this time is within."),
      field("Species", inputs.species),
      field("Region", inputs.region),
      field("Places", inputs.places, "All but regions are for curators."),
      field("Occasions", inputs.occasions, "For capture histories."),
    ),
    el(
      "ul",
      { class: "report-kinds", "aria-label": "Reports" },
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

function card([kind, title, text], inputs) {
  return el(
    "li",
    { class: "report-kind" },
    el("h2", {}, title),
    el("p", {}, text),
    el(
      "p",
      { class: "acts" },
      actionButton("Download", () => attempt(() => download(kind, inputs)), {
        "aria-label": `Download: ${title}`,
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
  notify("The report is downloaded.");
}

function camtrapCard(inputs) {
  return el(
    "li",
    { class: "report-kind" },
    el("h2", {}, "Camtrap DP package"),
    el(
      "p",
      {},
      "Deployments, media and observations, made by a job. Coarse positions come as regions only.",
    ),
    el(
      "p",
      { class: "acts" },
      actionButton("Start the export", () => attempt(() => exportCamtrap(inputs)), {
        "aria-label": "Start the export: Camtrap DP package",
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
