// All changes of the catalogue: who made them, the answer they rest on, and their undo.

import { get, nextOf } from "../../api.js";
import { actionButton, el, field, put } from "../../dom.js";
import { undo } from "../../curation.js";
import { empty, heading, individualLink, loadInto, pagedList } from "../../widgets.js";
import { attempt, problemBox } from "../../notify.js";
import { count, kindOf, percent, photoName, shortFingerprint, when } from "../../formatting.js";
import { listText, t, tNodes } from "../../texts.js";
import { groupsOf, isOfGroup, summary, timeOf } from "./history_groups.js";

const PAGE = 100;

export async function history(screen, { rest, signal }) {
  const subject = rest.join("/");
  const place = el("div");
  const filters = subject ? null : filterForm(() => again());
  put(
    screen,
    heading(subject ? t("history.of", { name: subject }) : t("history.title")),
    subject ? el("p", { class: "back" }, el("a", { href: "#/history" }, t("history.all"))) : null,
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
  const person = el("select", { onchange }, any(t("history.everybody")));
  const kind = el("select", { onchange }, any(t("history.allKinds")));
  const from = el("input", { type: "date", onchange });
  const to = el("input", { type: "date", onchange });
  const subject = el("input", {
    type: "search",
    maxlength: 1000,
    placeholder: t("history.aboutExample"),
    onchange,
    spellcheck: "false",
  });
  const node = el(
    "div",
    { class: "history-filters", role: "search", "aria-label": t("history.changes") },
    field(t("history.person"), person),
    field(t("history.change"), kind),
    field(t("common.from"), from),
    field(t("common.to"), to),
    field(t("history.about"), subject),
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
      t("common.showMore"),
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

const nothingFound = () => empty(t("history.noSuch"), t("history.noSuchText"));

const entries = (group, again) =>
  el(
    "ol",
    { class: "changes", "aria-label": t("history.latestFirst") },
    group.map((change) => entry(change, again)),
  );

function groupNode(group, again, isOpen) {
  return el(
    "details",
    { class: "group", open: isOpen },
    el(
      "summary",
      {},
      el("strong", {}, group[0].made_by || t("history.nobodyNamed")),
      ` · ${t("history.group", { acts: count(group.length, "act"), summary: summary(group) })} `,
      el("span", { class: "facts" }, timeOf(group)),
    ),
    entries(group, again),
  );
}

export function changeList(parameters, { signal, again, none = nothing }) {
  return pagedList("/v1/changes", parameters, {
    things: "changes",
    signal,
    holder: el("ol", { class: "changes", "aria-label": t("history.latestFirst") }),
    one: (change) => entry(change, again),
    none,
  });
}

function nothing() {
  return empty(t("history.none"), t("history.noneText"));
}

function entry(change, again) {
  const refusal = el("div");
  const isBeginning = change.kind === "begin"; // it did nothing that could be taken back
  const act = change.is_undone
    ? el("span", { class: "undone" }, t("history.undone"))
    : !isBeginning &&
      actionButton(
        t("common.undo"),
        async () => {
          try {
            await undo(change.revision, again);
          } catch (error) {
            put(refusal, problemBox(error));
          }
        },
        { class: "quiet small", "aria-label": t("history.undoOf", { revision: change.revision }) },
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
            change.made_by && t("history.by", { name: change.made_by }),
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
  const about = subjects.map((name) => photoName(name)).slice(0, 3);
  const others = change.changes > 3 ? change.changes - about.length : 0;
  const listed = listText(about);
  const photos = others ? t("history.more", { listed, count: others }) : listed;
  const link = (name) => (name ? individualLink(name) : t("common.unknown"));
  const verb = el("strong", {}, kindOf(kind));
  const { individual } = detail;
  if (kind === "undo") {
    const undone = detail.undone && kindOf(detail.undone).toLowerCase();
    const values = { verb, revision: change.undoes, kind: undone };
    return tNodes(undone ? "history.undidKind" : "history.undid", values);
  }
  if (kind === "merge")
    return tNodes("history.merged", { verb, one: link(individual), other: link(detail.into) });
  if (kind === "tell apart")
    return tNodes("history.notSame", { verb, one: link(individual), other: link(detail.other) });
  if (kind === "rename")
    return tNodes("history.renamed", { verb, one: individual, other: link(detail.new) });
  if (kind === "split") {
    const values = { verb, photos, one: link(individual), other: link(detail.new) };
    return tNodes("history.split", values);
  }
  if (kind === "move") return tNodes("history.moved", { verb, photos, other: link(detail.to) });
  if (kind === "swap") {
    const { checkpoint } = detail;
    const [from, to] = [detail.from, detail.to].map(shortFingerprint);
    const key = checkpoint ? "history.swappedTo" : "history.swapped";
    return tNodes(key, { verb, checkpoint, from, to });
  }
  if (kind === "edit") {
    const fields = Object.keys(detail)
      .filter((name) => name !== "subject")
      .map((name) => name.replaceAll("_", " "));
    return tNodes("history.edited", { verb, subject: detail.subject, fields: listText(fields) });
  }
  const values = { verb, photos, individual: individual && link(individual) };
  const done = individual ? "history.didAs" : listed ? "history.did" : null;
  return [done ? tNodes(done, values) : verb, detail.reason ? `: ${detail.reason}` : ""];
}

// The answer that was shown when a person decided.
function because(change) {
  const answer = change.detail && change.detail.answer;
  const first = answer && answer.matches && answer.matches[0];
  if (!first) return null;
  const values = { individual: first.individual, probability: percent(first.probability) };
  return el("span", {}, ` · ${t("history.answer", values)}`);
}
