// A map without any other host: Natural Earth's coastline, and where animals were met.

import { svg } from "./dom.js";
import { numberText, t } from "./texts.js";

const WIDE = 720;
const HIGH = 400;
const LEAST_DEGREES = 1.2; // from west to east
const ROOM = 1.35; // around the points
let land = null;

// `points`: { latitude, longitude, uncertainty_m, label, isLast, href }. Resolves to an <svg>, or
// to null where nobody may know a position.
export async function map(points, { label, wide = WIDE, high = HIGH }) {
  const known = points.filter((point) => point.latitude !== undefined);
  if (!known.length) return null;
  const view = viewOf(known, wide / high);
  const rings = (await rings_of()).flatMap((ring) => shown(ring, view));
  const x = (longitude) => ((longitude - view.west) / (view.east - view.west)) * wide;
  const y = (latitude) => ((view.north - latitude) / (view.north - view.south)) * high;
  const outlines = rings.map((ring) => outline(ring, x, y)).join("");
  return svg(
    "svg",
    { class: "map", viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": label },
    svg("rect", { class: "sea", width: wide, height: high }),
    svg("path", { class: "land", d: outlines, "fill-rule": "evenodd" }),
    graticule(view, x, y, wide, high),
    known.map((point) => mark(point, near(point.longitude, view), view, x, y)),
  );
}

function viewOf(points, ratio) {
  const latitudes = points.map((point) => point.latitude);
  const middle = (Math.min(...latitudes) + Math.max(...latitudes)) / 2;
  const shrink = Math.max(0.2, Math.cos((middle * Math.PI) / 180));
  const [west, east] = span(points.map((point) => point.longitude));
  const high = Math.max(...latitudes) - Math.min(...latitudes);
  const wide = Math.min(
    360,
    Math.max(LEAST_DEGREES / shrink, (east - west) * ROOM, (high * ROOM * ratio) / shrink),
  );
  const tall = (wide * shrink) / ratio;
  const across = (west + east) / 2;
  return {
    west: across - wide / 2,
    east: across + wide / 2,
    south: middle - tall / 2,
    north: middle + tall / 2,
  };
}

// The narrowest span that has all longitudes; its east may lie beyond 180.
function span(longitudes) {
  const sorted = [...new Set(longitudes)].sort((one, other) => one - other);
  let widest = 360 - (sorted.at(-1) - sorted[0]);
  let [west, east] = [sorted[0], sorted.at(-1)];
  for (let at = 1; at < sorted.length; at++)
    if (sorted[at] - sorted[at - 1] > widest) {
      widest = sorted[at] - sorted[at - 1];
      [west, east] = [sorted[at], sorted[at - 1] + 360];
    }
  return [west, east];
}

function near(longitude, view) {
  return longitude < view.west ? longitude + 360 : longitude;
}

async function rings_of() {
  land ||= fetch(new URL("coastline.json", import.meta.url)).then((answer) => answer.json());
  try {
    const { per_degree: unit, rings } = await land;
    return rings.map((steps) => decoded(steps, unit));
  } catch {
    land = null; // the next map tries again
    return [];
  }
}

function decoded(steps, unit) {
  const points = [];
  let [across, up] = [0, 0];
  for (let at = 0; at < steps.length; at += 2) {
    across += steps[at];
    up += steps[at + 1];
    points.push([across / unit, up / unit]);
  }
  return points;
}

// A ring where the view has a part of it; also once round the world.
function shown(ring, view) {
  return [-360, 0, 360]
    .map((shift) => ring.map(([across, up]) => [across + shift, up]))
    .filter(
      (moved) =>
        moved.some(([across]) => across >= view.west) &&
        moved.some(([across]) => across <= view.east) &&
        moved.some(([, up]) => up >= view.south) &&
        moved.some(([, up]) => up <= view.north),
    );
}

const outline = (ring, x, y) =>
  `M${ring.map(([across, up]) => `${x(across).toFixed(1)} ${y(up).toFixed(1)}`).join("L")}Z`;

function graticule(view, x, y, wide, high) {
  const step = [30, 20, 10, 5, 2, 1, 0.5, 0.2].find((each) => (view.east - view.west) / each >= 3);
  const lines = [];
  const first = (low) => Math.ceil(low / step) * step;
  const digits = step < 1 ? 1 : 0;
  for (let at = first(view.west); at < view.east; at += step) {
    const east = ((at + 540) % 360) - 180;
    lines.push(
      svg("line", { x1: x(at), x2: x(at), y1: 0, y2: high }),
      svg(
        "text",
        { x: x(at) + 3, y: high - 4 },
        degrees(east, digits, t("map.east"), t("map.west")),
      ),
    );
  }
  for (let at = first(view.south); at < view.north; at += step)
    lines.push(
      svg("line", { x1: 0, x2: wide, y1: y(at), y2: y(at) }),
      svg("text", { x: 3, y: y(at) - 3 }, degrees(at, digits, t("map.north"), t("map.south"))),
    );
  return svg("g", { class: "graticule", "aria-hidden": "true" }, lines);
}

function degrees(value, digits, positive, negative) {
  const text = numberText(Math.abs(value), digits);
  return `${text}°${Number(value.toFixed(digits)) === 0 ? "" : value > 0 ? positive : negative}`;
}

function mark(point, longitude, view, x, y) {
  const metres = point.uncertainty_m || 0;
  const radius = (metres / 111320 / (view.north - view.south)) * (y(view.south) - y(view.north));
  const at = { cx: x(longitude), cy: y(point.latitude) };
  return svg(
    "g",
    { class: point.isLast ? "met last" : "met" },
    metres ? svg("circle", { ...at, r: radius, class: "about" }) : null,
    svg("circle", { ...at, r: 6 }),
    svg("title", {}, point.label),
  );
}
