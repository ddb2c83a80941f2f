// Taking photos in: dropped or picked, each sent on its own, each with its own progress and its own refusal.

import { Problem, upload } from "../../api.js";
import { button, el, field, put } from "../../dom.js";
import { notify, messageOf } from "../../notify.js";
import { count } from "../../formatting.js";

const SIDE_BY_SIDE = 2;

export function uploader({ ontaken, isOpen }) {
  const picker = el("input", {
    type: "file",
    accept: "image/*",
    multiple: true,
    id: "pick",
    class: "picker",
  });
  const facts = {
    encounter: el("input", {
      type: "text",
      autocomplete: "off",
      placeholder: "2026-06-12 bay, morning",
    }),
    taken_at: el("input", { type: "date" }),
    place: el("input", { type: "text", autocomplete: "off" }),
    region: el("input", { type: "text", autocomplete: "off" }),
    observer: el("input", { type: "text", autocomplete: "off" }),
    species: el("input", { type: "text", autocomplete: "off" }),
  };
  const together = el("input", { type: "checkbox", id: "together" });
  const list = el("ul", { class: "uploads" });
  const all = el("div", { class: "uploads-all" });
  const zone = el(
    "div",
    { class: "zone" },
    el(
      "label",
      { for: "pick", class: "picked" },
      el("strong", {}, "Choose photos"),
      el("span", {}, " or drop them here"),
    ),
    picker,
    el(
      "p",
      { class: "check" },
      together,
      el("label", { for: "together" }, "They are of one encounter: one animal, met once"),
    ),
    el(
      "details",
      {},
      el("summary", {}, "When, where, who"),
      el(
        "div",
        { class: "fields" },
        field("Encounter", facts.encounter, "A name for this meeting."),
        field("Date", facts.taken_at),
        field("Place", facts.place, "Only curators see it."),
        field("Region", facts.region, "So wide that everybody may know it."),
        field("Observer", facts.observer),
        field("Species", facts.species),
      ),
    ),
  );
  picker.addEventListener("change", () => {
    take([...picker.files]);
    picker.value = "";
  });
  for (const name of ["dragenter", "dragover"])
    zone.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  for (const name of ["dragleave", "drop"])
    zone.addEventListener(name, () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    take([...event.dataTransfer.files]);
  });
  const node = el(
    "details",
    { class: "taking", open: isOpen },
    el("summary", {}, "Add photos"),
    zone,
    all,
    list,
  );

  async function take(files) {
    if (!files.length) return;
    node.open = true;
    // Place, region and observer are an encounter's, which then needs a name.
    const isMeeting =
      together.checked ||
      [facts.place, facts.region, facts.observer].some((input) => input.value.trim());
    if (isMeeting && !facts.encounter.value.trim())
      facts.encounter.value = `encounter ${new Date().toISOString().slice(0, 16).replace("T", " ")}`;
    const given = Object.entries(facts)
      .map(([name, input]) => [name, input.value.trim()])
      .filter(([, value]) => value);
    const rows = files.map((file) => row(file, given));
    list.prepend(...rows.map((one) => one.node));
    await Promise.all(
      Array.from({ length: SIDE_BY_SIDE }, (_, at) =>
        sendAll(rows.filter((_row, each) => each % SIDE_BY_SIDE === at)),
      ),
    );
    const taken = rows.filter((one) => one.isTaken).length;
    const said = `${count(taken, "photo")} of ${rows.length} taken in.`;
    put(
      all,
      el("p", {}, said, taken < rows.length ? " The others are listed with what is wrong." : ""),
    );
    notify(said);
    for (const one of rows) if (one.isTaken) setTimeout(() => one.node.remove(), 1500);
  }

  async function sendAll(rows) {
    for (const one of rows) await one.send();
  }

  function row(file, given) {
    const bar = el("progress", { max: 1, value: 0, "aria-label": `Sending ${file.name}` });
    const said = el("span", { class: "progress-text" }, "waiting");
    const one = {
      node: el("li", {}, el("span", { class: "name" }, file.name), bar, said),
      isTaken: false,
      send,
    };
    return one;

    async function send() {
      const form = new FormData();
      form.append("photos", file, file.name);
      for (const [name, value] of given) form.append(name, value);
      one.node.classList.remove("failed");
      put(said, "sending");
      try {
        const answer = await upload("/v1/queue", form, (share) => {
          bar.value = share;
          put(said, share < 1 ? `${Math.round(share * 100)} %` : "being identified");
        });
        const refused = (answer.skipped || [])[0];
        if (refused && !answer.photos.length)
          throw Object.assign(new Problem({ detail: refused.reason }, 200), { isFinal: true });
        one.isTaken = true;
        put(said, "taken in");
        ontaken(answer.photos);
      } catch (error) {
        one.node.classList.add("failed");
        const again = error.isFinal ? null : button("Try again", send, { class: "quiet small" });
        put(
          said,
          el(
            "span",
            {},
            (error.errors && error.errors[0] && error.errors[0].reason) || messageOf(error),
          ),
          " ",
          again,
        );
      }
      bar.hidden = true;
    }
  }

  return { node, isBusy: () => list.children.length > 0 };
}
