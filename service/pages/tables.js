// Tables: column heads, and rows whose first cell names the row.

import { el } from "./dom.js";
import { t } from "./texts.js";

// `rows` are the rows' nodes, as `tableRow` makes them.
export function table(heads, rows) {
  const columns = heads.map((head) => el("th", { scope: "col" }, head));
  return el(
    "div",
    // Where it is wider than the screen, the keyboard scrolls it too.
    { class: "wide", tabindex: "0", role: "group", "aria-label": t("common.table") },
    el("table", {}, el("thead", {}, el("tr", {}, columns)), el("tbody", {}, rows)),
  );
}

export function tableRow([name, ...cells], attributes = {}) {
  const others = cells.map((cell) => el("td", {}, cell));
  return el("tr", attributes, el("th", { scope: "row" }, name), others);
}

// A head that only screen readers read: the column needs none for the eye.
export const hiddenHead = (text) => el("span", { class: "visually-hidden" }, text);
