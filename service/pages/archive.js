// What a person drops or picks, as one zip: a zip stays as it is, folders and tables are packed.

import { PHOTO } from "./dropped_files.js";
import { t } from "./texts.js";
import { downloadZip } from "./vendor/client-zip.js";

const TABLE = /\.(csv|json|xlsx|xlsm)$/i;

// What the page shows as it stands: nothing of it is a fault of the page.
const refusal = (detail) => Object.assign(new Error(detail), { detail });

// One zip of what was chosen. An Error says what is missing, and what the person can do.
export async function archiveOf(chosen) {
  const files = chosen.filter(({ name }) => !name.split("/").some((part) => part.startsWith(".")));
  if (!files.length) throw refusal(t("archive.noFile"));
  const [first] = files;
  if (files.length === 1 && /\.zip$/i.test(first.name)) return first.file;
  const photos = files.filter(({ name }) => PHOTO.test(name));
  const hasTable = files.some(({ name }) => TABLE.test(name));
  if (!photos.length) throw refusal(hasTable ? t("archive.tableAlone") : t("archive.noPhoto"));
  const isInFolders = photos.some(({ name }) => name.includes("/"));
  if (!hasTable && !isInFolders) throw refusal(t("archive.noNames"));
  const entries = files.map(({ name, file }) => ({
    name,
    input: file,
    lastModified: file.lastModified,
  }));
  const zip = await downloadZip(entries).blob();
  return new File([zip], `${first.name.split("/")[0]}.zip`, { type: "application/zip" });
}
