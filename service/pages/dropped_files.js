// Files that a person drops or picks, each with its path below what was dropped.

export const PHOTO =
  /\.(jpe?g|png|tiff?|webp|bmp|gif|heic|heif|avif|cr2|cr3|nef|arw|dng|orf|rw2|raf)$/i;

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
