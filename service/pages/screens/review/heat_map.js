// The heat map of two photos: what makes them similar.

import { send } from "../../api.js";
import { button, el } from "../../dom.js";
import { distance, photoName } from "../../formatting.js";
import { t } from "../../texts.js";
import { clear, loadInto } from "../../widgets.js";

export class HeatMap {
  // `own` gives the curator's photo, and `photoForm` makes the form that holds it.
  constructor(own, photoForm, signal) {
    this.own = own;
    this.photoForm = photoForm;
    this.signal = signal;
    this.node = el("div", { class: "heat", "aria-live": "polite" });
  }

  clear() {
    clear(this.node);
  }

  // Compare with a photo of the catalogue; a later call, or `clear`, discards this answer.
  show(photo) {
    const shown = loadInto(this.node, async () => {
      const form = await this.photoForm();
      form.append("catalogue_photo", photo.name);
      const answer = await send("POST", "/v1/explain", { form, signal: this.signal });
      return this.figure(
        photo,
        URL.createObjectURL(await answer.blob()),
        Number(answer.headers.get("X-Distance")),
      );
    });
    this.node.scrollIntoView({ block: "nearest" });
    return shown;
  }

  figure(photo, picture, howFar) {
    return el(
      "figure",
      {},
      el("img", {
        src: picture,
        alt: t("review.heatOf", { own: photoName(this.own().name), other: photoName(photo.name) }),
        onload: () => {
          URL.revokeObjectURL(picture);
          // It comes below the photos, and so often below the window.
          this.node.scrollIntoView({ block: "nearest" });
        },
      }),
      el(
        "figcaption",
        {},
        `${t("review.heatText", { distance: distance(howFar) })} `,
        button(t("review.hide"), () => this.clear(), { class: "quiet small" }),
      ),
    );
  }
}
