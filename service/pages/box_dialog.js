// The box of a catalogued photo, changed in a dialog: the photo is embedded anew there.

import { patch, path, post } from "./api.js";
import { editBox } from "./box_editor.js";
import { sides } from "./box_geometry.js";
import { announce } from "./curation.js";
import { show } from "./dialog.js";
import { el, put } from "./dom.js";
import { photoName } from "./formatting.js";
import { problemBox } from "./notify.js";
import { boxOf, image, urlOf } from "./photo.js";
import { t } from "./texts.js";

const SHOWN_PX = 1600;
const ROOMY = 0.93; // room for the handles around the photo

// `again` shows the present state after the act, and after its undo.
export function changeBox(card, again) {
  const name = photoName(card.name);
  const picture = image(card.url || urlOf(card.name), {
    size: SHOWN_PX,
    alt: t("common.photoOf", { name }),
    isLazy: false,
  });
  const frame = el("div", { class: "frame" }, picture);
  const stage = el("div", { class: "stage tall" }, frame);
  const tools = el("div");
  const refusal = el("div");
  const dialog = show(t("box.of", { name }), stage, tools, refusal);
  dialog.classList.add("gallery");
  const sized = new ResizeObserver(place);
  sized.observe(stage);
  picture.addEventListener("load", place);
  dialog.addEventListener("close", () => sized.disconnect());
  place();
  const save = (box) => act(() => patch(path("catalogue", "photos", card.name), { box }), "saved");
  const add = (box) =>
    act(() => post(path("queue", card.name, "animals"), { box: sides(box) }), "added");
  const editor = editBox(stage, frame, boxOf(card), {
    acts: [
      { label: t("box.save"), key: "⏎", class: "first", act: (box) => save(sides(box)) },
      card.box ? { label: t("box.another"), act: add } : null,
      card.box && !card.is_box_found ? { label: t("box.find"), act: () => save(null) } : null,
    ].filter(Boolean),
    onclose: () => dialog.close(),
  });
  put(tools, editor.tools);
  editor.focus();

  async function act(work, done) {
    try {
      const event = await work();
      dialog.close();
      await again();
      const named = { name: done === "added" ? photoName(event.photo) : name };
      announce(event, t(done === "added" ? "box.added" : "box.saved", named), again);
    } catch (error) {
      put(refusal, problemBox(error));
    }
  }

  function place() {
    const { clientWidth, clientHeight } = stage;
    const { naturalWidth, naturalHeight } = picture;
    const aspect = naturalWidth ? naturalWidth / naturalHeight : 1.5;
    const width = ROOMY * Math.min(clientWidth, clientHeight * aspect);
    const height = width / aspect;
    frame.style.width = `${width}px`;
    frame.style.height = `${height}px`;
    const x = (clientWidth - width) / 2;
    const y = (clientHeight - height) / 2;
    frame.style.transform = `translate(${x}px, ${y}px)`;
  }
}
