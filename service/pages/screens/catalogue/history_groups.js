// What one person did in one go: acts that follow each other within half an hour.

import { kindOf, when } from "../../formatting.js";

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
  return [...kinds]
    .sort(([, one], [, other]) => other - one)
    .map(([kind, number]) => `${number} ${kindOf(kind).toLowerCase()}`)
    .join(", ");
}

export function timeOf(group) {
  const [first, last] = [when(group.at(-1).at), when(group[0].at)];
  if (first === last) return first;
  const isOneDay = first.slice(0, 10) === last.slice(0, 10);
  return `${first} – ${isOneDay ? last.slice(11) : last}`;
}
