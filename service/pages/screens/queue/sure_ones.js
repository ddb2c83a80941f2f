// Many cards confirmed by one act: a sample to look at first, and one undo for all.

import { get, nextOf, post } from "../../api.js";
import { form } from "../../dialog.js";
import { el, put } from "../../dom.js";
import { count, percent } from "../../formatting.js";
import { image } from "../../photo.js";
import { t } from "../../texts.js";

const SAMPLE = 12;
const PAGE_CARDS = 200;
const SHOWN_PHOTOS = 8; // of a card

// Show a sample of the cards that a filter gives; resolves to the event, or to undefined.
export async function confirmSureOnes(filter, signal) {
  const cards = [];
  let page = null;
  let cursor = null;
  do {
    const asked = { ...filter, sort: "probability", limit: PAGE_CARDS, cursor };
    page = await get("/v1/queue/encounters", asked, { signal });
    cards.push(...page.encounters);
    cursor = nextOf(page);
  } while (cursor !== null);
  if (!cards.length) return undefined;
  const shown = sample(cards);
  const boxes = new Map();
  const { revision } = page;
  const list = el(
    "ul",
    { class: "sample" },
    shown.map((card) => entry(card, boxes)),
  );
  const sent = form(t("queue.confirmMany", { encounters: count(cards.length, "encounter") }), {
    text: [
      shown.length < cards.length ? t("queue.sample", { shown: shown.length }) : "",
      t("queue.sampleText"),
    ].join(" "),
    accept: t("queue.confirmMany", { encounters: count(cards.length, "encounter") }),
    act: async () => {
      const out = [...boxes].filter(([, box]) => !box.checked).map(([key]) => key);
      return post("/v1/queue/confirm-many", {
        filter: { ...filter, decision: [filter.decision] },
        revision,
        count: cards.length - out.length,
        left_out: out,
      });
    },
  });
  const dialog = document.querySelector("dialog[open]");
  dialog.classList.add("sure");
  dialog.querySelector("form > p").after(list);
  list.addEventListener("change", () => {
    const many = cards.length - [...boxes.values()].filter((box) => !box.checked).length;
    put(
      dialog.querySelector("button[type=submit]"),
      t("queue.confirmMany", { encounters: count(many, "encounter") }),
    );
  });
  return sent;
}

// The least sure half of the sample, and others evenly from the rest.
function sample(cards) {
  if (cards.length <= SAMPLE) return cards;
  const half = SAMPLE / 2;
  const rest = cards.slice(half);
  const step = rest.length / half;
  return [
    ...cards.slice(0, half),
    ...Array.from({ length: half }, (_, at) => rest[Math.floor(at * step)]),
  ];
}

function entry(card, boxes) {
  const box = el("input", { type: "checkbox", checked: true });
  boxes.set(card.key, box);
  const [first, ...others] = card.photos.slice(0, SHOWN_PHOTOS);
  const named = t("queue.photoOf", { name: card.encounter || first.name });
  return el(
    "li",
    {},
    el(
      "label",
      {},
      el(
        "span",
        { class: "pair" },
        own(first, named),
        image(card.candidate_url, {
          size: 240,
          alt: t("queue.photoOf", { name: card.individual }),
        }),
      ),
      // Another animal may have come into the encounter.
      others.length
        ? el(
            "span",
            { class: "others" },
            others.map((photo) => own(photo, named)),
          )
        : null,
      el("span", {}, box, ` ${card.individual}, ${percent(card.probability)}`),
    ),
  );
}

function own(photo, alt) {
  const picture = image(photo.url, { size: 240, alt });
  picture.style.rotate = `${-90 * photo.quarter_turns}deg`;
  return picture;
}
