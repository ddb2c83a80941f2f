// With which part of the catalogue photos are compared: by species, region and years, and without some individuals.

import { get } from "../../api.js";
import { button, el, field, put, uniqueId } from "../../dom.js";
import { problemBox } from "../../notify.js";
import { count, species as spoken } from "../../formatting.js";

// Chosen for this visit; it outlives a look at another screen.
let chosen = {};

const listed = (text) =>
  text
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean);

// `onchange` is called with each new choice; `showSearched` shows what an answer was searched in.
export function scopePicker({ onchange, signal }) {
  const said = el("span", { class: "searched", role: "status" });
  const problem = el("div", {});
  const fields = el("div", { class: "fields" });
  const form = el("form", { onsubmit: apply }, fields, problem);
  const node = el("details", { class: "scope" }, el("summary", {}, "Compare with ", said), form);
  let inputs = null;
  let all = null;
  node.addEventListener("toggle", () => node.open && !inputs && draw());
  describe();
  const asked = get("/v1/stats", {}, { signal })
    .then((stats) => {
      all = stats;
      describe();
    })
    .catch(() => {}); // the choice itself tells when it is opened

  return { node, append, isSet, showSearched, refused, hasSeveralSpecies };

  async function hasSeveralSpecies() {
    await asked;
    return Boolean(all) && all.species.filter((one) => one.species).length > 1;
  }

  function refused(error) {
    node.open = true;
    put(problem, problemBox(error));
  }

  function isSet() {
    return Object.keys(chosen).length > 0;
  }

  function append(request) {
    for (const [name, values] of Object.entries(chosen))
      for (const value of values) request.append(name, value);
  }

  function showSearched(answer) {
    put(problem);
    describe(answer.individuals_searched);
  }

  function describe(searched = null) {
    const whole = all ? `all ${count(all.individuals, "individual")}` : "the whole catalogue";
    const of = all ? ` of ${all.individuals.toLocaleString("en")}` : "";
    const part =
      searched === null
        ? "a part of the catalogue"
        : `${searched.toLocaleString("en")}${of} individuals`;
    put(said, isSet() ? `${part}: ${words()}` : whole);
    node.classList.toggle("set", isSet());
  }

  function words() {
    const { species = [], regions = [], years = [], exclude = [] } = chosen;
    return [
      species.map((name) => spoken(name)).join(" or "),
      regions.join(" or "),
      years.join(""),
      exclude.length ? `not ${exclude.join(", ")}` : "",
    ]
      .filter(Boolean)
      .join(" · ");
  }

  async function draw() {
    try {
      all ||= await get("/v1/stats", {}, { signal });
    } catch (error) {
      if (error.name !== "AbortError") put(problem, problemBox(error));
      return;
    }
    const dated = all.years.map((one) => one.year).filter((year) => year !== null);
    const bounds = { type: "number", min: dated[0], max: dated.at(-1), inputmode: "numeric" };
    const [from, to] = chosen.years ? chosen.years[0].split("-") : ["", ""];
    inputs = {
      species: boxes("Species", all.species, "species", spoken),
      regions: boxes("Region", all.regions, "region", (name) => name),
      from: el("input", { ...bounds, value: from, placeholder: dated[0] }),
      to: el("input", { ...bounds, value: to ?? from, placeholder: dated.at(-1) }),
      exclude: el("input", {
        type: "text",
        autocomplete: "off",
        value: (chosen.exclude || []).join(", "),
      }),
    };
    put(
      fields,
      inputs.species.node,
      inputs.regions.node,
      dated.length ? [field("From year", inputs.from), field("To year", inputs.to)] : null,
      field("Without", inputs.exclude, "Ids, with commas between."),
      el(
        "p",
        { class: "acts" },
        el("button", { type: "submit", class: "first" }, "Compare"),
        button("The whole catalogue", clear),
      ),
    );
  }

  // A box for each that photos were counted of; photos that lack the fact can't be chosen.
  function boxes(label, counts, name, shown) {
    const given = counts.filter((one) => one[name] !== null);
    const before = new Set(chosen[name === "region" ? "regions" : name]);
    const all_ = given.map((one) => {
      const box = el("input", {
        type: "checkbox",
        id: uniqueId("scope"),
        value: one[name],
        checked: before.has(one[name]),
      });
      const told_ = el("small", {}, ` ${one.individuals.toLocaleString("en")}`);
      return {
        box,
        node: el(
          "p",
          { class: "check" },
          box,
          el("label", { for: box.id }, shown(one[name]), told_),
        ),
      };
    });
    const node_ = given.length
      ? el("fieldset", { class: "boxes" }, el("legend", {}, label), ...all_.map((one) => one.node))
      : null;
    return {
      node: node_,
      values: () => all_.filter((one) => one.box.checked).map((one) => one.box.value),
    };
  }

  function apply(event) {
    event.preventDefault();
    const dated = all.years.map((one) => one.year).filter((year) => year !== null);
    const [from, to] = [inputs.from.value, inputs.to.value];
    const next = {
      species: inputs.species.values(),
      regions: inputs.regions.values(),
      years: from || to ? [`${from || dated[0]}-${to || dated.at(-1)}`] : [],
      exclude: listed(inputs.exclude.value),
    };
    choose(Object.fromEntries(Object.entries(next).filter(([, values]) => values.length)));
  }

  function clear() {
    inputs = null;
    choose({});
    draw();
  }

  function choose(next) {
    chosen = next;
    put(problem);
    describe();
    onchange();
  }
}
