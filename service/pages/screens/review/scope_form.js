// The form that narrows a search: species, regions and years, and individuals to leave out.

import { button, el, field, uniqueId } from "../../dom.js";
import { species as speciesName } from "../../formatting.js";
import { numberText, t } from "../../texts.js";

export class ScopeForm {
  // `stats` are the catalogue's counts; `chosen` is the present choice.
  constructor(stats, chosen, onclear) {
    this.years = stats.years.map((one) => one.year).filter((year) => year !== null);
    this.species = checkboxes(stats.species, "species", chosen.species, speciesName);
    this.regions = checkboxes(stats.regions, "region", chosen.regions, (name) => name);
    const [from, to] = chosen.years ? chosen.years[0].split("-") : ["", ""];
    this.from = this.yearInput(from, this.years[0]);
    this.to = this.yearInput(to ?? from, this.years.at(-1));
    this.exclude = el("input", {
      type: "text",
      autocomplete: "off",
      value: (chosen.exclude || []).join(", "),
    });
    this.onclear = onclear;
  }

  get nodes() {
    return [
      fieldset(t("common.species"), this.species),
      fieldset(t("common.region"), this.regions),
      this.years.length
        ? [field(t("scope.fromYear"), this.from), field(t("scope.toYear"), this.to)]
        : null,
      field(t("scope.leaveOut"), this.exclude, t("scope.leaveOutHint")),
      el(
        "p",
        { class: "acts" },
        el("button", { type: "submit", class: "first" }, t("scope.compare")),
        button(t("scope.useWhole"), this.onclear),
      ),
    ];
  }

  yearInput(value, placeholder) {
    const bounds = { min: this.years[0], max: this.years.at(-1) };
    return el("input", { type: "number", inputmode: "numeric", ...bounds, value, placeholder });
  }

  // What is chosen, as lists by the names of the request's fields; empty lists are absent.
  get choice() {
    const [from, to] = [this.from.value, this.to.value];
    const lists = {
      species: checkedValues(this.species),
      regions: checkedValues(this.regions),
      years: from || to ? [`${from || this.years[0]}-${to || this.years.at(-1)}`] : [],
      exclude: namesIn(this.exclude.value),
    };
    return Object.fromEntries(Object.entries(lists).filter(([, values]) => values.length));
  }
}

// A box for each value that photos have; photos without a value can't be chosen.
function checkboxes(counts, name, chosen = [], shown) {
  return counts
    .filter((one) => one[name] !== null)
    .map((one) => {
      const value = one[name];
      const box = el("input", {
        type: "checkbox",
        id: uniqueId("scope"),
        value,
        checked: chosen.includes(value),
      });
      const number = el("small", {}, ` ${numberText(one.individuals)}`);
      const label = el("label", { for: box.id }, shown(value), number);
      return { box, node: el("p", { class: "check" }, box, label) };
    });
}

function fieldset(title, boxes) {
  if (!boxes.length) return null;
  const nodes = boxes.map((one) => one.node);
  return el("fieldset", { class: "boxes" }, el("legend", {}, title), nodes);
}

const checkedValues = (boxes) => boxes.filter((one) => one.box.checked).map((one) => one.box.value);

const namesIn = (text) =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);
