// All changes of the catalogue: who made them, the answer they rest on, and their undo.

import { actionButton, el, put } from "../../dom.js";
import { undo } from "../../curation.js";
import { empty, heading, individualLink, loadInto, pagedList } from "../../widgets.js";
import { problemBox } from "../../notify.js";
import { count, kindOf, percent, photoName, shortFingerprint, when } from "../../formatting.js";

export async function history(screen, { rest, signal }) {
  const subject = rest.join("/");
  const place = el("div");
  const again = () => loadInto(place, () => changeList({ subject, limit: 50 }, { signal, again }));
  put(
    screen,
    heading(subject ? `History of ${subject}` : "History"),
    subject ? el("p", { class: "back" }, el("a", { href: "#/history" }, "← All changes")) : null,
    place,
  );
  await again();
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
  const act = change.is_undone
    ? el("span", { class: "undone" }, "undone")
    : actionButton(
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
