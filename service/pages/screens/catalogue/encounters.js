// What is noted of an encounter, changed.

import { patch, path } from "../../api.js";
import { announce } from "../../curation.js";
import { form } from "../../dialog.js";
import { notify } from "../../notify.js";

export async function editEncounter(each, again) {
  let event = null;
  const names = ["name", "at", "place", "region", "observer", "notes"];
  await form(`Edit the encounter ${each.name}`, {
    fields: [
      { name: "name", label: "Name", value: each.name, required: true },
      {
        name: "at",
        label: "When",
        value: each.at || "",
        hint: "For example 2026-06-12 or 2026-06-12T09:30.",
      },
      {
        name: "place",
        label: "Where",
        value: each.place || "",
        hint: "Only curators see this. Coordinates come on the map, such as 42.36, -70.31.",
      },
      {
        name: "region",
        label: "Region",
        value: each.region || "",
        hint: "A wide area that may be public.",
      },
      { name: "observer", label: "Observer", value: each.observer || "" },
      { name: "notes", label: "Notes", type: "area", value: each.notes || "" },
    ],
    act: async (values) => {
      const changed = Object.fromEntries(
        names
          .filter((name) => values[name] !== (each[name] || ""))
          .map((name) => [name, values[name] || null]),
      );
      if (Object.keys(changed).length) event = await patch(path("encounters", each.key), changed);
    },
  });
  if (event) {
    await again();
    announce(event, `The encounter ${each.name} is changed.`, again);
  } else notify("Nothing was changed.");
}
