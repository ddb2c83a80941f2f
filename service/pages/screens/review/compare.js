// One photo beside the animals that it may show.

import { get, path, send } from "../../api.js";
import { button, el, keyLabel, put, actionButton } from "../../dom.js";
import { clear, individualLink, loadInto, fetchAll } from "../../widgets.js";
import { boxOf, image, urlOf } from "../../photo.js";
import { attempt } from "../../notify.js";
import { DECISIONS, day, distance, percent, photoName, species, speciesText } from "../../formatting.js";
import { viewer } from "../../viewer.js";
import { candidateList } from "./candidates.js";

const ASKED_PX = 2048;
// A key that is held down asks the service once.
const once = (ask) => (event) => event.repeat || ask();
// Of each animal its photos and its name, for as long as the catalogue isn't changed.
const known = new Map();
window.addEventListener("flukeprint:changed", () => known.clear());

function about(name) {
  if (!known.has(name)) {
    const asked = Promise.all([
      fetchAll("/v1/catalogue/photos", { individual: name, state: "catalogued" }, "photos", { most: 200 }),
      get(path("individuals", name)).catch(() => null),
    ]);
    asked.catch(() => known.delete(name));
    known.set(name, asked);
  }
  return known.get(name);
}

export function bench(card, { signal, confirm, actions, scope }) {
  const url = card.url || urlOf(card.name);
  const compared = viewer();
  const said = el("div", { class: "decision" });
  const listed = el("div");
  const all = el("section", { class: "all-photos", "aria-label": "All photos of this candidate" });
  const heat = el("div", { class: "heat", "aria-live": "polite" });
  const names = new Map();
  let answer = card.answer;
  let candidates = null;
  let selected = 0;
  let shown = null;
  let asks = 0;
  const date = card.is_dated_by_photo ? `${day(card.taken_at)} (says the photo)` : day(card.taken_at);
  const facts = [date, card.encounter, species(card.species)].filter(Boolean).join(" · ");
  const title = el(
    "div",
    { class: "present" },
    el("h2", { id: "present", tabindex: "-1" }, photoName(card.name)),
    facts ? el("span", { class: "facts" }, facts) : null,
  );
  const node = el(
    "section",
    { class: "comparison", "aria-labelledby": "present" },
    said,
    el(
      "div",
      { class: "sides" },
      el("div", { class: "side-compare" }, compared.node, heat, all),
      el("div", { class: "side-candidates" }, listed),
    ),
    actions,
  );
  compared.query({
    url,
    box: boxOf(card),
    alt: `Your photo ${photoName(card.name)}`,
    caption: `Your photo: ${photoName(card.name)}`,
  });
  drawAnswer();
  if (scope.isSet()) identifyAgain();
  return {
    node,
    matches,
    ask: identifyAgain,
    keys: {
      ...compared.keys,
      h: once(explain),
      a: once(identifyAgain),
      ArrowLeft: () => select(selected - 1),
      ArrowRight: () => select(selected + 1),
    },
  };

  function matches() {
    return answer ? answer.matches : [];
  }

  function drawAnswer() {
    const decision = answer ? answer.decision : "review";
    const kind = el("p", { class: "species" });
    drawSpecies(kind);
    said.className = `decision ${decision}`;
    put(
      said,
      title,
      el(
        "p",
        { class: "verdict" },
        el("strong", {}, answer ? DECISIONS[decision] : "Not identified yet"),
        answer && answer.matches.length
          ? el("span", {}, ` – ${answer.matches[0].individual}, ${percent(answer.probability)}`)
          : null,
      ),
      answer ? el("p", { class: "reason" }, answer.reason) : null,
      kind,
      el(
        "p",
        { class: "acts" },
        actionButton(keyLabel("h", "Heat map"), explain, { class: "quiet small" }),
        actionButton(keyLabel("a", "Ask again"), identifyAgain, { class: "quiet small", title: "Of the catalogue as it is now" }),
      ),
    );
    candidates = candidateList(matches(), { names, onselect: select, onconfirm: confirm });
    put(
      listed,
      el("h3", {}, "Candidates"),
      matches().length
        ? candidates.node
        : el("p", {}, "Nobody in the catalogue to compare with: make it a new individual."),
    );
    select(0);
    nameAll();
  }

  async function drawSpecies(place) {
    const told = answer?.species; // answers that were kept before there were species have none
    const several = Boolean(told) && !told.name && (await scope.hasSeveralSpecies());
    const text = speciesText(told, several);
    place.hidden = !text;
    if (text) put(place, el("b", {}, "Species:"), ` ${text}`);
    if (told?.name) place.title = told.reason;
  }

  async function nameAll() {
    await Promise.all(
      matches()
        .slice(0, 5)
        .map(async (match) => {
          const [, individual] = await about(match.individual).catch(() => [[], null]);
          if (individual && individual.display_name) names.set(match.individual, individual.display_name);
        }),
    );
    candidates.named();
  }

  async function select(at) {
    const match = matches()[at];
    if (!match) {
      if (!matches().length) {
        compared.candidate(null);
        shown = null;
        clear(all);
        clear(heat);
      }
      return;
    }
    selected = at;
    candidates.mark(at);
    clear(heat);
    // The nearest photo is shown at once, its box and the animal's other photos when they have come.
    compare({ name: match.photo, url: match.photo_url }, match);
    await loadInto(all, async () => {
      const [photos] = await about(match.individual);
      // Meanwhile another candidate was chosen, or the photo was asked about again and another animal is there.
      if (matches()[selected] !== match || signal.aborted) return [];
      const nearest = photos.find((photo) => photo.name === match.photo);
      if (nearest) compare(nearest, match);
      return [
        el("h3", {}, "All photos of ", individualLink(match.individual)),
        el(
          "ul",
          { class: "strip" },
          photos.map((photo) => choice(photo, match)),
        ),
      ];
    });
    mark();
  }

  function compare(photo, match) {
    shown = photo;
    const name = names.get(match.individual) || match.individual;
    compared.candidate({
      url: photo.url || urlOf(photo.name),
      box: boxOf(photo),
      alt: `${name}, photo ${photoName(photo.name)}`,
      caption: `${name}: ${[photoName(photo.name), day(photo.taken_at)].filter(Boolean).join(", ")}`,
    });
    mark();
  }

  function mark() {
    for (const one of all.querySelectorAll(".strip-photo")) {
      if (one.dataset.name === shown?.name) one.setAttribute("aria-current", "true");
      else one.removeAttribute("aria-current");
    }
  }

  function choice(photo, match) {
    return el(
      "li",
      {},
      button(image(photo.url || urlOf(photo.name), { size: 120 }), () => choose(photo, match), {
        class: "strip-photo",
        "data-name": photo.name,
        "aria-label": `Compare with ${photoName(photo.name)} ${day(photo.taken_at)}`,
      }),
    );
  }

  function choose(photo, match) {
    if (photo.name !== shown?.name) clear(heat);
    compare(photo, match);
  }

  async function photoForm() {
    const blob = await (await send("GET", `${url}?size_px=${ASKED_PX}`, { signal })).blob();
    const form = new FormData();
    form.append("photos", blob, "photo.jpg");
    return form;
  }

  async function explain() {
    if (!shown) return;
    const with_ = shown;
    await loadInto(heat, async () => {
      const form = await photoForm();
      form.append("catalogue_photo", with_.name);
      const drawn = await send("POST", "/v1/explain", { form, signal });
      const picture = URL.createObjectURL(await drawn.blob());
      const far = Number(drawn.headers.get("X-Distance"));
      return el(
        "figure",
        {},
        el("img", {
          src: picture,
          alt: `Heat map of ${photoName(card.name)} beside ${photoName(with_.name)}`,
          onload: () => URL.revokeObjectURL(picture),
        }),
        el(
          "figcaption",
          {},
          `Red speaks for the same animal, blue against. These two photos: distance ${distance(far)}. `,
          button("Hide", () => clear(heat), { class: "quiet small" }),
        ),
      );
    });
  }

  async function identifyAgain() {
    asks += 1;
    const own = asks;
    await attempt(async () => {
      const form = await photoForm();
      const isNarrowed = scope.isSet();
      scope.append(form);
      const found = await send("POST", "/v1/identify", { form, signal })
        .then((sent) => sent.json())
        .catch((error) => {
          // Nobody meets all that was chosen: told where it was chosen, and the answer before still stands.
          if (isNarrowed && error.status === 422) return scope.refused(error);
          throw error;
        });
      if (!found || own !== asks) return; // the scope was changed meanwhile
      scope.showSearched(found);
      answer = { ...found.results[0], revision: found.catalogue_revision };
      drawAnswer();
    });
  }
}
