// What an import or export shows when its job has ended: its counts, and the report of its files.

import { get, nextOf, path, post } from "../../api.js";
import { actionButton, button, el } from "../../dom.js";
import { count, photoName } from "../../formatting.js";
import { attempt, notify } from "../../notify.js";
import { measureText, numberText, t, wordText } from "../../texts.js";
import { clear, loadInto } from "../../widgets.js";
import { columnsForm, columnsUsed } from "./exchange_columns.js";

const statusText = (status) => wordText(`report.status.${status}`, status);

// What the card of a job that has ended shows besides its progress.
export function resultOf(job, isImported, signal, refresh) {
  if (job.state !== "succeeded") return null;
  const { without_place: removed } = job.result;
  if (job.kind === "export")
    return el(
      "p",
      {},
      t("report.exported", {
        labels: count(job.result.labels, "label"),
        photos: count(job.result.photos, "photo"),
      }),
      `, ${t(job.parameters.with_places ? "report.withPlaces" : "report.withoutPlaces")}`,
      removed ? ` (${t("report.removed", { photos: count(removed, "photo") })})` : "",
      ` · ${sizeText(job.result.bytes)}`,
    );
  if (job.result.table)
    return isImported
      ? el("p", { class: "note" }, t("report.columnsChosen", { table: job.result.table }))
      : columnsForm(job, signal, refresh);
  const { counts, is_dry_run: isDryRun, warnings, columns = [] } = job.result;
  const fresh = (counts.added || 0) + (counts.changed || 0);
  const place = el("div", { class: "file-report" });
  return [
    warnings.map((warning) => el("p", { class: "note" }, warning)),
    columnsUsed(columns),
    filters(job, place, signal),
    place,
    isDryRun && !isImported && fresh
      ? el(
          "p",
          { class: "acts" },
          actionButton(
            t("report.import", { photos: count(fresh, "photo") }),
            () => startImport(job, refresh),
            {
              class: "first",
              "aria-label": t("report.importOf", { photos: count(fresh, "photo"), job: job.id }),
            },
          ),
        )
      : null,
    isDryRun && !fresh ? el("p", { class: "note" }, t("report.nothingNew")) : null,
  ];
}

async function startImport(job, refresh) {
  await attempt(async () => {
    await post("/v1/jobs", { kind: "import", parameters: { dry_run: job.id } });
    notify(t("report.started"));
    await refresh();
  });
}

function filters(job, place, signal) {
  const each = Object.entries(job.result.counts).filter(([, number]) => number);
  const all = [[null, job.result.files], ...each];
  const buttons = all.map(([status, number]) =>
    button(
      `${numberText(number)} ${status ? statusText(status) : t("report.inTotal")}`,
      () => choose(status),
      {
        class: "small",
        "aria-pressed": "false",
      },
    ),
  );
  return el(
    "p",
    { class: "acts", role: "group", "aria-label": t("report.files", { job: job.id }) },
    buttons,
  );

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
    { class: "wide", tabindex: "0", role: "region", "aria-label": t("report.label", { job: id }) },
    el(
      "table",
      { class: "report" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          [t("report.file"), t("common.individual"), t("report.result"), t("report.reason")].map(
            (head) => el("th", { scope: "col" }, head),
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
      t("common.showMore"),
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
    el("td", {}, one.individual === "new_whale" ? t("common.unknown") : one.individual || ""),
    el("td", {}, statusText(one.status)),
    el("td", { lang: "en" }, one.reason),
  );
}

function sizeText(bytes) {
  return bytes < 1e6
    ? measureText(Math.ceil(bytes / 1e3), "kilobyte")
    : measureText(bytes / 1e6, "megabyte", 1);
}
