// What one person did in one go: acts that follow each other within half an hour.

import { kindOf, span } from "../../formatting.js";
import { listText, numberText, t } from "../../texts.js";

const GAP_MS = 30 * 60 * 1000;

// Whether an act belongs to the group whose earliest act is `earliest`. Newest come first.
export function isOfGroup(earliest, act) {
  const gap = new Date(earliest.at) - new Date(act.at);
  return earliest.made_by === act.made_by && gap <= GAP_MS;
}

export function groupsOf(changes) {
  const groups = [];
  for (const change of changes) {
    const group = groups.at(-1);
    if (group && isOfGroup(group.at(-1), change)) group.push(change);
    else groups.push([change]);
  }
  return groups;
}

// "9 confirmed, 3 added", the most frequent first.
export function summary(group) {
  const kinds = new Map();
  for (const { kind } of group) kinds.set(kind, (kinds.get(kind) || 0) + 1);
  return listText(
    [...kinds]
      .sort(([, one], [, other]) => other - one)
      .map(([kind, many]) =>
        t("history.kindCount", { many: numberText(many), kind: kindOf(kind).toLowerCase() }),
      ),
  );
}

export function timeOf(group) {
  return span(group.at(-1).at, group[0].at);
}
