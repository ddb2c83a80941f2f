// The encounters with one individual.

import { patch, path } from "../../api.js";
import { announce } from "../../curation.js";
import { form } from "../../dialog.js";
import { button, el } from "../../dom.js";
import { notify } from "../../notify.js";
import { when } from "../../formatting.js";
import { hiddenHead, table, tableRow } from "../../tables.js";

export function encounterTable(encounters, again) {
  if (!encounters.length)
    return el("p", {}, "No encounters yet. You can name one when you add photos.");
  // A column without any value is left out: a phone has no room for it.
  const columns = [
    ["When", (each) => when(each.at)],
    ["Where", (each) => each.place],
    ["Region", (each) => each.region],
    ["Observer", (each) => each.observer],
  ].filter(([, of]) => encounters.some(of));
  const heads = columns.map(([head]) => head);
  return table(
    ["Encounter", ...heads, "Photos", hiddenHead("Actions")],
    encounters.map((each) =>
      tableRow([
        each.name,
        ...columns.map(([, of]) => of(each) || ""),
        String(each.photos),
        editButton(each, again),
      ]),
    ),
  );
}

function editButton(each, again) {
  return button("Edit", () => editEncounter(each, again), {
    class: "quiet small",
    "aria-label": `Edit the encounter ${each.name}`,
  });
}

async function editEncounter(each, again) {
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
      { name: "place", label: "Where", value: each.place || "", hint: "Only curators see this." },
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
