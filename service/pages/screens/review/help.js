// The list of the review's keys, and the switch that turns the single keys off.

import { show } from "../../dialog.js";
import { el } from "../../dom.js";
import { KEYS_OFF } from "../../keys.js";
import { t } from "../../texts.js";

const KEYS = "1 – 5|← →|[ ]|n|N|/|=|x|s|p|j|u|+ −|r R|f|e|b|0|h|a|?".split("|");

export function showHelp() {
  const off = el("input", {
    type: "checkbox",
    id: "keys-off",
    checked: localStorage.getItem(KEYS_OFF) === "yes",
    onchange: (event) => localStorage.setItem(KEYS_OFF, event.target.checked ? "yes" : "no"),
  });
  const dialog = show(
    t("help.title"),
    el("table", { class: "keys" }, el("tbody", {}, KEYS.map(row))),
    el("p", { class: "check" }, off, el("label", { for: "keys-off" }, t("help.off"))),
  );
  dialog.scrollTop = 0; // the focus goes to the switch, which is below the keys
}

function row(key) {
  const effect = t(`help.${key}`);
  return el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, effect));
}
