// Acts that change the catalogue, each with its way back.

import { path, post } from "./api.js";
import { notify, attempt } from "./notify.js";

// Tell what an event did and offer to take it back; `again` shows what is so afterwards.
export function announce(event, text, again) {
  window.dispatchEvent(new Event("flukeprint:changed"));
  notify(text, event && event.revision ? { act: () => attempt(() => undo(event.revision, again)) } : {});
  return event;
}

export async function undo(revision, again) {
  const event = await post(path("changes", revision, "undo"));
  window.dispatchEvent(new Event("flukeprint:changed"));
  notify(`Revision ${revision} is undone.`);
  if (again) await again();
  return event;
}
