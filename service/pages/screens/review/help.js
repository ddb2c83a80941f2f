// The list of the review's keys, and the switch that turns the single keys off.

import { show } from "../../dialog.js";
import { el } from "../../dom.js";
import { KEYS_OFF } from "../../keys.js";

const KEYS = [
  ["1 – 5", "confirm this candidate for all photos of the card"],
  ["← →", "compare with another candidate"],
  ["[ ]", "compare another photo of the card"],
  ["n", "make a new individual of the card; Enter accepts the proposed id"],
  ["N", "make a new individual of the card with the proposed id, without a question"],
  ["/", "find anybody by name, id, region or year (curators also by place); Enter confirms"],
  ["=", "the same individual as before"],
  ["x", "reject the card: no animal in it can be identified"],
  ["s", "skip the card: it comes again at the end"],
  ["p", "take the photo that is shown out, into a card of its own"],
  ["j", "join this card with the next one"],
  ["u", "undo the last decision"],
  ["+ −", "zoom both photos"],
  ["r R", "turn both photos"],
  ["f", "mirror both photos"],
  ["e", "show both flukes at the same size"],
  ["b", "show the fluke box"],
  ["0", "reset both photos"],
  ["h", "show the heat map: what makes the photos similar"],
  ["a", "identify again in the present catalogue"],
  ["?", "show this help"],
];

export function showHelp() {
  const off = el("input", {
    type: "checkbox",
    id: "keys-off",
    checked: localStorage.getItem(KEYS_OFF) === "yes",
    onchange: (event) => localStorage.setItem(KEYS_OFF, event.target.checked ? "yes" : "no"),
  });
  const dialog = show(
    "Keys",
    el("table", { class: "keys" }, el("tbody", {}, KEYS.map(row))),
    el(
      "p",
      { class: "check" },
      off,
      el("label", { for: "keys-off" }, "No single keys: use the buttons only"),
    ),
  );
  dialog.scrollTop = 0; // the focus goes to the switch, which is below the keys
}

function row([key, effect]) {
  return el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, effect));
}
