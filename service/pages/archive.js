// What a person drops or picks, as one zip: a zip stays as it is, folders and tables are packed.

import { PHOTO } from "./dropped_files.js";
import { downloadZip } from "./vendor/client-zip.js";

const TABLE = /\.(csv|json|xlsx|xlsm)$/i;

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
