// Files that a person drops or picks, each with its path below what was dropped.

// As PHOTO_SUFFIXES and RAW_SUFFIXES of embedding/photos/photo_files.py.
const SUFFIXES =
  "jpg jpeg jpe jfif jfi jif pjpeg pjp mpo png apng webp tif tiff bmp dib gif heic heif hif avif " +
  "3fr arw cr2 cr3 crw dcr dng erf fff gpr iiq kdc mef mos mrw nef nrw orf pef ptx raf raw rw2 " +
  "rwl sr2 srf srw x3f";
export const PHOTO = new RegExp(`\\.(${SUFFIXES.replaceAll(" ", "|")})$`, "i");

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
