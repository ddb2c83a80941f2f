// All photos of the card that is shown: one of them is compared, and can be taken out.

import { button, el, put } from "../../dom.js";
import { photoName } from "../../formatting.js";
import { image, urlOf } from "../../photo.js";
import { t } from "../../texts.js";

export function ownStrip(photos, shown, onchoose) {
  if (photos.length < 2) return null;
  const list = el("ul", { class: "strip own-strip", "aria-label": t("review.encounterPhotos") });
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
          "aria-label": t("review.photoAt", {
            at: at + 1,
            many: photos.length,
            name: photoName(photo.name),
          }),
        }),
      );
    }),
  );
  return list;
}
