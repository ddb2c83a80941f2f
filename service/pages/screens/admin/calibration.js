// What a distance means in this catalogue, and what another threshold would change.

import { get } from "../../api.js";
import { el, put } from "../../dom.js";
import { hiddenHead, table, tableRow } from "../../tables.js";
import { empty, heading } from "../../widgets.js";
import { problemBox } from "../../notify.js";
import { distance, percent } from "../../formatting.js";
import { numberText, t, tNodes } from "../../texts.js";
import { detChart, histogram } from "./charts.js";

const LEAST = 0.001;
const MOST = 0.5;
const PAUSE_MS = 120;
// Rounded up, so that a rate that can't be promised is never asked for.
const rounded = (rate) => Math.ceil(rate * 1000) / 1000;

export async function calibration(screen, { signal }) {
  const fitted = await get("/v1/calibration", {}, { signal });
  put(screen, heading(t("calibration.title")), el("p", { lang: "en" }, fitted.description));
  if (!fitted.is_calibrated) {
    screen.append(empty(t("calibration.few"), t("calibration.fewText")));
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
      el("label", { for: "rate" }, t("calibration.question")),
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
    slider.setAttribute("aria-valuetext", rate === null ? t("calibration.present") : percent(rate));
    if (at.distance < 0) {
      put(sentence, t("calibration.nothingKnown"));
      put(charts, histogram(fitted, at), detChart(fitted, at));
      return;
    }
    put(
      sentence,
      tNodes(rate === null ? "calibration.now" : "calibration.atMost", {
        rate: rate === null ? "" : el("b", {}, percent(rate)),
        distance: el("b", {}, distance(at.distance)),
      }),
      " ",
      t("calibration.promise", {
        promised: percent(at.promised),
        rate: percent(at.fpir),
        error: percent(at.error),
      }),
      at.fnir === null ? "" : ` ${t("calibration.missed", { rate: percent(at.fnir) })}`,
    );
    put(charts, histogram(fitted, at), detChart(fitted, at));
  }
}

// A negative distance: nothing is known without review.
function upTo(reach) {
  return reach < 0 ? t("calibration.nothing") : distance(reach);
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
  const heads = [
    t("calibration.distance"),
    t("calibration.unknownAsKnown"),
    t("calibration.promisedAtMost"),
    t("calibration.knownMissed"),
  ];
  return el(
    "section",
    {},
    el("h2", {}, t("calibration.presentThresholds")),
    table(
      [hiddenHead(t("calibration.threshold")), ...heads],
      [
        row(t("calibration.knownUpTo"), fitted.thresholds.known),
        row(t("calibration.newAbove"), fitted.thresholds.new_whale),
      ],
    ),
    el(
      "p",
      { class: "facts" },
      t("calibration.trials", {
        known: numberText(fitted.known_trials),
        unknown: numberText(fitted.unknown_trials),
        source: fitted.unknown_source,
      }),
      fitted.is_pending ? ` ${t("calibration.pending")}` : "",
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
  const heads = [
    t("calibration.answersBy"),
    t("calibration.knownUpTo"),
    t("calibration.promisedAtMost"),
    t("calibration.smallest"),
  ];
  return el(
    "section",
    {},
    el("h2", {}, t("calibration.groups")),
    el("p", {}, t("calibration.groupsText")),
    table(heads, fitted.groups.map(row)),
  );
}

function newAnimals(fitted) {
  const queued = fitted.queue_share;
  const estimate = queued
    ? t("calibration.estimate", {
        count: queued.photos,
        share: percent(queued.share),
        low: percent(queued.low),
        high: percent(queued.high),
      })
    : t("calibration.noEstimate");
  return el(
    "section",
    {},
    el("h2", {}, t("calibration.newAnimals")),
    el(
      "p",
      {},
      t("calibration.share", { share: percent(fitted.new_whale_share) }),
      ` ${estimate} `,
      tNodes("calibration.setting", { setting: el("code", {}, "new_share") }),
    ),
  );
}
