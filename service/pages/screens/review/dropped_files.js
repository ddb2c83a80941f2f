// The photos that were dropped, also those in folders, each with its path below what was dropped.

const PHOTO = /\.(jpe?g|png|tiff?|webp|heic|heif|avif|bmp|gif|dng|nef|cr2|cr3|arw|orf|raf|rw2)$/i;

export async function droppedFiles(transfer) {
  const entries = [...(transfer.items ?? [])]
    .map((item) => item.webkitGetAsEntry?.())
    .filter(Boolean);
  if (!entries.some((entry) => entry.isDirectory)) return [...transfer.files];
  const found = [];
  for (const entry of entries) await collect(entry, found);
  return found;
}

async function collect(entry, found) {
  if (entry.isFile) {
    const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
    file.path = entry.fullPath.replace(/^\//, "");
    if (PHOTO.test(file.name)) found.push(file);
    return;
  }
  const reader = entry.createReader();
  for (;;) {
    // A browser gives a hundred entries at a time.
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!some.length) return;
    for (const one of some) await collect(one, found);
  }
}
