// Any two photos side by side: moved, zoomed, turned and mirrored as one, with both flukes at the
// same width, their distance, and the heat that says what makes them similar.

import { button, el, put } from "./dom.js";
import { distance } from "./formatting.js";
import { heatLayer } from "./heat_layer.js";
import { messageOf } from "./notify.js";
import { boxMark, boxOf, image, sharpen, urlOf } from "./photo.js";
import { fetchHeat, fetchPair, pairAddress } from "./photo_pair.js";
import { shareText, t } from "./texts.js";

const MOST = 12;
const SHARP_PX = 2048;
const START_PX = 1024;
const FILLED = 0.94;

// `onpair` gets what the service says of each pair that is shown. With `isLinked` the pair has a
// link to its own screen.
export function viewer({ titles, signal, onpair = () => undefined, isLinked = true }) {
  const panes = titles.map(pane);
  const state = { zoom: 1, turn: 0, isFlipped: false, x: 0, y: 0, isFitted: true, hasBox: true };
  let hasHeat = false;
  let pairs = 0; // shown so far: what is answered of an earlier one is not shown any more
  const shown = el("output", { class: "zoom", "aria-live": "off" });
  const toggles = {
    flip: toggle(t("viewer.mirror"), "f", () =>
      change({ isFlipped: !state.isFlipped, x: -state.x }),
    ),
    fit: toggle(t("viewer.sameSize"), "e", () =>
      change({ isFitted: !state.isFitted, x: 0, y: 0, zoom: 1 }),
    ),
    box: toggle(t("viewer.box"), "b", () => change({ hasBox: !state.hasBox })),
    heat: toggle(t("viewer.heat"), "h", () => {
      hasHeat = !hasHeat;
      showHeat();
    }),
  };
  const facts = el("p", { class: "pair-facts", "aria-live": "polite" });
  const heatNote = el("p", { class: "heat-note", "aria-live": "polite" });
  const tools = el(
    "div",
    { class: "tools", role: "group", "aria-label": t("viewer.both") },
    tool("−", t("common.zoomOut"), () => zoomBy(1 / 1.4)),
    shown,
    tool("+", t("common.zoomIn"), () => zoomBy(1.4)),
    tool("↺", t("viewer.turnLeft"), () => change({ turn: state.turn - 15 })),
    tool("↻", t("viewer.turnRight"), () => change({ turn: state.turn + 15 })),
    toggles.flip,
    toggles.fit,
    toggles.box,
    toggles.heat,
    button(t("viewer.reset"), reset, { class: "quiet small", title: t("viewer.resetBoth") }),
  );
  const node = el(
    "div",
    { class: "viewer" },
    el(
      "div",
      { class: "panes" },
      panes.map((one) => one.node),
    ),
    tools,
    facts,
    heatNote,
  );
  for (const one of panes) listen(one);
  const sized = new ResizeObserver(draw);
  for (const one of panes) sized.observe(one.stage);

  function change(changes) {
    Object.assign(state, changes);
    draw();
  }

  function zoomBy(factor) {
    const zoom = Math.min(MOST, Math.max(1, state.zoom * factor));
    const by = zoom / state.zoom;
    change({ zoom, x: zoom === 1 ? 0 : state.x * by, y: zoom === 1 ? 0 : state.y * by });
    if (zoom > 1.6) panes.forEach(makeSharp);
  }

  function reset() {
    change({ zoom: 1, turn: 0, isFlipped: false, x: 0, y: 0 });
  }

  function draw() {
    const width =
      state.isFitted && panes.every((one) => one.box) ? Math.min(...panes.map(flukeWidth)) : null;
    for (const one of panes) place(one, state, width);
    shown.textContent = shareText(state.zoom);
    toggles.flip.setAttribute("aria-pressed", String(state.isFlipped));
    toggles.fit.setAttribute("aria-pressed", String(state.isFitted));
    toggles.box.setAttribute("aria-pressed", String(state.hasBox));
    toggles.fit.hidden = toggles.box.hidden = panes.every((one) => !one.box);
    node.classList.toggle("boxless", !state.hasBox);
    node.dataset.ready = String(panes.filter((one) => one.isLoaded).length);
  }

  const names = () => panes.map((one) => one.name);
  const isPair = () => names().every(Boolean) && names()[0] !== names()[1];

  // Ask about the two photos once both are chosen.
  function showPair() {
    pairs += 1;
    const own = pairs;
    put(facts);
    clearHeat();
    queueMicrotask(() => {
      if (own !== pairs || !isPair()) return; // both sides may change in one go
      describe(own);
      showHeat();
    });
  }

  async function describe(own) {
    try {
      const [one, other] = names();
      const pair = await fetchPair(one, other, { signal });
      if (own !== pairs) return;
      [pair.one, pair.other].forEach((photo, at) => locate(panes[at], photo));
      draw();
      put(facts, factsOf(pair), isLinked ? linkOf(one, other) : null);
      onpair(pair);
    } catch (error) {
      if (own === pairs && error.name !== "AbortError") put(facts, messageOf(error));
    }
  }

  function clearHeat() {
    put(heatNote);
    node.classList.remove("heated");
    for (const layer of node.querySelectorAll(".heat-layer")) layer.remove();
  }

  async function showHeat() {
    toggles.heat.setAttribute("aria-pressed", String(hasHeat));
    clearHeat();
    if (!hasHeat || !isPair()) return;
    const own = pairs;
    const isStillShown = () => own === pairs && hasHeat;
    put(heatNote, t("viewer.heatComes"));
    try {
      const heat = await fetchHeat(...names(), { signal });
      if (!isStillShown()) return;
      clearHeat();
      [heat.one, heat.other].forEach((each, at) => panes[at].frame.append(heatLayer(each)));
      node.classList.add("heated");
      put(heatNote, t("viewer.heatText"));
    } catch (error) {
      if (isStillShown() && error.name !== "AbortError") put(heatNote, messageOf(error));
    }
  }

  function listen(one) {
    const fingers = new Map();
    let span = 0;
    one.stage.addEventListener("pointerdown", (event) => {
      fingers.set(event.pointerId, event);
      one.stage.setPointerCapture(event.pointerId);
    });
    one.stage.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      fingers.set(event.pointerId, event);
      if (fingers.size === 2) {
        const [first, second] = [...fingers.values()];
        const now = Math.hypot(first.clientX - second.clientX, first.clientY - second.clientY);
        if (span) zoomBy(now / span);
        span = now;
      } else
        change({
          x: state.x + event.clientX - before.clientX,
          y: state.y + event.clientY - before.clientY,
        });
    });
    const lift = (event) => {
      fingers.delete(event.pointerId);
      span = 0;
    };
    one.stage.addEventListener("pointerup", lift);
    one.stage.addEventListener("pointercancel", lift);
    one.stage.addEventListener(
      "wheel",
      (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        zoomBy(Math.exp(-event.deltaY / 200));
      },
      { passive: false },
    );
    one.stage.addEventListener("keydown", (event) => {
      const moves = {
        ArrowLeft: [40, 0],
        ArrowRight: [-40, 0],
        ArrowUp: [0, 40],
        ArrowDown: [0, -40],
      };
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      event.stopPropagation();
      change({ x: state.x + move[0], y: state.y + move[1] });
    });
    one.onload = draw;
  }

  const keys = {
    "+": () => zoomBy(1.4),
    "=": () => zoomBy(1.4),
    "-": () => zoomBy(1 / 1.4),
    0: reset,
    r: () => change({ turn: state.turn + 15 }),
    R: () => change({ turn: state.turn - 15 }),
    f: () => toggles.flip.click(),
    e: () => toggles.fit.click(),
    b: () => toggles.box.click(),
    h: (event) => event.repeat || toggles.heat.click(),
  };
  // Show a photo at a side (0 or 1); null: none.
  const show = (at, photo) => {
    const before = panes[at].name;
    setPhoto(panes[at], photo);
    draw();
    if (panes[at].name !== before) showPair();
  };
  draw();
  return { node, keys, show };
}

function factsOf(pair) {
  return pair.distance === null
    ? t("viewer.noDistance")
    : t("viewer.distance", { distance: distance(pair.distance) });
}

const linkOf = (one, other) => [
  " ",
  el("a", { href: pairAddress(one, other) }, t("viewer.link")),
];

// A box and turns that the caller didn't know.
function locate(one, photo) {
  if (one.box || !photo.box) return;
  one.quarterTurns = photo.quarter_turns;
  setBox(one, boxOf(photo));
}

function setBox(one, box) {
  one.box = box;
  one.frame.querySelector(".box")?.remove();
  if (box) one.frame.append(boxMark(box));
}

function tool(sign, label, act) {
  return button(el("span", { "aria-hidden": "true" }, sign), act, {
    class: "quiet square",
    "aria-label": label,
    title: label,
  });
}

function toggle(label, letter, act) {
  return button(label, act, {
    class: "quiet small",
    "aria-pressed": "false",
    title: `${label} (${letter})`,
  });
}

function pane(title) {
  const frame = el("div", { class: "frame" });
  const stage = el(
    "div",
    {
      class: "stage",
      tabindex: "0",
      role: "group",
      "aria-label": t("viewer.arrows", { title }),
    },
    frame,
  );
  const caption = el("figcaption", {}, title);
  return {
    node: el("figure", { class: "pane" }, stage, caption),
    stage,
    frame,
    caption,
    box: null,
    quarterTurns: 0, // to the left, which put the picture upright
    picture: null,
    isLoaded: false,
    name: null,
    url: null,
  };
}

// `photo` has the photo's name, url, alt and caption, and its box and turns where they are known.
function setPhoto(one, photo) {
  put(one.caption, photo ? photo.caption : t("viewer.nobody"));
  const address = photo && (photo.url || urlOf(photo.name));
  const isOther = !isSame(one.url, address);
  const box = photo ? photo.box : null;
  if (isOther || box) one.quarterTurns = (photo && photo.quarterTurns) || 0;
  if (isOther) {
    one.name = photo ? photo.name : null;
    one.url = address;
    one.isSharp = one.isLoaded = false; // a box that comes later leaves the picture as it is
    const picture = photo && image(address, { size: START_PX, alt: photo.alt, isLazy: false });
    one.picture = picture;
    put(one.frame, picture);
    picture?.addEventListener("load", () => {
      if (one.picture !== picture) return; // another photo was asked for meanwhile
      one.isLoaded = true;
      one.onload();
    });
  }
  if (isOther || box) setBox(one, box); // a box that was found meanwhile stays
}

function makeSharp(one) {
  if (one.isSharp || !one.picture) return;
  one.isSharp = true;
  sharpen(one.picture, one.url, SHARP_PX);
}

const isOnSide = (one) => one.quarterTurns % 2 === 1;

// The picture's size within its stage before anything is turned or zoomed.
function fittedSize(one) {
  const { clientWidth: stageWidth, clientHeight: stageHeight } = one.stage;
  const aspect =
    one.picture && one.picture.naturalWidth
      ? one.picture.naturalWidth / one.picture.naturalHeight
      : 1.5;
  const [across, down] = isOnSide(one) ? [stageHeight, stageWidth] : [stageWidth, stageHeight];
  const width = Math.min(across, down * aspect);
  return { width, height: width / aspect, stageWidth, stageHeight };
}

// The box's width and height as it is shown.
function shownBox(one, size) {
  const width = (one.box.right - one.box.left) * size.width;
  const height = (one.box.bottom - one.box.top) * size.height;
  return isOnSide(one) ? { width: height, height: width } : { width, height };
}

function flukeWidth(one) {
  const size = fittedSize(one);
  const { width, height } = shownBox(one, size);
  const aspect = width / height;
  return FILLED * Math.min(size.stageWidth, size.stageHeight * aspect);
}

function place(one, state, flukePx) {
  const size = fittedSize(one);
  const fitted = flukePx ? flukePx / shownBox(one, size).width : 1;
  const [centreX, centreY] = flukePx
    ? [(one.box.left + one.box.right) / 2, (one.box.top + one.box.bottom) / 2]
    : [0.5, 0.5];
  const scale = fitted * state.zoom;
  one.frame.style.width = `${size.width}px`;
  one.frame.style.height = `${size.height}px`;
  one.frame.style.setProperty("--box-line", `${2 / scale}px`);
  one.frame.style.transform =
    `translate(${size.stageWidth / 2 + state.x}px, ${size.stageHeight / 2 + state.y}px) ` +
    `rotate(${state.turn}deg) scale(${state.isFlipped ? -scale : scale}, ${scale}) ` +
    `rotate(${-90 * one.quarterTurns}deg) ` +
    `translate(${-centreX * size.width}px, ${-centreY * size.height}px)`;
  one.stage.classList.toggle("zoomed", state.zoom > 1);
}

// A photo is told with or without its content's hash; it is the same picture.
const isSame = (one, other) => (one || "").split("?")[0] === (other || "").split("?")[0];
