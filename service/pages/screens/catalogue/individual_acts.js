// Corrections of one individual and its photos.

import { get, patch, path, post, remove } from "../../api.js";
import { announce, heed, merge } from "../../curation.js";
import { form } from "../../dialog.js";
import { displayName } from "../../widgets.js";
import { attempt } from "../../notify.js";
import { count, photoName } from "../../formatting.js";
import { t } from "../../texts.js";

const SEXES = [
  ["", t("common.unknown")],
  ...["female", "male"].map((sex) => [sex, t(`individual.sex.${sex}`)]),
];

const AGE_CLASSES = [
  ["", t("common.unknown")],
  ...["calf", "juvenile", "adult"].map((age) => [age, t(`individual.age.${age}`)]),
];

// A catalogue may have words of its own.
const optionsWith = (options, value) =>
  options.some(([key]) => key === (value || "")) ? options : [...options, [value, value]];

export async function edit(one, etag, again) {
  let event = null;
  await form(t("individual.editOne", { name: displayName(one) }), {
    fields: [
      {
        name: "display_name",
        label: t("individual.displayName"),
        value: one.display_name,
        max: 200,
      },
      { name: "species", label: t("common.species"), value: one.species },
      {
        name: "sex",
        label: t("individual.sex"),
        value: one.sex || "",
        options: optionsWith(SEXES, one.sex),
      },
      {
        name: "other_names",
        label: t("individual.alsoCalled"),
        value: (one.other_names || []).join(", "),
        hint: t("individual.commas"),
      },
      {
        name: "mother",
        label: t("individual.mother"),
        value: one.mother || "",
        max: 200,
        hint: t("individual.motherHint"),
      },
      {
        name: "born",
        label: t("individual.born"),
        value: one.born || "",
        hint: t("individual.bornHint"),
      },
      {
        name: "age_class",
        label: t("individual.ageClass"),
        value: one.age_class || "",
        options: optionsWith(AGE_CLASSES, one.age_class),
      },
      { name: "notes", label: t("common.notes"), type: "area", value: one.notes || "" },
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
  announce(event, t("common.changeOf", { name: one.name }), again);
}

export async function rename(one) {
  let event = null;
  const chosen = await form(t("individual.renameOne", { name: one.name }), {
    text: t("individual.renameText"),
    fields: [
      { name: "new", label: t("individual.newId"), value: one.name, required: true, max: 200 },
    ],
    accept: t("individual.rename"),
    act: async (values) => {
      event = await post(path("individuals", one.name, "rename"), values);
      return values.new;
    },
  });
  if (event && (await heed(event))) {
    announce(event, t("individual.renamed", { name: one.name, new: chosen }), () => show(one.name));
    show(chosen);
  }
}

export async function mergeAway(one) {
  const merged = await merge(one.name);
  if (!merged) return;
  announce(merged.event, t("curation.merged", merged), () => show(one.name));
  show(merged.into);
}

function show(name) {
  location.hash = `#/individuals/${encodeURIComponent(name)}`;
}

export async function move(names, again) {
  let event = null;
  const to = await form(t("individual.movePhotos", { photos: count(names.length, "photo") }), {
    fields: [
      {
        name: "individual",
        label: t("individual.id"),
        hint: t("individual.moveHint"),
        max: 200,
      },
    ],
    accept: t("individual.move"),
    act: async ({ individual: chosen }) => {
      event = await post("/v1/catalogue/photos/move", {
        photos: names,
        individual: chosen || null,
      });
      return chosen || t("individual.unknownAnimals");
    },
  });
  if (event && (await heed(event))) {
    await again();
    announce(event, t("individual.moved", { count: names.length, to }), again);
  }
}

export async function split(one, names, again) {
  let event = null;
  const next = await attempt(() => get("/v1/individuals/next-id"));
  const to = await form(
    t("individual.splitPhotos", { photos: count(names.length, "photo"), name: one.name }),
    {
      text: t("individual.splitText"),
      fields: [
        {
          name: "new",
          label: t("common.idOfNew"),
          value: next ? next.name : "",
          required: true,
          max: 200,
        },
      ],
      accept: t("individual.split"),
      act: async ({ new: chosen }) => {
        event = await post(path("individuals", one.name, "split"), { photos: names, new: chosen });
        return chosen;
      },
    },
  );
  if (event && (await heed(event))) {
    await again();
    announce(event, t("individual.splitDone", { count: names.length, to }), again);
  }
}

export async function deletePhoto(name, again) {
  await attempt(async () => {
    const event = await remove(path("catalogue", "photos", name));
    await again();
    announce(event, t("individual.deleted", { name: photoName(name) }), again);
  });
}

export async function editPhoto(card, again) {
  let event = null;
  const fields = [
    { name: "taken_at", label: t("individual.taken"), hint: t("common.dateExample") },
    { name: "species", label: t("common.species"), max: 200 },
    {
      name: "viewpoint",
      label: t("individual.viewpoint"),
      max: 200,
      hint: t("individual.viewpointHint"),
    },
    { name: "quality", label: t("common.quality"), max: 200 },
  ];
  await form(t("individual.editOne", { name: photoName(card.name) }), {
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
  announce(event, t("common.changeOf", { name: photoName(card.name) }), again);
}
