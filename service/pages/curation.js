// Acts that change the catalogue, each with its way back.

import { path, post } from "./api.js";
import { tell, trying } from "./notify.js";

// Tell what an event did and offer to take it back; `again` shows what is so afterwards.
export function done(event, text, again) {
  window.dispatchEvent(new Event("flukeprint:changed"));
  tell(text, event && event.revision ? { act: () => trying(() => undo(event.revision, again)) } : {});
  return event;
}

export async function undo(revision, again) {
  const event = await post(path("changes", revision, "undo"));
  window.dispatchEvent(new Event("flukeprint:changed"));
  tell(`Revision ${revision} is undone.`);
  if (again) await again();
  return event;
}
