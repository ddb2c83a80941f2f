// Figures and names as people read them.

export const percent = (share) => {
  if (share === null || share === undefined) return "–";
  const value = share * 100;
  if (value > 0 && value < 0.1) return "<\u00a00.1\u00a0%";
  return `${value.toFixed(value >= 10 || value === 0 ? 0 : 1)}\u00a0%`;
};
export const distance = (value) => value?.toFixed(3) ?? "–";
export const count = (number, one, many = `${one}s`) =>
  `${number.toLocaleString("en")} ${number === 1 ? one : many}`;
export const shortFingerprint = (fingerprint) => (fingerprint ? fingerprint.slice(0, 8) : "");

// "2016-07-01" stays a date without a time zone; what has a time is shown in the person's own.
export function when(iso) {
  if (!iso) return "";
  const text = iso.replace(" ", "T");
  if (!text.includes("T")) return text;
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return iso;
  const two = (number) => String(number).padStart(2, "0");
  const date = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
export const day = (iso) => (iso ? iso.slice(0, 10) : "");

export function species(name) {
  return name ? name.replaceAll("_", " ") : "";
}

// An answer's species as text; empty where the catalogue has one species (`hasSeveral` is false)
// and the answer names none.
export function speciesText(found, hasSeveral) {
  const probability = found?.probability === null ? "" : percent(found?.probability);
  if (found?.name) return [species(found.name), probability].filter(Boolean).join(", ");
  return found && hasSeveral ? `not known. ${found.reason}` : "";
}

// The last part of a photo's name, without folders; long ones keep both ends.
export function photoName(name) {
  const file = name.split("/").pop();
  return file.length > 32 ? `${file.slice(0, 18)}…${file.slice(-12)}` : file;
}

export const DECISIONS = {
  known: "Known animal",
  review: "Please check",
  new_whale: "New animal",
  no_animal: "No animal seen",
};

const TURNS = ["", "90\u00b0 to the left", "by 180\u00b0", "90\u00b0 to the right"];
// How a photo is shown that lay on its side, as text; empty for an upright one.
export const turnText = (turns) => (turns ? `Turned ${TURNS[turns]} to be upright.` : "");

const FLAWS = {
  sharpness: "blurred",
  size: "the animal is small",
  light: "bad light",
  wholeness: "the animal is cut off",
};
const FLAWED = 0.6;
// A photo's quality as text, with what is wrong with it; empty for an answer without one.
export function qualityText(quality) {
  if (!quality) return "";
  const flaws = Object.keys(FLAWS).filter((part) => quality[part] < FLAWED);
  const words = flaws.map((part) => FLAWS[part]).join(", ");
  return `Photo quality ${percent(quality.score)}${words ? `: ${words}` : ""}.`;
}

const KINDS = {
  "take in": "Added",
  enrol: "Enrolled",
  confirm: "Confirmed",
  reject: "Rejected",
  delete: "Deleted",
  assign: "Assigned",
  move: "Moved",
  split: "Split",
  regroup: "Regrouped",
  merge: "Merged",
  rename: "Renamed",
  "tell apart": "Marked as different",
  edit: "Edited",
  undo: "Undid",
  begin: "Began the catalogue",
  build: "Built the catalogue",
  update: "Updated the catalogue",
  import: "Imported",
  swap: "Changed the model",
};
export const kindOf = (kind) =>
  KINDS[kind] || kind.charAt(0).toUpperCase() + kind.slice(1).replaceAll("_", " ");
