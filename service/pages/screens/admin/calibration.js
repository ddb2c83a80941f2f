// What a distance means in this catalogue, and what another threshold would change.

import { get } from "../../api.js";
import { el, put } from "../../dom.js";
import { hiddenHead, table, tableRow } from "../../tables.js";
import { empty, heading } from "../../widgets.js";
import { problemBox } from "../../notify.js";
import { distance, percent } from "../../formatting.js";
import { detChart, histogram } from "./charts.js";

const LEAST = 0.001;
const MOST = 0.5;
const PAUSE_MS = 120;
// Rounded up, so that a rate that can't be promised is never asked for.
const rounded = (rate) => Math.ceil(rate * 1000) / 1000;

export async function calibration(screen, { signal }) {
  const fitted = await get("/v1/calibration", {}, { signal });
  put(screen, heading("Calibration"), el("p", {}, fitted.description));
  if (!fitted.is_calibrated) {
    screen.append(
      empty(
        "Too few photos to calibrate",
        "Add more individuals with at least two photos each. Distances then become probabilities.",
      ),
    );
    return;
  }
  const start = fitted.thresholds.known;
  const least = Math.min(Math.max(LEAST, fitted.smallest_rate), MOST);
  // The slider runs evenly over the logarithm: 0.1 % and 1 % are as far apart as 1 % and 10 %.
  const rateAt = (step) => least * (MOST / least) ** (step / 100);
  const stepAt = (rate) =>
    (100 * Math.log(Math.max(rate, least) / least)) / Math.log(MOST / least || 1);
  const slider = el("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 1,
    value: stepAt(start.promised),
    id: "rate",
  });
  const charts = el("div", { class: "charts" });
  const sentence = el("p", { class: "rate-text", "aria-live": "polite" });
  let pause = 0;
  slider.addEventListener("input", () => {
    slider.setAttribute("aria-valuetext", percent(rounded(rateAt(slider.value))));
    clearTimeout(pause);
    pause = setTimeout(fetchThreshold, PAUSE_MS);
  });
  screen.append(
    el(
      "div",
      { class: "rate" },
      el("label", { for: "rate" }, "How many unknown animals may be taken for known ones?"),
      slider,
      el(
        "p",
        { class: "ends", "aria-hidden": "true" },
        el("span", {}, percent(least)),
        el("span", {}, percent(MOST)),
      ),
      sentence,
    ),
    charts,
    thresholds(fitted),
    groups(fitted),
    newAnimals(fitted),
  );
  draw(start, null);

  async function fetchThreshold() {
    const rate = rounded(rateAt(slider.value));
    // The slider was not moved meanwhile.
    const isLatest = () => rate === rounded(rateAt(slider.value));
    try {
      const answer = await get("/v1/calibration", { max_fpir: rate }, { signal });
      if (isLatest()) draw(answer.asked, rate);
    } catch (error) {
      if (error.name !== "AbortError" && isLatest()) put(sentence, problemBox(error));
    }
  }

  function draw(at, rate) {
    slider.setAttribute("aria-valuetext", rate === null ? "present setting" : percent(rate));
    if (at.distance < 0) {
      put(sentence, "Nothing is known without review here.");
      put(charts, histogram(fitted, at), detChart(fitted, at));
      return;
    }
    put(
      sentence,
      rate === null ? "Now the answer" : ["At most ", el("b", {}, percent(rate)), ": the answer"],
      " is “known” up to distance ",
      el("b", {}, distance(at.distance)),
      ". ",
      `No more than ${percent(at.promised)} of unknown animals pass for known ones, as promised `,
      `(${percent(at.fpir)} did in trials, give or take ${percent(at.error)})`,
      at.fnir === null ? "." : `, and ${percent(at.fnir)} of known animals were missed.`,
    );
    put(charts, histogram(fitted, at), detChart(fitted, at));
  }
}

// A negative distance: nothing is known without review.
function upTo(reach) {
  return reach < 0 ? "nothing" : distance(reach);
}

function thresholds(fitted) {
  const row = (name, at) =>
    tableRow([
      name,
      upTo(at.distance),
      percent(at.fpir),
      percent(at.promised),
      at.fnir === null ? "" : percent(at.fnir),
    ]);
  const heads = ["Distance", "Unknown taken for known", "Promised at most", "Known missed"];
  return el(
    "section",
    {},
    el("h2", {}, "Present thresholds"),
    table(
      [hiddenHead("Threshold"), ...heads],
      [row("Known up to", fitted.thresholds.known), row("New above", fitted.thresholds.new_whale)],
    ),
    el(
      "p",
      { class: "facts" },
      `Trials: ${fitted.known_trials.toLocaleString("en")} with known animals and ` +
        `${fitted.unknown_trials.toLocaleString("en")} with unknown animals ` +
        `(${fitted.unknown_source}).`,
      fitted.is_pending ? " The last change is being calibrated." : "",
    ),
  );
}

function groups(fitted) {
  if (!fitted.groups.length) return "";
  const row = (one) =>
    tableRow([
      one.name,
      upTo(one.thresholds.known.distance),
      percent(one.thresholds.known.promised),
      percent(one.smallest_rate),
    ]);
  const heads = ["Answers by", "Known up to", "Promised at most", "Smallest rate"];
  return el(
    "section",
    {},
    el("h2", {}, "Species and encounters"),
    el("p", {}, "These have enough photos for thresholds and probabilities of their own."),
    table(heads, fitted.groups.map(row)),
  );
}

function newAnimals(fitted) {
  const queued = fitted.queue_share;
  const estimate = queued
    ? `Of the ${queued.photos.toLocaleString("en")} photos that wait, about ` +
      `${percent(queued.share)} (${percent(queued.low)} to ${percent(queued.high)}) show new ` +
      "animals, by their distances. "
    : "From 20 photos in the queue on, the share is estimated here. ";
  return el(
    "section",
    {},
    el("h2", {}, "New animals"),
    el(
      "p",
      {},
      `Probabilities take ${percent(fitted.new_whale_share)} of photos to show animals that the ` +
        `catalogue lacks. ${estimate}`,
      "The setting ",
      el("code", {}, "new_share"),
      " changes it.",
    ),
  );
}
