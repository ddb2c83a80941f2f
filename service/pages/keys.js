// Single keys that act: a person may switch them off, and they act one at a time.

import { isOpen } from "./dialog.js";

export const KEYS_OFF = "flukeprint.keysOff";

export const areKeysOff = () => localStorage.getItem(KEYS_OFF) === "yes";

// Whether a key press is for the screen, rather than for a field, a dialog or the browser.
export function isForScreen(event) {
  const isShortcut = event.ctrlKey || event.metaKey || event.altKey;
  return !isShortcut && !isOpen() && !event.target.closest("input, textarea, select");
}

// A key that is held down, or pressed while the last act is on its way, decides nothing.
export async function oneAtATime(screen, act) {
  if (screen.dataset.acting) return;
  screen.dataset.acting = "yes";
  try {
    await act();
  } finally {
    delete screen.dataset.acting;
  }
}
