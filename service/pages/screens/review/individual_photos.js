// The photos of one candidate, in a strip: one of them is compared with the curator's photo.

import { get, path } from "../../api.js";
import { button, el } from "../../dom.js";
import { dayText, photoName } from "../../formatting.js";
import { image, urlOf } from "../../photo.js";
import { t, tNodes } from "../../texts.js";
import { fetchAll, individualLink } from "../../widgets.js";

const MOST_PHOTOS = 200;

// Each individual's photos and record, until the catalogue changes.
const records = new Map();
window.addEventListener("flukeprint:changed", () => records.clear());

// Resolves to [photos, individual]; the individual is null where the service has no record of it.
export function photosAndRecord(name) {
  if (!records.has(name)) {
    const filter = { individual: name, state: "catalogued" };
    const request = Promise.all([
      fetchAll("/v1/catalogue/photos", filter, "photos", { most: MOST_PHOTOS }),
      get(path("individuals", name)).catch(() => null),
    ]);
    request.catch(() => records.delete(name));
    records.set(name, request);
  }
  return records.get(name);
}

export function photoStrip(name, photos, onchoose) {
  return [
    el("h3", {}, tNodes("review.allPhotosOf", { individual: individualLink(name) })),
    el(
      "ul",
      { class: "strip" },
      photos.map((photo) => el("li", {}, stripPhoto(photo, onchoose))),
    ),
  ];
}

function stripPhoto(photo, onchoose) {
  const label = t("review.compareWith", {
    name: photoName(photo.name),
    date: dayText(photo.taken_at),
  });
  const picture = image(photo.url || urlOf(photo.name), { size: 120 });
  return button(picture, () => onchoose(photo), {
    class: "strip-photo",
    "data-name": photo.name,
    "aria-label": label,
  });
}

// Mark the photo of the strip that is compared.
export function markPhoto(strip, name) {
  for (const one of strip.querySelectorAll(".strip-photo")) {
    if (one.dataset.name === name) one.setAttribute("aria-current", "true");
    else one.removeAttribute("aria-current");
  }
}
