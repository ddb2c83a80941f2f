// All that waits, as a list: filtered, sorted, and the sure ones confirmed together.

import { get, nextOf } from "../../api.js";
import { announce } from "../../curation.js";
import { el, field, put } from "../../dom.js";
import { DECISIONS, count, dayText, percent, species } from "../../formatting.js";
import { attempt } from "../../notify.js";
import { image } from "../../photo.js";
import { numberText, t } from "../../texts.js";
import { empty, heading, loadInto } from "../../widgets.js";
import { guarded } from "../review/actions.js";
import { confirmSureOnes } from "./sure_ones.js";

const PAGE_CARDS = 40;
const SHOWN_PHOTOS = 5; // of a card
const PAUSE_MS = 300;
const AGAIN_MS = 3000; // while cards are still being compared
const SORTS = [
  "time",
  "time desc",
  "probability desc",
  "probability",
  "decision",
  "size desc",
  "quality desc",
].map((sort) => [sort, t(`queue.sort.${sort}`)]);

// The choice stays for this visit, also when another screen is shown.
const chosen = { decision: "", sort: "time" };

// `#/queue/upload/ID` lists the photos of one upload, such as those of a job.
export async function queueList(screen, { rest, signal }) {
  chosen.upload = rest[0] === "upload" ? rest[1] : "";
  await new QueueList(screen, signal).open();
}

class QueueList {
  constructor(screen, signal) {
    this.screen = screen;
    this.signal = signal;
    this.note = el("span", { class: "heading-note", role: "status" });
    this.piles = el("div", { class: "piles", role: "group", "aria-label": t("queue.decision") });
    this.acts = el("p", { class: "acts" });
    this.compared = el("p", { class: "hint", role: "status" });
    this.place = el("div", { class: "queue-cards" });
    this.page = null; // the first one
  }

  async open() {
    const { acts, compared, note, piles, place, screen } = this;
    const only = chosen.upload
      ? el(
          "p",
          { class: "hint" },
          `${t("queue.ofUpload")} `,
          el("a", { href: "#/queue" }, t("queue.showAll")),
        )
      : null;
    put(screen, heading(t("queue.title"), note), only, piles, this.form(), acts, compared, place);
    await this.refresh();
  }

  form() {
    const text = (name, attributes = {}) =>
      el("input", { type: "text", autocomplete: "off", value: chosen[name] ?? "", ...attributes });
    const share = { type: "number", min: 0, max: 100, step: 1, inputmode: "numeric" };
    const inputs = {
      individual: text("individual"),
      species: text("species"),
      region: text("region"),
      place: text("place"),
      min_probability: text("min_probability", share),
      max_probability: text("max_probability", share),
      min_quality: text("min_quality", share),
      since: text("since", { type: "date" }),
      until: text("until", { type: "date" }),
    };
    const sort = el(
      "select",
      { onchange: () => this.choose({ sort: sort.value }) },
      SORTS.map(([value, label]) =>
        el("option", { value, selected: value === chosen.sort }, label),
      ),
    );
    let pause = 0;
    for (const [name, input] of Object.entries(inputs))
      input.addEventListener("input", () => {
        clearTimeout(pause);
        pause = setTimeout(() => this.choose({ [name]: input.value.trim() }), PAUSE_MS);
      });
    return [
      el("div", { class: "sorting" }, field(t("queue.sort"), sort)),
      el(
        "details",
        { class: "filters" },
        el("summary", {}, t("queue.filter")),
        el(
          "div",
          { class: "fields" },
          field(t("queue.nearest"), inputs.individual),
          field(t("common.species"), inputs.species),
          field(t("common.region"), inputs.region),
          field(t("common.place"), inputs.place, t("queue.forCurators")),
          field(t("queue.probabilityFrom"), inputs.min_probability),
          field(t("queue.probabilityTo"), inputs.max_probability),
          field(t("queue.qualityFrom"), inputs.min_quality),
          field(t("queue.takenFrom"), inputs.since),
          field(t("queue.takenTo"), inputs.until),
        ),
      ),
    ];
  }

  choose(choice) {
    Object.assign(chosen, choice);
    this.refresh();
  }

  // The filter as the service reads it.
  get filter() {
    const { sort: _, ...filter } = chosen;
    const asShare = (value) => (value === "" || value === undefined ? "" : Number(value) / 100);
    for (const name of ["min_probability", "max_probability", "min_quality"])
      filter[name] = asShare(filter[name]);
    return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ""));
  }

  fetch(cursor = null) {
    const [sort, direction] = chosen.sort.split(" ");
    const descending = direction === "desc" ? "true" : "";
    const asked = { ...this.filter, sort, descending, limit: PAGE_CARDS, cursor };
    return get("/v1/queue/encounters", asked, { signal: this.signal });
  }

  async refresh() {
    clearTimeout(this.again);
    await loadInto(this.place, async () => {
      this.page = await this.fetch();
      this.drawHead();
      if (!this.page.total)
        return empty(
          this.page.waiting ? t("queue.noneLike") : t("queue.nothing"),
          this.page.waiting ? t("queue.changeFilter") : t("queue.addPhotos"),
        );
      const list = el("ul", { class: "card-rows" }, this.page.encounters.map(row));
      return [list, this.more(list, this.page)];
    });
  }

  drawHead() {
    const { page } = this;
    const encounters = count(page.total, "encounter");
    put(this.note, t("queue.counts", { encounters, photos: count(page.photos, "photo") }));
    const all = Object.values(page.counts).reduce((sum, one) => sum + one, 0);
    put(
      this.piles,
      pile("", t("queue.all"), all, (decision) => this.choose({ decision })),
      Object.entries(DECISIONS).map(([decision, label]) =>
        pile(decision, label, page.counts[decision], (one) => this.choose({ decision: one })),
      ),
    );
    const sure = page.counts.known;
    const label = sure ? t("queue.confirmSure", { count: sure }) : t("queue.confirmSureNone");
    const why = sure ? null : t("queue.noneSure");
    put(
      this.acts,
      guarded(label, () => this.confirmSure(), why, { class: sure ? "first" : null }),
    );
    this.drawCompared();
  }

  // Which catalogue the answers are of; they follow it in the background.
  drawCompared() {
    const { compared, revision, waiting } = this.page;
    const isWhole = compared >= waiting;
    const values = {
      revision,
      compared: numberText(compared),
      waiting: numberText(waiting),
    };
    const text = t(isWhole ? "queue.asOf" : "queue.asOfPart", values);
    put(this.compared, waiting ? text : "");
    if (isWhole) return;
    this.again = setTimeout(async () => {
      if (this.signal.aborted) return;
      this.page = { ...this.page, ...(await this.fetch().catch(() => ({}))) };
      if (!this.signal.aborted) this.drawHead();
    }, AGAIN_MS);
  }

  // The next page comes when the end of the list comes into view.
  more(list, page) {
    let cursor = nextOf(page);
    if (cursor === null) return null;
    const end = el("p", { class: "list-end", role: "status" }, "…");
    let isFetching = false;
    const near = new IntersectionObserver(
      async ([entry]) => {
        if (!entry.isIntersecting || isFetching) return;
        isFetching = true;
        await attempt(async () => {
          const next = await this.fetch(cursor);
          list.append(...next.encounters.map(row));
          cursor = nextOf(next);
        });
        isFetching = false;
        near.disconnect();
        if (cursor === null) end.remove();
        else near.observe(end); // it may be in view still
      },
      { rootMargin: "600px" },
    );
    near.observe(end);
    this.signal.addEventListener("abort", () => near.disconnect());
    return end;
  }

  async confirmSure() {
    const event = await confirmSureOnes({ ...this.filter, decision: "known" }, this.signal);
    if (!event) return;
    const text = t("queue.confirmed", { count: event.photos.length });
    announce(event, text, () => this.refresh());
    await this.refresh();
  }
}

function pile(decision, label, many, act) {
  const isChosen = chosen.decision === decision;
  return el(
    "button",
    {
      type: "button",
      class: `pile ${decision}`,
      "aria-pressed": String(isChosen),
      onclick: () => act(decision),
    },
    label,
    " ",
    el("b", {}, numberText(many)),
  );
}

function row(card) {
  const [first] = card.photos;
  const facts = [
    dayText(card.at),
    card.region,
    card.place,
    count(card.photos.length, "photo"),
    species(card.species),
  ];
  const verdict = card.individual && card.decision !== "no_animal";
  return el(
    "li",
    { class: `card-row ${card.decision}` },
    el(
      "a",
      {
        href: `#/review/${card.key}`,
        "aria-label": t("queue.reviewOf", { name: card.encounter || first.name }),
      },
      el("span", { class: "own" }, card.photos.slice(0, SHOWN_PHOTOS).map(small)),
      card.candidate_url
        ? el("span", { class: "candidate" }, image(card.candidate_url, { size: 120 }))
        : null,
      el(
        "span",
        { class: "about" },
        el("b", {}, DECISIONS[card.decision]),
        verdict ? ` – ${card.individual}, ${percent(card.probability)}` : "",
        el("span", { class: "facts" }, facts.filter(Boolean).join(" · ")),
      ),
    ),
  );
}

function small(photo) {
  const picture = image(photo.url, { size: 120 });
  picture.style.rotate = `${-90 * photo.quarter_turns}deg`;
  return picture;
}
