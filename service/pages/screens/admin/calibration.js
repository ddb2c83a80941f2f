// What a distance is worth in this catalogue, and what another threshold would cost.

import { get } from "../../api.js";
import { el, put } from "../../dom.js";
import { empty, heading } from "../../widgets.js";
import { problemBox } from "../../notify.js";
import { count, distance, percent } from "../../formatting.js";
import { detChart, histogram } from "./charts.js";

const LEAST = 0.001;
const MOST = 0.5;
const PAUSE_MS = 120;
// The slider runs evenly over the logarithm: 0.1 % and 1 % are as far apart as 1 % and 10 %.
const rateAt = (step) => LEAST * (MOST / LEAST) ** (step / 100);
const stepAt = (rate) => (100 * Math.log(Math.max(rate, LEAST) / LEAST)) / Math.log(MOST / LEAST);
const rounded = (rate) => Number(rate.toPrecision(2));

export async function calibration(screen, { signal }) {
  const fitted = await get("/v1/calibration", {}, { signal });
  put(screen, heading("Calibration"), el("p", {}, fitted.description));
  if (!fitted.is_calibrated) {
    screen.append(
      empty(
        "Too few photos to calibrate",
        "Add more individuals with two photos or more each: then distances become probabilities, and answers can say that somebody is known.",
      ),
    );
    return;
  }
  const start = fitted.thresholds.known;
  const slider = el("input", {
    type: "range",
    min: 0,
    max: 100,
    step: 1,
    value: stepAt(start.fpir || LEAST),
    id: "rate",
  });
  const charts = el("div", { class: "charts" });
  const said = el("p", { class: "rate-text", "aria-live": "polite" });
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
      el("label", { for: "rate" }, "How many unknown animals may pass for a known one?"),
      slider,
      el(
        "p",
        { class: "ends", "aria-hidden": "true" },
        el("span", {}, percent(LEAST)),
        el("span", {}, percent(MOST)),
      ),
      said,
    ),
    charts,
    thresholds(fitted),
  );
  draw(start, null);

  async function fetchThreshold() {
    const rate = rounded(rateAt(slider.value));
    const isLatest = () => rate === rounded(rateAt(slider.value)); // it was not moved meanwhile
    try {
      const answer = await get("/v1/calibration", { max_fpir: rate }, { signal });
      if (isLatest()) draw(answer.asked, rate);
    } catch (error) {
      if (error.name !== "AbortError" && isLatest()) put(said, problemBox(error));
    }
  }

  function draw(at, rate) {
    slider.setAttribute("aria-valuetext", rate === null ? "as it is set now" : percent(rate));
    put(
      said,
      rate === null ? "As it is set now, up" : ["At most ", el("b", {}, percent(rate)), ": up"],
      " to distance ",
      el("b", {}, distance(at.distance)),
      " the answer is “known”. ",
      `In the trials ${percent(at.fpir)} of unknown animals passed`,
      at.fnir === null ? "." : ` and ${percent(at.fnir)} of known ones were missed.`,
    );
    put(charts, histogram(fitted, at), detChart(fitted, at));
  }
}

function thresholds(fitted) {
  const rows = [
    ["Known: sure up to", fitted.thresholds.known],
    ["Nobody known: beyond", fitted.thresholds.new_whale],
  ];
  return el(
    "section",
    {},
    el("h2", {}, "What decides now"),
    el(
      "div",
      { class: "wide" },
      el(
        "table",
        {},
        el(
          "thead",
          {},
          el(
            "tr",
            {},
            ["", "Distance", "Unknown that pass", "Known that are missed"].map((head) =>
              el(
                "th",
                { scope: "col" },
                head || el("span", { class: "visually-hidden" }, "Threshold"),
              ),
            ),
          ),
        ),
        el(
          "tbody",
          {},
          rows.map(([name, at]) =>
            el(
              "tr",
              {},
              el("th", { scope: "row" }, name),
              [distance(at.distance), percent(at.fpir), percent(at.fnir)].map((text) =>
                el("td", {}, text),
              ),
            ),
          ),
        ),
      ),
    ),
    el(
      "p",
      { class: "facts" },
      `${count(fitted.known_trials, "trial")} with known and ${count(fitted.unknown_trials, "trial")} with unknown animals (${fitted.unknown_source}); ${percent(fitted.new_whale_share)} of photos are taken to show new ones.`,
    ),
  );
}
