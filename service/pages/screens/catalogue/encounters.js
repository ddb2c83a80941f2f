// What is noted of an encounter, changed.

import { patch, path } from "../../api.js";
import { announce } from "../../curation.js";
import { form } from "../../dialog.js";
import { notify } from "../../notify.js";
import { t } from "../../texts.js";

export async function editEncounter(each, again) {
  let event = null;
  const names = ["name", "at", "place", "region", "observer", "notes"];
  await form(t("encounter.edit", { name: each.name }), {
    fields: [
      { name: "name", label: t("common.name"), value: each.name, required: true },
      {
        name: "at",
        label: t("encounter.when"),
        value: each.at || "",
        hint: t("common.dateExample"),
      },
      {
        name: "place",
        label: t("encounter.where"),
        value: each.place || "",
        hint: t("encounter.whereHint"),
      },
      {
        name: "region",
        label: t("common.region"),
        value: each.region || "",
        hint: t("common.wideArea"),
      },
      { name: "observer", label: t("common.observer"), value: each.observer || "" },
      { name: "notes", label: t("common.notes"), type: "area", value: each.notes || "" },
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
    announce(event, t("encounter.changed", { name: each.name }), again);
  } else notify(t("encounter.unchanged"));
}
