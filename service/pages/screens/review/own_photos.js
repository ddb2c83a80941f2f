// All photos of the card that is shown: one of them is compared, and can be taken out.

import { button, el, put } from "../../dom.js";
import { photoName } from "../../formatting.js";
import { image, urlOf } from "../../photo.js";

export function ownStrip(photos, shown, onchoose) {
  if (photos.length < 2) return null;
  const list = el("ul", { class: "strip own-strip", "aria-label": "Photos of this encounter" });
  put(
    list,
    photos.map((photo, at) => {
      const picture = image(photo.url || urlOf(photo.name), { size: 120 });
      picture.style.rotate = `${-90 * (photo.answer?.quarter_turns ?? 0)}deg`;
      const isShown = at === shown;
      return el(
        "li",
        {},
        button(picture, () => onchoose(at), {
          class: "strip-photo",
          "aria-current": isShown ? "true" : null,
          "aria-label": `Photo ${at + 1} of ${photos.length}, ${photoName(photo.name)}`,
        }),
      );
    }),
  );
  return list;
}
