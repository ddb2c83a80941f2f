// The box of an animal, drawn and dragged on a photo by mouse, touch and keys. The photo may be
// zoomed, turned and mirrored: its frame's transform says how.

import {
  between,
  lowestCorner,
  moved,
  pointAt,
  resized,
  shareAt,
  shareBy,
  viewOf,
} from "./box_geometry.js";
import { button, el, keyLabel, put } from "./dom.js";
import { placeBox } from "./photo.js";
import { shareText, t } from "./texts.js";

const HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const STEP_PX = 6;
const DRAWN_PX = 6; // a shorter way is a tap
const NARROW_PX = 110; // a narrower box has handles at its corners only
const FREE = new Set(["+", "-", "0", "r", "R", "f", "?"]); // keys that the screen gets
const WHOLE = { left: 0.25, top: 0.25, right: 0.75, bottom: 0.75 };

// Edit `box` (null: none yet) on a stage and its frame. `acts` are buttons: label, key, class and
// `act`, which gets the box; Enter does the first. `onclose` is called when the person gives up.
export function editBox(stage, frame, box, { acts, onclose }) {
  const start = box ?? WHOLE;
  let now = start;
  let drag = null;
  const mark = el(
    "div",
    { class: "box-edit", tabindex: "0", role: "application", "aria-label": t("box.label") },
    HANDLES.map((handle) =>
      el("span", { class: "box-handle", "data-handle": handle, "aria-hidden": "true" }),
    ),
  );
  const layer = el("div", { class: "box-layer" }, mark);
  const told = el("output", { class: "box-told", "aria-live": "polite" });
  const tools = el(
    "div",
    { class: "box-tools", role: "group", "aria-label": t("box.tools") },
    el("p", { class: "box-hint" }, t("box.hint")),
    told,
    acts.map((each) =>
      button(each.key ? keyLabel(each.key, each.label) : each.label, () => each.act(now), {
        class: each.class,
      }),
    ),
    button(keyLabel("Esc", t("box.giveUp")), giveUp, { class: "quiet" }),
  );
  frame.append(layer);
  stage.classList.add("boxing");
  layer.addEventListener("pointerdown", take);
  layer.addEventListener("pointermove", follow);
  layer.addEventListener("pointerup", drop);
  layer.addEventListener("pointercancel", cancel);
  layer.addEventListener("keydown", onKey);
  tools.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    giveUp();
  });
  const sized = new MutationObserver(draw);
  sized.observe(frame, { attributes: true, attributeFilter: ["style"] });
  draw();
  stage.scrollIntoView({ block: "center" });
  return { tools, close, focus: () => mark.focus({ preventScroll: true }) };

  function change(next) {
    now = next;
    draw();
  }

  function draw() {
    placeBox(mark, now);
    const view = viewOf(stage, frame);
    const from = pointAt(view, { x: now.left, y: now.top });
    const right = pointAt(view, { x: now.right, y: now.top });
    const below = pointAt(view, { x: now.left, y: now.bottom });
    const shown = [right, below].map((to) => Math.hypot(to.x - from.x, to.y - from.y));
    mark.classList.toggle("narrow", Math.min(...shown) < NARROW_PX);
    const shares = [now.left, now.top, now.right - now.left, now.bottom - now.top];
    const [left, top, width, height] = shares.map((share) => shareText(share));
    put(told, t("box.now", { left, top, width, height }));
  }

  function take(event) {
    event.stopPropagation(); // the photo itself stays where it is
    if (event.button !== 0 || drag) return;
    event.preventDefault();
    mark.focus({ preventScroll: true });
    const view = viewOf(stage, frame);
    const at = shareAt(view, event.clientX, event.clientY);
    const handle = event.target.dataset.handle ?? (event.target === mark ? "all" : "new");
    const { clientX: x, clientY: y, pointerId } = event;
    layer.setPointerCapture(pointerId);
    drag = { pointerId, view, at, handle, x, y, before: now };
  }

  function follow(event) {
    if (event.pointerId !== drag?.pointerId) return;
    event.stopPropagation();
    const { view, at, handle, before } = drag;
    const by = shareBy(view, event.clientX - drag.x, event.clientY - drag.y);
    if (handle === "all") change(moved(before, by));
    else if (handle !== "new") change(resized(before, handle, by));
    else {
      const isTap = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) < DRAWN_PX;
      const drawn = isTap ? null : between(at, { x: at.x + by.x, y: at.y + by.y });
      change(drawn ?? before);
    }
  }

  function drop(event) {
    if (event.pointerId !== drag?.pointerId) return;
    event.stopPropagation();
    drag = null;
  }

  function cancel(event) {
    if (event.pointerId !== drag?.pointerId) return;
    change(drag.before);
    drag = null;
  }

  function onKey(event) {
    if (FREE.has(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.stopPropagation();
    const way = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    }[event.key];
    if (way) step(way, event);
    else if (event.key === "Enter") acts[0].act(now);
    else if (event.key === "Escape") giveUp();
    else return;
    event.preventDefault();
  }

  // Arrows lead as the window shows it, however the photo is turned.
  function step([x, y], event) {
    const view = viewOf(stage, frame);
    const by = shareBy(view, x * STEP_PX, y * STEP_PX);
    if (event.shiftKey) change(resized(now, lowestCorner(view, now), by));
    else change(moved(now, by));
  }

  function giveUp() {
    close();
    onclose();
  }

  function close() {
    sized.disconnect();
    layer.remove();
    tools.remove();
    stage.classList.remove("boxing");
  }
}
