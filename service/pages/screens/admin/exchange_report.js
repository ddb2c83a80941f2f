// What an import or export shows when its job has ended: its counts, and the report of its files.

import { get, nextOf, path, post } from "../../api.js";
import { actionButton, button, el } from "../../dom.js";
import { count, photoName } from "../../formatting.js";
import { attempt, notify } from "../../notify.js";
import { clear, loadInto } from "../../widgets.js";
import { columnsForm, columnsUsed } from "./exchange_columns.js";

const STATUSES = {
  added: "new",
  changed: "changed",
  unchanged: "already there",
  skipped: "duplicate",
  refused: "refused",
  unreadable: "unreadable",
  no_file: "file missing",
  no_label: "no label",
  left_out: "left out",
};

// What the card of a job that has ended shows besides its progress.
export function resultOf(job, isImported, signal, refresh) {
  if (job.state !== "succeeded") return null;
  if (job.kind === "export")
    return el(
      "p",
      {},
      `${count(job.result.labels, "label")} and ${count(job.result.photos, "photo")}`,
      job.parameters.with_places ? ", with places" : ", without places",
      job.result.without_place ? ` (removed from ${count(job.result.without_place, "photo")})` : "",
      ` · ${megabytes(job.result.bytes)}`,
    );
  if (job.result.table)
    return isImported
      ? el("p", { class: "note" }, `The columns of ${job.result.table} have been said.`)
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
          actionButton(`Import ${count(fresh, "photo")}`, () => startImport(job, refresh), {
            class: "first",
            "aria-label": `Import ${count(fresh, "photo")} of job ${job.id}`,
          }),
        )
      : null,
    isDryRun && !fresh ? el("p", { class: "note" }, "The zip holds nothing new.") : null,
  ];
}

async function startImport(job, refresh) {
  await attempt(async () => {
    await post("/v1/jobs", { kind: "import", parameters: { dry_run: job.id } });
    notify("The import has started.");
    await refresh();
  });
}

function filters(job, place, signal) {
  const each = Object.entries(job.result.counts).filter(([, number]) => number);
  const all = [[null, job.result.files], ...each];
  const buttons = all.map(([status, number]) =>
    button(
      `${number.toLocaleString("en")} ${status ? STATUSES[status] || status : "in total"}`,
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
          ["File", "Individual", "Result", "Reason"].map((head) =>
            el("th", { scope: "col" }, head),
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
    el("td", {}, one.individual === "new_whale" ? "unknown" : one.individual || ""),
    el("td", {}, STATUSES[one.status] || one.status),
    el("td", {}, one.reason),
  );
}

function megabytes(bytes) {
  return bytes < 1e6
    ? `${Math.ceil(bytes / 1e3).toLocaleString("en")} kB`
    : `${(bytes / 1e6).toFixed(1)} MB`;
}
