// The list of the review's keys, and the switch that turns the single keys off.

import { show } from "../../dialog.js";
import { el } from "../../dom.js";
import { KEYS_OFF } from "../../keys.js";

const KEYS = [
  ["1 – 5", "confirm that candidate"],
  ["← →", "compare with another candidate"],
  ["n", "a new individual; Enter accepts its id"],
  ["x", "reject: shows no animal that can be known"],
  ["s", "skip: comes again at the end"],
  ["u", "undo the last decision"],
  ["+ −", "zoom both photos"],
  ["r R", "turn both"],
  ["f", "mirror both"],
  ["e", "flukes at the same size"],
  ["b", "show the fluke box"],
  ["0", "reset both"],
  ["h", "heat map: what makes the two alike"],
  ["a", "ask again, of the catalogue as it is now"],
  ["?", "this help"],
];

export function showHelp() {
  const off = el("input", {
    type: "checkbox",
    id: "keys-off",
    checked: localStorage.getItem(KEYS_OFF) === "yes",
    onchange: (event) => localStorage.setItem(KEYS_OFF, event.target.checked ? "yes" : "no"),
  });
  show(
    "Keys",
    el("table", { class: "keys" }, el("tbody", {}, KEYS.map(row))),
    el(
      "p",
      { class: "check" },
      off,
      el("label", { for: "keys-off" }, "No single keys: I use the buttons"),
    ),
  );
}

function row([key, effect]) {
  return el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, effect));
}
