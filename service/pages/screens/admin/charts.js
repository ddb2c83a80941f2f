// Two charts as inline SVG, each with a table of its numbers.

import { el, svg } from "../../dom.js";
import { distance, percent } from "../../formatting.js";
import { table } from "../../tables.js";
import { numberText, t } from "../../texts.js";

const WIDE = 520;
const HIGH = 300;
const EDGE = { left: 68, right: 28, top: 14, bottom: 48 };
const INNER = { wide: WIDE - EDGE.left - EDGE.right, high: HIGH - EDGE.top - EDGE.bottom };

export function histogram(fitted, at) {
  const bins = fitted.histogram;
  if (!bins.length) return el("figure", { class: "chart" }, el("p", {}, t("charts.uncounted")));
  const sums = {
    known: Math.max(fitted.known_trials, 1),
    unknown: Math.max(fitted.unknown_trials, 1),
  };
  const shares = bins.map((bin) => ({
    ...bin,
    right: bin.known / sums.known,
    wrong: bin.mistaken / sums.known,
    strange: bin.unknown / sums.unknown,
  }));
  const most = Math.max(...shares.map((bin) => Math.max(bin.right + bin.wrong, bin.strange)));
  const [first, last] = [
    Math.min(bins[0].start, at.distance),
    Math.max(bins.at(-1).end, at.distance),
  ];
  const x = (value) => EDGE.left + (INNER.wide * (value - first)) / (last - first);
  const y = (share) => EDGE.top + INNER.high * (1 - share / most);
  const bars = shares.flatMap((bin) => [
    bar(x(bin.start), x(bin.end), y(bin.strange), y(0), "strange"),
    bar(x(bin.start), x(bin.end), y(bin.right + bin.wrong), y(0), "wrong"),
    bar(x(bin.start), x(bin.end), y(bin.right), y(0), "right"),
  ]);
  const marks = ticks(first, last).map((value) =>
    tickX(x(value), numberText(Number(value.toFixed(2)))),
  );
  const chart = picture(t("charts.distancesOf"), [
    ...bars,
    ...marks,
    axis(),
    label(t("charts.toNearest")),
    threshold(x(at.distance)),
  ]);
  return el(
    "figure",
    { class: "chart" },
    el(
      "figcaption",
      {},
      el("h2", {}, t("charts.distances")),
      legend([
        ["right", t("charts.right")],
        ["wrong", t("charts.wrong")],
        ["strange", t("charts.strange")],
      ]),
    ),
    chart,
    figures(
      t("charts.distanceTable"),
      ["from", "to", "found", "mistaken", "unknown"].map((head) => t(`charts.${head}`)),
      bins.map((bin) => [
        distance(bin.start),
        distance(bin.end),
        bin.known,
        bin.mistaken,
        bin.unknown,
      ]),
    ),
  );
}

export function detChart(fitted, at) {
  const points = fitted.det.filter((point) => point.fnir !== null && point.fpir > 0);
  if (!points.length) return el("figure", { class: "chart" }, el("p", {}, t("charts.uncomputed")));
  const least = Math.min(...points.map((point) => point.fpir), 0.01);
  const x = (rate) =>
    EDGE.left + (INNER.wide * Math.log(Math.max(rate, least) / least)) / Math.log(1 / least);
  const y = (rate) => EDGE.top + INNER.high * (1 - rate);
  const line = svg("polyline", {
    class: "det",
    points: points
      .map((point) => `${x(point.fpir).toFixed(1)},${y(point.fnir).toFixed(1)}`)
      .join(" "),
  });
  const across = [0.001, 0.01, 0.1, 1]
    .filter((rate) => rate >= least)
    .map((rate) => tickX(x(rate), percent(rate)));
  const up = [0, 0.25, 0.5, 0.75, 1].map((rate) =>
    svg(
      "g",
      {},
      svg("line", {
        class: "grid",
        x1: EDGE.left,
        x2: WIDE - EDGE.right,
        y1: y(rate),
        y2: y(rate),
      }),
      svg("text", { x: EDGE.left - 6, y: y(rate) + 4, "text-anchor": "end" }, percent(rate)),
    ),
  );
  const here =
    at.fnir === null
      ? null
      : svg("circle", { class: "here", cx: x(at.fpir), cy: y(at.fnir), r: 6 });
  return el(
    "figure",
    { class: "chart" },
    el(
      "figcaption",
      {},
      el("h2", {}, t("charts.tradeOff")),
      el("p", { class: "facts" }, t("charts.tradeOffText")),
    ),
    picture(t("charts.det"), [...up, ...across, axis(), line, here, label(t("charts.logScale"))]),
    figures(
      t("charts.tradeOffTable"),
      ["distance", t("charts.unknownAsKnown"), t("charts.knownMissed")],
      points.map((point) => [distance(point.distance), percent(point.fpir), percent(point.fnir)]),
    ),
  );
}

function picture(title, parts) {
  return svg(
    "svg",
    { viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", "aria-label": title },
    parts.filter(Boolean),
  );
}

const bar = (left, right, top, bottom, kind) =>
  svg("rect", {
    class: kind,
    x: left + 0.5,
    y: top,
    width: Math.max(right - left - 1, 1),
    height: Math.max(bottom - top, 0),
  });
const axis = () =>
  svg("line", {
    class: "axis",
    x1: EDGE.left,
    x2: WIDE - EDGE.right,
    y1: HIGH - EDGE.bottom,
    y2: HIGH - EDGE.bottom,
  });
const tickX = (x, text) =>
  svg(
    "g",
    {},
    svg("line", {
      class: "axis",
      x1: x,
      x2: x,
      y1: HIGH - EDGE.bottom,
      y2: HIGH - EDGE.bottom + 4,
    }),
    svg("text", { x, y: HIGH - EDGE.bottom + 19, "text-anchor": "middle" }, text),
  );
const label = (text) =>
  svg("text", { x: EDGE.left + INNER.wide / 2, y: HIGH - 6, "text-anchor": "middle" }, text);
const threshold = (x) =>
  svg("line", { class: "threshold", x1: x, x2: x, y1: EDGE.top - 6, y2: HIGH - EDGE.bottom });

function ticks(first, last) {
  const rough = (last - first) / 5;
  const step = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5].find((each) => each >= rough) || 0.5;
  const from = Math.ceil(first / step);
  return Array.from({ length: Math.floor(last / step) - from + 1 }, (_, at) => (from + at) * step);
}

function legend(entries) {
  return el(
    "ul",
    { class: "legend" },
    entries.map(([kind, text]) =>
      el("li", {}, el("span", { class: `swatch ${kind}`, "aria-hidden": "true" }), text),
    ),
  );
}

function figures(title, heads, rows) {
  const cells = (row) => row.map((cell) => el("td", {}, String(cell)));
  const nodes = rows.map((row) => el("tr", {}, cells(row)));
  return el("details", {}, el("summary", {}, title), table(heads, nodes));
}
