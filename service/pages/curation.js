// Acts that change the catalogue, each with its undo.

import { get, path, post } from "./api.js";
import { form } from "./dialog.js";
import { attempt, notify } from "./notify.js";

// Say what an event did and offer to undo it; `again` then shows the present state.
export function announce(event, text, again) {
  window.dispatchEvent(new Event("flukeprint:changed"));
  const act = () => attempt(() => undo(event.revision, again));
  notify(text, event && event.revision ? { act } : {});
  return event;
}

export async function undo(revision, again) {
  const event = await post(path("changes", revision, "undo"));
  window.dispatchEvent(new Event("flukeprint:changed"));
  notify(`Revision ${revision} is undone.`);
  if (again) await again();
  return event;
}

// Let a person name a new individual, and act with that id. Resolves to the id, or to undefined
// where nothing was done.
export async function makeIndividual(text, act) {
  const next = await attempt(() => get("/v1/individuals/next-id"));
  if (!next) return undefined;
  return form("A new individual", {
    text,
    fields: [{ name: "name", label: "Its id", value: next.name, required: true, max: 200 }],
    accept: "Make it",
    act: async ({ name }) => {
      await act(name);
      return name;
    },
  });
}

// Merge one individual into another. With `other` the person chooses which of the two stays;
// without it they name the other one. Resolves to { event, gone, into }, or to null.
export async function merge(one, other = null) {
  let merged = null;
  await form(other ? "The same animal" : `Merge ${one} into another`, {
    text: other
      ? "All photos come together under the id that is kept; the other leads there. It can be undone."
      : `They are the same animal: all photos of ${one} become the other one's. It can be undone.`,
    fields: [other ? keptOf(one, other) : INTO],
    accept: "Merge",
    act: async ({ into }) => {
      const gone = into === one && other ? other : one;
      merged = { event: await post(path("individuals", gone, "merge"), { into }), gone, into };
    },
  });
  return merged;
}

const INTO = { name: "into", label: "Into the individual", required: true, max: 200 };

function keptOf(one, other) {
  const options = [one, other].map((name) => [name, name]);
  return { name: "into", label: "Keep", value: one, options };
}
