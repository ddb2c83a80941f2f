// The service's photos as pictures: small, loaded when they come into view, with a key if needed.

import { key, query, send } from "./api.js";
import { el } from "./dom.js";
import { photoName } from "./formatting.js";
import { t } from "./texts.js";

const MOST_ATTEMPTS = 5; // of a picture, such as while the service starts
const FIRST_PAUSE_MS = 1000;
const waiting = new WeakMap();
const near = new IntersectionObserver(
  (entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      near.unobserve(entry.target);
      load(entry.target, waiting.get(entry.target));
    }
  },
  { rootMargin: "200px" },
);

export const urlOf = (name) => "/v1/photos/" + name.split("/").map(encodeURIComponent).join("/");

export function image(url, { size = 320, alt = "", isLazy = true } = {}) {
  const made = el("img", {
    alt,
    decoding: "async",
    loading: isLazy ? "lazy" : null,
    draggable: "false",
  });
  const address = query(url, { size_px: size });
  let attempts = 0;
  made.addEventListener("error", () => {
    attempts += 1;
    if (attempts >= MOST_ATTEMPTS || !made.isConnected || key.get()) {
      made.classList.add("missing");
      return;
    }
    const again = () => (made.src = query(address, { attempt: attempts }));
    setTimeout(again, FIRST_PAUSE_MS * 2 ** (attempts - 1));
  });
  if (!key.get()) made.src = address;
  else if (isLazy) {
    waiting.set(made, address);
    near.observe(made);
  } else load(made, address);
  return made;
}

// Put another rendition into a picture, without a moment of nothing in between.
export async function sharpen(made, url, size) {
  const address = query(url, { size_px: size });
  if (key.get()) return load(made, address);
  const next = new Image();
  next.src = address;
  await next.decode().catch(() => undefined);
  if (made.isConnected) made.src = address;
  return undefined;
}

async function load(made, address) {
  try {
    const blob = await (await send("GET", address)).blob();
    const url = URL.createObjectURL(blob);
    made.addEventListener("load", () => URL.revokeObjectURL(url), { once: true });
    made.src = url;
  } catch {
    made.classList.add("missing");
  }
}

export function boxOf(card) {
  const box = card && card.box;
  if (!box) return null;
  const [left, top, right, bottom] = Array.isArray(box)
    ? box
    : [box.left, box.top, box.right, box.bottom];
  return { left, top, right, bottom };
}

export function boxMark(box) {
  const mark = el("span", { class: "box", "aria-hidden": "true" });
  Object.assign(mark.style, {
    left: `${box.left * 100}%`,
    top: `${box.top * 100}%`,
    width: `${(box.right - box.left) * 100}%`,
    height: `${(box.bottom - box.top) * 100}%`,
  });
  return mark;
}

export function thumbnail(url, name, { size = 240, alt = null } = {}) {
  return el(
    "span",
    { class: "thumb" },
    image(url, { size, alt: alt ?? t("common.photoOf", { name: photoName(name) }) }),
  );
}
