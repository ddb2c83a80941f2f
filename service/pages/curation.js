// Acts that change the catalogue, each with its undo.

import { get, path, post } from "./api.js";
import { form } from "./dialog.js";
import { attempt, notify } from "./notify.js";
import { t } from "./texts.js";

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
  notify(t("curation.undone", { revision }));
  if (again) await again();
  return event;
}

// Ask whether a name stays that the service finds doubtful, such as `unknown 3`. Resolves to false
// where it doesn't: then the events are undone, the last one first.
export async function heed(...events) {
  const warnings = [...new Set(events.flatMap((event) => event?.warnings ?? []))];
  if (!warnings.length) return true;
  const isKept = await form(t("curation.isItAName"), {
    text: `${warnings.join(". ")}.`,
    accept: t("curation.keepName"),
    cancel: t("common.undo"),
    act: async () => true,
  });
  if (isKept) return true;
  for (const event of [...events].reverse()) await attempt(() => undo(event.revision));
  return false;
}

// Let a person name a new individual, and act with that id; `act` resolves to the events that it
// made. Resolves to the id, or to undefined where nothing was done or all of it was undone.
export async function makeIndividual(text, act) {
  const next = await attempt(() => get("/v1/individuals/next-id"));
  if (!next) return undefined;
  let events = [];
  const made = await form(t("common.newIndividual"), {
    text,
    fields: [
      {
        name: "name",
        label: t("common.idOfNew"),
        value: next.name,
        required: true,
        max: 200,
      },
    ],
    accept: t("curation.create"),
    act: async ({ name }) => {
      events = [await act(name)].flat();
      return name;
    },
  });
  return made && (await heed(...events)) ? made : undefined;
}

// As makeIndividual, with the id that the service proposes and without a question.
export async function makeProposedIndividual(act) {
  let event = null;
  const made = await attempt(async () => {
    const { name } = await get("/v1/individuals/next-id");
    event = await act(name);
    return name;
  });
  return made && (await heed(event)) ? made : undefined;
}

// Merge one individual into another. With `other` the person chooses which of the two stays;
// without it they name the other one. Resolves to { event, gone, into }, or to null.
export async function merge(one, other = null) {
  let merged = null;
  await form(other ? t("curation.mergeTwo", { one, other }) : t("curation.mergeOne", { one }), {
    text: other ? t("curation.mergeTwoText") : t("curation.mergeOneText", { one }),
    fields: [other ? keepField(one, other) : INTO],
    accept: t("curation.merge"),
    act: async ({ into }) => {
      const gone = into === one && other ? other : one;
      merged = { event: await post(path("individuals", gone, "merge"), { into }), gone, into };
    },
  });
  return merged;
}

const INTO = { name: "into", label: t("curation.otherId"), required: true, max: 200 };

function keepField(one, other) {
  const options = [one, other].map((name) => [name, name]);
  return { name: "into", label: t("curation.keptId"), value: one, options };
}
