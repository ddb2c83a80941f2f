// Notices that go away by themselves, and errors that stay.

import { button, el, put } from "./dom.js";
import { t } from "./texts.js";

let hiding = 0;

export function notify(text, { act = null, label = t("common.undo") } = {}) {
  const notice = document.getElementById("notice");
  put(
    notice,
    el("p", {}, text),
    act &&
      button(
        label,
        () => {
          put(notice);
          act();
        },
        { class: "quiet small" },
      ),
  );
  clearTimeout(hiding);
  hiding = setTimeout(() => put(notice), 8000);
}

export function alarm(error) {
  const place = document.getElementById("alarm");
  const close = button(t("common.close"), () => put(place), { class: "quiet small" });
  put(place, el("p", {}, messageOf(error)), close);
}

export function calm() {
  put(document.getElementById("alarm"));
}

// The service's own message; an error of the page itself is shown rather than hidden.
export function messageOf(error) {
  if (error && error.detail) return error.detail;
  console.error(error);
  if (error instanceof TypeError && /fetch|network|load failed/i.test(error.message)) {
    return t("problem.unreachable");
  }
  return String((error && error.message) || error);
}

export function problemBox(error) {
  const faults = (error.errors || []).filter((fault) => fault.reason);
  return el(
    "div",
    { class: "problem", role: "alert" },
    el("p", {}, messageOf(error)),
    faults.length > 1 &&
      el(
        "ul",
        {},
        faults.map((fault) =>
          el("li", {}, [fault.photo || fault.field, fault.reason].filter(Boolean).join(": ")),
        ),
      ),
  );
}

// Do something for the user and show what went wrong, if it did.
export async function attempt(work) {
  try {
    calm();
    return await work();
  } catch (error) {
    if (error.name !== "AbortError") alarm(error);
    return undefined;
  }
}
