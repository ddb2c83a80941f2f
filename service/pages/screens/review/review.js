// Photos in, a person's word about each out: by keyboard, or by the buttons that name the keys.

import { Problem, get, path, post } from "../../api.js";
import { undo } from "../../curation.js";
import { form, isOpen, show } from "../../dialog.js";
import { el, keyLabel, put, actionButton } from "../../dom.js";
import { KEYS_OFF, oneAtATime } from "../../keys.js";
import { empty, heading, loadInto, fetchAll } from "../../widgets.js";
import { alarm, notify, attempt } from "../../notify.js";
import { count, photoName } from "../../formatting.js";
import { bench } from "./compare.js";
import { Queue, strip } from "./queue.js";
import { scopePicker } from "./scope.js";
import { uploader } from "./upload.js";

// Acts of this visit that `u` takes back, the last one first; they outlive a look at another screen.
const acts = [];

export async function review(screen, { signal }) {
  const left = el("span", { class: "heading-note", "aria-live": "polite" });
  const place = el("div", { class: "work" });
  const strips = el("div");
  let queue = new Queue([]);
  let table = null;
  const taking = uploader({ isOpen: true, ontaken: taken });
  const scope = scopePicker({ onchange: () => table && table.ask(), signal });
  put(screen, heading("Review", left), taking.node, scope.node, strips, place);
  document.addEventListener("keydown", onkey, { signal });
  let isThere = false;
  await loadInto(place, async () => {
    await fetchQueue().catch((error) => {
      if (error.name === "AbortError" || !queue.left) throw error;
      alarm(error); // photos that were taken in meanwhile can be looked at all the same
    });
    isThere = true;
    return [];
  });
  if (!isThere) return; // what went wrong is told in its place, or another screen is shown
  taking.node.open = !queue.left;
  draw({ isMoved: false });

  async function fetchQueue() {
    const before = queue;
    const earlier = new Set(before.cards);
    queue = new Queue(await fetchAll("/v1/queue", {}, "photos", { signal, most: 400 }));
    queue.add(before.cards.filter((card) => !earlier.has(card))); // taken in since it was asked for
    if (before.current) queue.goTo(before.current.name);
  }

  function taken(cards) {
    const wasEmpty = !queue.left;
    queue.add(cards);
    if (wasEmpty) draw({ isMoved: false });
    else drawAround();
  }

  function drawAround() {
    const badge = document.getElementById("waiting");
    badge.hidden = !queue.left;
    put(badge, String(queue.left));
    put(left, queue.left ? `${count(queue.left, "photo")} left` : "");
    put(
      strips,
      queue.left > 1
        ? strip(queue, (name) => {
            queue.goTo(name);
            draw();
          })
        : null,
    );
    strips.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function draw({ isMoved = true } = {}) {
    drawAround();
    table = null;
    if (!queue.current) {
      put(
        place,
        empty(
          acts.length ? "All photos are done" : "No photo waits",
          "Add photos above: each is compared with every known animal, and you say who it is.",
          acts.length ? undoButton() : null,
        ),
      );
      return;
    }
    table = bench(queue.current, { signal, confirm, actions: actions(), scope });
    put(place, table.node);
    if (isMoved) table.node.querySelector("h2").focus({ preventScroll: true });
  }

  function actions() {
    return el(
      "div",
      { class: "actions", role: "group", "aria-label": "What is it?" },
      actionButton(keyLabel("n", "New individual"), make, { class: "first", "aria-keyshortcuts": "n" }),
      actionButton(keyLabel("x", "Reject"), reject, { "aria-keyshortcuts": "x" }),
      actionButton(keyLabel("s", "Skip"), skip, { "aria-keyshortcuts": "s" }),
      undoButton(),
      actionButton(keyLabel("?", "Help"), help, { class: "quiet", "aria-keyshortcuts": "?" }),
    );
  }

  function undoButton() {
    return actionButton(keyLabel("u", "Undo"), back, { "aria-keyshortcuts": "u", disabled: !acts.length });
  }

  // One act about the present photo; what comes next is shown when the service has it.
  async function decide(card, work, said) {
    await attempt(async () => {
      const event = await work();
      acts.push({ revision: event.revision, photo: card.name });
      queue.drop(card.name);
      window.dispatchEvent(new Event("flukeprint:changed")); // before the next photo asks about its candidates
      draw();
      notify(`${said} ${queue.left ? `${count(queue.left, "photo")} left.` : "That was the last one."}`);
    });
  }

  function confirm(at) {
    const card = queue.current;
    const match = table.matches()[at];
    if (!match) {
      notify(`There is no candidate ${at + 1}.`);
      return undefined;
    }
    const work = () => post(path("queue", card.name, "confirm"), { individual: match.individual });
    return decide(card, work, `${photoName(card.name)} is ${match.individual}.`);
  }

  async function make() {
    const card = queue.current;
    if (!card) return;
    const next = await attempt(() => get("/v1/individuals/next-id"));
    if (!next) return;
    let event = null;
    const name = await form("A new individual", {
      text: `${photoName(card.name)} becomes its first photo.`,
      fields: [{ name: "name", label: "Its id", value: next.name, required: true, max: 200 }],
      accept: "Make it",
      act: async ({ name: wanted }) => {
        await refuseTaken(wanted);
        event = await post(path("queue", card.name, "confirm"), { individual: wanted });
        return wanted;
      },
    });
    if (event) await decide(card, async () => event, `${photoName(card.name)} is the new ${name}.`);
  }

  async function refuseTaken(name) {
    const known = await get(path("individuals", name)).catch((error) =>
      error.status === 404 ? null : Promise.reject(error),
    );
    if (known)
      throw new Problem(
        { detail: `${name} is an individual already; give another id, or confirm it as that one.` },
        409,
      );
  }

  function reject() {
    const card = queue.current;
    return (
      card && decide(card, () => post(path("queue", card.name, "reject"), {}), `${photoName(card.name)} is rejected.`)
    );
  }

  function skip() {
    if (queue.left < 2) {
      notify("This is the only photo left.");
      return;
    }
    queue.skip();
    draw();
    notify(`Skipped; now ${photoName(queue.current.name)}.`);
  }

  async function back() {
    const last = acts.at(-1);
    if (!last) {
      notify("Nothing of this visit to undo; the history has all changes.");
      return;
    }
    await attempt(async () => {
      acts.pop(); // also where it is refused: the reason is shown, and the history can try again
      await undo(last.revision);
      await fetchQueue();
      queue.goTo(last.photo);
      draw();
      notify(`Taken back: ${photoName(last.photo)} waits again.`);
    });
  }

  function help() {
    const rows = [
      ["1 – 5", "confirm that candidate"],
      ["← →", "compare with another candidate"],
      ["n", "a new individual; Enter accepts its id"],
      ["x", "reject: shows no animal that can be known"],
      ["s", "skip: comes again at the end"],
      ["u", "undo the last decision"],
      ["+ −", "zoom both photos"],
      ["r R", "turn both"],
      ["f", "mirror both"],
      ["e", "flukes at the same size"],
      ["b", "show the fluke box"],
      ["0", "reset both"],
      ["h", "heat map: what makes the two alike"],
      ["a", "ask again, of the catalogue as it is now"],
      ["?", "this help"],
    ];
    const off = el("input", {
      type: "checkbox",
      id: "keys-off",
      checked: localStorage.getItem(KEYS_OFF) === "yes",
      onchange: (event) => localStorage.setItem(KEYS_OFF, event.target.checked ? "yes" : "no"),
    });
    show(
      "Keys",
      el(
        "table",
        { class: "keys" },
        el(
          "tbody",
          {},
          rows.map(([key, what]) => el("tr", {}, el("th", { scope: "row" }, el("kbd", {}, key)), el("td", {}, what))),
        ),
      ),
      el("p", { class: "check" }, off, el("label", { for: "keys-off" }, "No single keys: I use the buttons")),
    );
  }

  function onkey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || isOpen() || event.target.closest("input, textarea, select"))
      return;
    if (localStorage.getItem(KEYS_OFF) === "yes" && event.key !== "?") return;
    const always = { u: back, "?": help };
    const act = always[event.key] || (table && { n: make, x: reject, s: skip }[event.key]);
    const look = table && table.keys[event.key];
    if (/^[1-5]$/.test(event.key) && table) {
      event.preventDefault();
      oneAtATime(screen, () => confirm(Number(event.key) - 1));
    } else if (act) {
      event.preventDefault();
      oneAtATime(screen, act);
    } else if (look) {
      event.preventDefault();
      look(event); // decides nothing, and no decision waits for it
    }
  }
}
