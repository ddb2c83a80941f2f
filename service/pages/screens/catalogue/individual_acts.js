// Corrections of one individual and its photos.

import { get, patch, path, post, remove } from "../../api.js";
import { announce, heed, merge } from "../../curation.js";
import { form } from "../../dialog.js";
import { displayName } from "../../widgets.js";
import { attempt } from "../../notify.js";
import { count, photoName } from "../../formatting.js";

const SEXES = [
  ["", "unknown"],
  ["female", "female"],
  ["male", "male"],
];

const AGE_CLASSES = [
  ["", "unknown"],
  ["calf", "calf"],
  ["juvenile", "juvenile"],
  ["adult", "adult"],
];

// A catalogue may have words of its own.
const optionsWith = (options, value) =>
  options.some(([key]) => key === (value || "")) ? options : [...options, [value, value]];

export async function edit(one, etag, again) {
  let event = null;
  await form(`Edit ${displayName(one)}`, {
    fields: [
      { name: "display_name", label: "Display name", value: one.display_name, max: 200 },
      { name: "species", label: "Species", value: one.species },
      {
        name: "sex",
        label: "Sex",
        value: one.sex || "",
        options: optionsWith(SEXES, one.sex),
      },
      {
        name: "other_names",
        label: "Also called",
        value: (one.other_names || []).join(", "),
        hint: "Separate names by commas.",
      },
      {
        name: "mother",
        label: "Mother",
        value: one.mother || "",
        max: 200,
        hint: "The id of another individual.",
      },
      { name: "born", label: "Born", value: one.born || "", hint: "For example 2019 or 2019-03." },
      {
        name: "age_class",
        label: "Age class",
        value: one.age_class || "",
        options: optionsWith(AGE_CLASSES, one.age_class),
      },
      { name: "notes", label: "Notes", type: "area", value: one.notes || "" },
    ],
    act: async (values) => {
      const chosen = {
        ...values,
        other_names: values.other_names
          .split(",")
          .map((each) => each.trim())
          .filter(Boolean),
      };
      const changed = Object.fromEntries(
        Object.entries(chosen)
          .filter(([name, value]) => String(value) !== String(one[name] ?? ""))
          .map(([name, value]) => [name, value === "" ? null : value]),
      );
      if (Object.keys(changed).length)
        event = await patch(path("individuals", one.name), changed, etag);
    },
  });
  if (!event) return;
  await again();
  announce(event, `${one.name} is changed.`, again);
}

export async function rename(one) {
  let event = null;
  const chosen = await form(`Rename ${one.name}`, {
    text: "The old id stays as another name, and searches still find it.",
    fields: [{ name: "new", label: "New id", value: one.name, required: true, max: 200 }],
    accept: "Rename",
    act: async (values) => {
      event = await post(path("individuals", one.name, "rename"), values);
      return values.new;
    },
  });
  if (event && (await heed(event))) {
    announce(event, `${one.name} is renamed to ${chosen}.`, () => show(one.name));
    show(chosen);
  }
}

export async function mergeAway(one) {
  const merged = await merge(one.name);
  if (!merged) return;
  announce(merged.event, `${merged.gone} is merged into ${merged.into}.`, () => show(one.name));
  show(merged.into);
}

function show(name) {
  location.hash = `#/individuals/${encodeURIComponent(name)}`;
}

export async function move(names, again) {
  let event = null;
  const to = await form(`Move ${count(names.length, "photo")}`, {
    fields: [
      {
        name: "individual",
        label: "Id of the individual",
        hint: "Leave this empty if the animal is unknown.",
        max: 200,
      },
    ],
    accept: "Move",
    act: async ({ individual: chosen }) => {
      event = await post("/v1/catalogue/photos/move", {
        photos: names,
        individual: chosen || null,
      });
      return chosen || "unknown animals";
    },
  });
  if (event && (await heed(event))) {
    await again();
    announce(event, `${count(names.length, "photo")} moved to ${to}.`, again);
  }
}

export async function split(one, names, again) {
  let event = null;
  const next = await attempt(() => get("/v1/individuals/next-id"));
  const to = await form(`Split ${count(names.length, "photo")} off ${one.name}`, {
    text: "The selected photos show another animal. They move to a new individual.",
    fields: [
      {
        name: "new",
        label: "Id of the new individual",
        value: next ? next.name : "",
        required: true,
        max: 200,
      },
    ],
    accept: "Split off",
    act: async ({ new: chosen }) => {
      event = await post(path("individuals", one.name, "split"), { photos: names, new: chosen });
      return chosen;
    },
  });
  if (event && (await heed(event))) {
    await again();
    announce(event, `${count(names.length, "photo")} moved to the new individual ${to}.`, again);
  }
}

export async function deletePhoto(name, again) {
  await attempt(async () => {
    const event = await remove(path("catalogue", "photos", name));
    await again();
    announce(event, `${photoName(name)} is deleted.`, again);
  });
}

export async function editPhoto(card, again) {
  let event = null;
  const fields = [
    { name: "taken_at", label: "Taken", hint: "For example 2026-06-12 or 2026-06-12T09:30." },
    { name: "species", label: "Species", max: 200 },
    { name: "viewpoint", label: "Viewpoint", max: 200, hint: "For example left or right." },
    { name: "quality", label: "Quality", max: 200 },
  ];
  await form(`Edit ${photoName(card.name)}`, {
    fields: fields.map((each) => ({ ...each, value: card[each.name] || "" })),
    act: async (values) => {
      const changed = Object.fromEntries(
        Object.entries(values)
          .filter(([name, value]) => value !== (card[name] || ""))
          .map(([name, value]) => [name, value || null]),
      );
      if (Object.keys(changed).length)
        event = await patch(path("catalogue", "photos", card.name), changed);
    },
  });
  if (!event) return;
  await again();
  announce(event, `${photoName(card.name)} is changed.`, again);
}
