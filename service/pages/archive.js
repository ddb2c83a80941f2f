// What a person drops or picks, as one zip: a zip stays as it is, folders and tables are packed.

import { downloadZip } from "./vendor/client-zip.js";

const PHOTO = /\.(jpe?g|png|tiff?|webp|bmp|gif|heic|heif|avif|cr2|cr3|nef|arw|dng|orf|rw2|raf)$/i;
const TABLE = /\.(csv|json|xlsx)$/i;

// The files of a drop, with their paths below what was dropped. Call it while the event is handled:
// afterwards the browser has forgotten the folders.
export function filesOfDrop(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return Promise.resolve(filesOfPicker(transfer.files));
  return Promise.all(entries.map((entry) => walk(entry, ""))).then((found) => found.flat());
}

// The files of <input type="file">, also of one that takes folders.
export const filesOfPicker = (files) =>
  [...files].map((file) => ({ name: file.webkitRelativePath || file.name, file }));

async function walk(entry, folder) {
  if (entry.name.startsWith(".") || entry.name === "__MACOSX") return [];
  const name = folder ? `${folder}/${entry.name}` : entry.name;
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    return [{ name, file }];
  }
  const reader = entry.createReader();
  const inside = [];
  for (;;) {
    // A browser gives a hundred at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) break;
    inside.push(...some);
  }
  return (await Promise.all(inside.map((each) => walk(each, name)))).flat();
}

// What the page shows as it stands: nothing of it is a fault of the page.
const refusal = (detail) => Object.assign(new Error(detail), { detail });

// One zip of what was chosen. An Error says what is missing, and what the person can do.
export async function archiveOf(chosen) {
  const files = chosen.filter(({ name }) => !name.split("/").some((part) => part.startsWith(".")));
  if (!files.length) throw refusal("There is no file in it. Choose a folder, a zip or a table.");
  const [first] = files;
  if (files.length === 1 && /\.zip$/i.test(first.name)) return first.file;
  const photos = files.filter(({ name }) => PHOTO.test(name));
  const hasTable = files.some(({ name }) => TABLE.test(name));
  if (!photos.length)
    throw refusal(
      hasTable
        ? "The table came without its photos. Drop the folder that holds both."
        : "There is no photo in it. Drop a folder of photos, or a zip.",
    );
  const isInFolders = photos.some(({ name }) => name.includes("/"));
  if (!hasTable && !isInFolders)
    throw refusal(
      "These photos don't say whom they show. Put the photos of each animal into a folder with " +
        "its name, or add a table (CSV) of photos and animals. To name the animals as you go, " +
        "add the photos on the screen Review.",
    );
  const entries = files.map(({ name, file }) => ({
    name,
    input: file,
    lastModified: file.lastModified,
  }));
  const zip = await downloadZip(entries).blob();
  return new File([zip], `${first.name.split("/")[0]}.zip`, { type: "application/zip" });
}
