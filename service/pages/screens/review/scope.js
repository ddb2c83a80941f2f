// Which part of the catalogue photos are compared with.

import { get } from "../../api.js";
import { el, put } from "../../dom.js";
import { count, species as speciesName } from "../../formatting.js";
import { problemBox } from "../../notify.js";
import { listText, numberText, t } from "../../texts.js";
import { ScopeForm } from "./scope_form.js";

// The choice stays for this visit, also when another screen is shown.
let chosen = {};

export class ScopePicker {
  // `onchange` is called with each new choice.
  constructor({ onchange, signal }) {
    this.onchange = onchange;
    this.signal = signal;
    this.stats = null; // the catalogue's counts
    this.inputs = null;
    this.summary = el("span", { class: "searched", role: "status" });
    this.problem = el("div", {});
    this.fields = el("div", { class: "fields" });
    const onsubmit = (event) => {
      event.preventDefault();
      this.choose(this.inputs.choice);
    };
    this.node = el(
      "details",
      { class: "scope" },
      el("summary", {}, t("scope.title"), " ", this.summary),
      el("form", { onsubmit }, this.fields, this.problem),
    );
    this.node.addEventListener("toggle", () => this.node.open && !this.inputs && this.draw());
    this.describe();
    this.statsRequest = this.fetchStats().catch(() => {}); // the form shows the error when opened
  }

  async fetchStats() {
    this.stats = await get("/v1/stats", {}, { signal: this.signal });
    this.describe();
  }

  async hasSeveralSpecies() {
    await this.statsRequest;
    return Boolean(this.stats) && this.stats.species.filter((one) => one.species).length > 1;
  }

  isSet() {
    return Object.keys(chosen).length > 0;
  }

  // Add the choice to a request's form.
  append(form) {
    for (const [name, values] of Object.entries(chosen))
      for (const value of values) form.append(name, value);
  }

  // Show how many individuals an answer was searched in.
  showSearched(answer) {
    put(this.problem);
    this.describe(answer.individuals_searched);
  }

  refused(error) {
    this.node.open = true;
    put(this.problem, problemBox(error));
  }

  describe(searched = null) {
    put(this.summary, this.text(searched));
    this.node.classList.toggle("set", this.isSet());
  }

  text(searched) {
    if (this.isSet()) return t("scope.chosen", { part: this.part(searched), choice: choiceText() });
    return this.stats ? t("scope.all", { count: this.stats.individuals }) : t("scope.whole");
  }

  part(searched) {
    if (searched === null) return t("scope.part");
    if (!this.stats) return count(searched, "individual");
    const total = numberText(this.stats.individuals);
    return t("scope.of", { searched: numberText(searched), total });
  }

  async draw() {
    try {
      this.stats ||= await get("/v1/stats", {}, { signal: this.signal });
    } catch (error) {
      if (error.name !== "AbortError") put(this.problem, problemBox(error));
      return;
    }
    this.inputs = new ScopeForm(this.stats, chosen, () => this.clear());
    put(this.fields, this.inputs.nodes);
  }

  clear() {
    this.inputs = null;
    this.choose({});
    this.draw();
  }

  choose(choice) {
    chosen = choice;
    put(this.problem);
    this.describe();
    this.onchange();
  }
}

function choiceText() {
  const { species = [], regions = [], years = [], exclude = [] } = chosen;
  return [
    listText(species.map(speciesName), "disjunction"),
    listText(regions, "disjunction"),
    years.join(""),
    exclude.length ? t("scope.without", { names: listText(exclude) }) : "",
  ]
    .filter(Boolean)
    .join(" · ");
}
