// One photo after another, large: next, previous, zoom; keys, mouse and touch.

import { show } from "./dialog.js";
import { button, el, put } from "./dom.js";
import { dayText, photoName } from "./formatting.js";
import { image, urlOf } from "./photo.js";
import { t } from "./texts.js";

const MOST = 8;
const STEP = 1.5;
const LARGE_PX = 1600;

// `actsOf` makes the buttons of a photo; it gets the photo and what closes the gallery.
export function gallery(cards, start, actsOf = () => []) {
  let at = start;
  let picture = null;
  const view = { zoom: 1, x: 0, y: 0 };
  const stage = el("div", { class: "gallery-photo" });
  const words = el("span", { class: "heading-note", "aria-live": "polite" });
  const acts = el("span", { class: "acts" });
  const previous = button(t("gallery.previous"), () => go(-1), {
    "aria-keyshortcuts": "ArrowLeft",
  });
  const next = button(t("gallery.next"), () => go(1), { "aria-keyshortcuts": "ArrowRight" });
  const dialog = show(
    t("common.photos"),
    stage,
    el(
      "div",
      { class: "gallery-tools", role: "group", "aria-label": t("common.photos") },
      previous,
      next,
      words,
      button("−", () => zoomBy(1 / STEP), { "aria-label": t("common.zoomOut"), class: "quiet" }),
      button("+", () => zoomBy(STEP), { "aria-label": t("common.zoomIn"), class: "quiet" }),
      acts,
    ),
  );
  dialog.classList.add("gallery");
  dialog.addEventListener("keydown", onKey);
  stage.addEventListener("wheel", onWheel, { passive: false });
  stage.addEventListener("pointerdown", drag);
  draw();
  (cards.length > 1 ? next : dialog.querySelector("button")).focus();

  function go(step) {
    at = (at + step + cards.length) % cards.length;
    draw();
  }

  function draw() {
    const card = cards[at];
    const name = photoName(card.name);
    Object.assign(view, { zoom: 1, x: 0, y: 0 });
    picture = image(card.url || urlOf(card.name), {
      size: LARGE_PX,
      alt: t("common.photoOf", { name }),
      isLazy: false,
    });
    put(stage, picture);
    put(
      words,
      [t("gallery.position", { at: at + 1, many: cards.length }), name, dayText(card.taken_at)]
        .filter(Boolean)
        .join(" · "),
    );
    put(
      acts,
      actsOf(card, () => dialog.close()),
    );
    previous.disabled = next.disabled = cards.length < 2;
  }

  function zoomBy(factor) {
    const zoom = Math.min(MOST, Math.max(1, view.zoom * factor));
    const by = zoom / view.zoom;
    place({ zoom, x: zoom === 1 ? 0 : view.x * by, y: zoom === 1 ? 0 : view.y * by });
  }

  function place(changes) {
    Object.assign(view, changes);
    picture.style.transform = `translate(${view.x}px, ${view.y}px) scale(${view.zoom})`;
    picture.classList.toggle("is-zoomed", view.zoom > 1);
  }

  function onWheel(event) {
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? 1.2 : 1 / 1.2);
  }

  function onKey(event) {
    if (event.target.matches("input, select, textarea") || event.ctrlKey || event.metaKey) return;
    const work = {
      ArrowLeft: () => go(-1),
      ArrowRight: () => go(1),
      "+": () => zoomBy(STEP),
      "-": () => zoomBy(1 / STEP),
      0: () => place({ zoom: 1, x: 0, y: 0 }),
    }[event.key];
    if (!work) return;
    event.preventDefault();
    work();
  }

  // A finger or the mouse moves a zoomed photo, and otherwise turns to the next one.
  function drag(event) {
    const from = { x: event.clientX, y: event.clientY, left: view.x, top: view.y };
    stage.setPointerCapture(event.pointerId);
    const move = (moved) => {
      if (view.zoom > 1)
        place({ x: from.left + moved.clientX - from.x, y: from.top + moved.clientY - from.y });
    };
    const end = (moved) => {
      stage.removeEventListener("pointermove", move);
      const across = moved.clientX - from.x;
      if (view.zoom === 1 && Math.abs(across) > 60) go(across < 0 ? 1 : -1);
    };
    stage.addEventListener("pointermove", move);
    stage.addEventListener("pointerup", end, { once: true });
  }
}
