// Single keys that act: a person may switch them off, and one at a time is enough.

export const KEYS_OFF = "flukeprint.keysOff";

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
