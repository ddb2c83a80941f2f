// What the columns of a table are: told of a table that could be read, asked of one that couldn't.

import { get, path, post } from "../../api.js";
import { actionButton, el, field, put } from "../../dom.js";
import { notify, problemBox } from "../../notify.js";
import { numberText, t, wordText } from "../../texts.js";
import { loadInto } from "../../widgets.js";

// Words that a column's name may hold, in English, Spanish, Portuguese, French and German.
const HINTS = {
  photo: /photo|image|file|foto|imag|archivo|arquivo|bild|datei/i,
  individual: /individual|whale|animal|name|identity|ballena|baleia|baleine|wal\b/i,
  date: /date|when|taken|fecha|data\b|datum|time/i,
  place: /place|where|location|locality|site|lugar|local|lieu|ort\b/i,
  side: /side|flank|viewpoint|position|orientation|lado|seite/i,
  species: /species|especie|espèce|art\b/i,
  encounter: /encounter|sighting|occurrence|avistamiento|avistamento/i,
  region: /region|región|região/i,
  sex: /^sexo?$|gender/i,
};

// What each column became, folded up.
export function columnsUsed(columns) {
  if (!columns.length) return null;
  const read = columns.filter((one) => one.became);
  return el(
    "details",
    { class: "columns-used" },
    el("summary", {}, t("columns.read", { count: read.length, total: numberText(columns.length) })),
    el(
      "ul",
      {},
      columns.map((one) => el("li", {}, `${one.column}: ${one.became || t("columns.notRead")}`)),
    ),
  );
}

// The head of a table with a choice for each field, and the check that follows.
export function columnsForm(job, signal, refresh) {
  const place = el("div", { class: "columns-form" });
  loadInto(place, async () => {
    const table = await get(path("jobs", job.id, "table"), {}, { signal });
    return form(job, table, refresh);
  });
  return place;
}

function form(job, table, refresh) {
  const taken = new Set();
  const choices = Object.fromEntries(
    table.fields.map((name) => {
      const column = table.columns.findIndex(
        (one, at) => !taken.has(at) && HINTS[name] && HINTS[name].test(one),
      );
      if (column >= 0) taken.add(column);
      return [name, select(table, column)];
    }),
  );
  const refusal = el("div");
  return [
    el("p", { class: "note" }, t("columns.unknown", { file: table.file })),
    preview(job, table),
    el(
      "div",
      { class: "columns-choices" },
      table.fields.map((name) => field(wordText(`columns.field.${name}`, name), choices[name])),
    ),
    el(
      "p",
      { class: "acts" },
      actionButton(t("columns.check"), check, {
        class: "first",
        "aria-label": t("columns.checkOf", { job: job.id }),
      }),
    ),
    refusal,
  ];

  async function check() {
    put(refusal);
    const columns = Object.fromEntries(
      Object.entries(choices)
        .filter(([, choice]) => choice.value !== "")
        .map(([name, choice]) => [name, table.columns[Number(choice.value)]]),
    );
    try {
      const { duplicates, replace_photos } = job.parameters;
      const parameters = { again: job.id, columns, duplicates, replace_photos };
      await post("/v1/jobs", { kind: "import", parameters });
      notify(t("columns.checked"));
      await refresh();
    } catch (error) {
      put(refusal, problemBox(error));
    }
  }
}

function select(table, chosen) {
  return el(
    "select",
    {},
    el("option", { value: "" }, t("columns.none")),
    table.columns.map((name, at) =>
      el(
        "option",
        { value: String(at), selected: at === chosen },
        name || t("columns.numbered", { number: at + 1 }),
      ),
    ),
  );
}

function preview(job, table) {
  return el(
    "div",
    {
      class: "wide",
      tabindex: "0",
      role: "region",
      "aria-label": t("columns.firstRows", { job: job.id }),
    },
    el(
      "table",
      { class: "first-rows" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          table.columns.map((name) => el("th", { scope: "col" }, name)),
        ),
      ),
      el(
        "tbody",
        {},
        table.rows.map((row) =>
          el(
            "tr",
            {},
            row.map((cell) => el("td", {}, cell)),
          ),
        ),
      ),
    ),
  );
}
