// All changes of the catalogue: who made them, the answer they rest on, and their undo.

import { get, nextOf } from "../../api.js";
import { actionButton, el, field, put } from "../../dom.js";
import { undo } from "../../curation.js";
import { empty, heading, individualLink, loadInto, pagedList } from "../../widgets.js";
import { attempt, problemBox } from "../../notify.js";
import { count, kindOf, percent, photoName, shortFingerprint, when } from "../../formatting.js";
import { groupsOf, isOfGroup, summary, timeOf } from "./history_groups.js";

const PAGE = 100;

export async function history(screen, { rest, signal }) {
  const subject = rest.join("/");
  const place = el("div");
  const filters = subject ? null : filterForm(() => again());
  put(
    screen,
    heading(subject ? `History of ${subject}` : "History"),
    subject ? el("p", { class: "back" }, el("a", { href: "#/history" }, "← All changes")) : null,
    filters?.node,
    place,
  );
  if (filters) attempt(async () => filters.fill(await get("/v1/changes/choices", {}, { signal })));
  const opened = new Map(); // by a group's earliest revision, whether a person opened or shut it
  await again();

  function again() {
    const parameters = { ...filters?.values(), limit: PAGE, ...(subject && { subject }) };
    return loadInto(place, () => groupedList(parameters, { signal, again, opened }));
  }
}

// The fields that narrow the history; `onchange` is called when one of them changes.
function filterForm(onchange) {
  const any = (label) => el("option", { value: "" }, label);
  const person = el("select", { onchange }, any("Everybody"));
  const kind = el("select", { onchange }, any("All changes"));
  const from = el("input", { type: "date", onchange });
  const to = el("input", { type: "date", onchange });
  const subject = el("input", {
    type: "search",
    maxlength: 1000,
    placeholder: "photo, individual or encounter",
    onchange,
    spellcheck: "false",
  });
  const node = el(
    "div",
    { class: "history-filters", role: "search", "aria-label": "Changes" },
    field("Person", person),
    field("Change", kind),
    field("From", from),
    field("To", to),
    field("About", subject),
  );
  return { node, values, fill };

  function fill({ people, kinds }) {
    person.append(...people.map((name) => el("option", { value: name }, name)));
    kind.append(...kinds.map((name) => el("option", { value: name }, kindOf(name))));
  }

  function values() {
    return {
      made_by: person.value,
      kind: kind.value,
      since: dayStart(from.value, 0),
      until: dayStart(to.value, 1),
      subject: subject.value.trim(),
    };
  }
}

// The moment at which a day of the person's own time zone begins, so many days later.
function dayStart(date, daysLater) {
  if (!date) return "";
  const [year, month, day] = date.split("-").map(Number);
  return new Date(year, month - 1, day + daysLater).toISOString();
}

// Changes in groups: what one person did in one go is one entry that opens.
async function groupedList(parameters, { signal, again, opened }) {
  const fetchPage = (cursor) => get("/v1/changes", { ...parameters, cursor }, { signal });
  const first = await fetchPage(null);
  if (!first.changes.length) return isNarrowed(parameters) ? nothingFound() : nothing();
  const holder = el("div", { class: "groups" });
  const place = el("div", {}, holder);
  let last = null; // the group that the next page may go on with
  append(first);
  return place;

  function append(page) {
    const groups = groupsOf(page.changes);
    if (last && isOfGroup(last.at(-1), groups[0][0])) {
      groups[0] = [...last, ...groups[0]];
      const node = holder.lastElementChild;
      if (node.open) opened.set(groups[0].at(-1).revision, true);
      node.remove();
    }
    for (const group of groups) add(group);
    const cursor = nextOf(page);
    if (cursor === null) return;
    const more = actionButton(
      "Show more",
      () =>
        attempt(async () => {
          const next = await fetchPage(cursor);
          more.remove();
          const shown = holder.childElementCount;
          append(next);
          holder.children[shown]?.querySelector("summary, button, a")?.focus();
        }),
      { class: "more" },
    );
    place.append(more);
  }

  function add(group) {
    last = group;
    const isNewest = !holder.childElementCount;
    const isOpen = opened.get(group.at(-1).revision) ?? isNewest;
    holder.append(group.length === 1 ? entries(group, again) : folded(group, isOpen));
  }

  function folded(group, isOpen) {
    const node = groupNode(group, again, isOpen);
    node.addEventListener("toggle", () => opened.set(group.at(-1).revision, node.open));
    return node;
  }
}

const isNarrowed = ({ made_by: by, kind, since, until, subject }) =>
  Boolean(by || kind || since || until || subject);

const nothingFound = () =>
  empty("No such changes", "Choose another person, kind of change or day above.");

const entries = (group, again) =>
  el(
    "ol",
    { class: "changes", "aria-label": "Changes, latest first" },
    group.map((change) => entry(change, again)),
  );

function groupNode(group, again, isOpen) {
  return el(
    "details",
    { class: "group", open: isOpen },
    el(
      "summary",
      {},
      el("strong", {}, group[0].made_by || "Nobody named"),
      ` · ${count(group.length, "act")}: ${summary(group)} `,
      el("span", { class: "facts" }, timeOf(group)),
    ),
    entries(group, again),
  );
}

export function changeList(parameters, { signal, again, none = nothing }) {
  return pagedList("/v1/changes", parameters, {
    things: "changes",
    signal,
    holder: el("ol", { class: "changes", "aria-label": "Changes, latest first" }),
    one: (change) => entry(change, again),
    none,
  });
}

function nothing() {
  return empty(
    "No changes yet",
    "All confirmations, merges and moves are listed here, and each can be undone.",
  );
}

function entry(change, again) {
  const refusal = el("div");
  const isBeginning = change.kind === "begin"; // it did nothing that could be taken back
  const act = change.is_undone
    ? el("span", { class: "undone" }, "undone")
    : !isBeginning && actionButton(
        "Undo",
        async () => {
          try {
            await undo(change.revision, again);
          } catch (error) {
            put(refusal, problemBox(error));
          }
        },
        { class: "quiet small", "aria-label": `Undo revision ${change.revision}` },
      );
  return el(
    "li",
    { class: change.is_undone ? "is-undone" : null },
    el(
      "div",
      { class: "change" },
      el("span", { class: "revision" }, String(change.revision)),
      el(
        "div",
        { class: "what" },
        el("p", {}, sentence(change)),
        el(
          "p",
          { class: "facts" },
          [
            when(change.at),
            change.made_by && `by ${change.made_by}`,
            change.changes > 1 && count(change.changes, "change"),
          ]
            .filter(Boolean)
            .join(" · "),
          because(change),
        ),
      ),
      act,
    ),
    refusal,
  );
}

function sentence(change) {
  const { kind, detail = {}, subjects = [] } = change;
  const about = subjects.map((name) => photoName(name));
  const listed =
    about.slice(0, 3).join(", ") +
    (change.changes > 3 ? ` and ${change.changes - Math.min(3, about.length)} more` : "");
  const link = (name) => (name ? individualLink(name) : "unknown");
  const verb = el("strong", {}, kindOf(kind));
  if (kind === "undo")
    return [
      verb,
      ` revision ${change.undoes}`,
      detail.undone ? ` (${kindOf(detail.undone).toLowerCase()})` : "",
    ];
  if (kind === "merge") return [verb, " ", link(detail.individual), " into ", link(detail.into)];
  if (kind === "tell apart")
    return [verb, ": ", link(detail.individual), " and ", link(detail.other)];
  if (kind === "rename") return [verb, " ", detail.individual, " to ", link(detail.new)];
  if (kind === "split")
    return [verb, " ", listed, " off ", link(detail.individual), " as ", link(detail.new)];
  if (kind === "move") return [verb, " ", listed, " to ", link(detail.to)];
  if (kind === "swap")
    return [
      verb,
      detail.checkpoint ? ` to ${detail.checkpoint}` : "",
      ` (${shortFingerprint(detail.from)} → ${shortFingerprint(detail.to)})`,
    ];
  if (kind === "edit")
    return [
      verb,
      " ",
      detail.subject,
      `: ${Object.keys(detail)
        .filter((name) => name !== "subject")
        .map((name) => name.replaceAll("_", " "))
        .join(", ")}`,
    ];
  return [
    verb,
    listed ? ` ${listed}` : "",
    detail.individual ? [" as ", link(detail.individual)] : "",
    detail.reason ? `: ${detail.reason}` : "",
  ];
}

// The answer that was shown when a person decided.
function because(change) {
  const answer = change.detail && change.detail.answer;
  const first = answer && answer.matches && answer.matches[0];
  return first
    ? el("span", {}, ` · answer: ${first.individual} (${percent(first.probability)})`)
    : null;
}
