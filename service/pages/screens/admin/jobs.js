// Jobs: started here, watched, cancelled and resumed.

import { get, post, send } from "../../api.js";
import { form, show } from "../../dialog.js";
import { actionButton, button, el, put } from "../../dom.js";
import { empty, heading, loadInto } from "../../widgets.js";
import { attempt, notify } from "../../notify.js";
import { jobLists } from "./job_card.js";

const titleOf = (checkpoint) =>
  checkpoint.title && !checkpoint.name.startsWith(checkpoint.title) ? ` (${checkpoint.title})` : "";

export async function jobs(screen, { signal }) {
  const place = el("div");
  const anew = jobLists({ signal, again: refresh });
  const archive = el("input", {
    type: "file",
    accept: ".zip,application/zip",
    class: "picker",
    id: "archive",
    onchange: sendZip,
  });
  put(
    screen,
    heading("Jobs"),
    el(
      "div",
      { class: "acts" },
      el("label", { for: "archive", class: "as-button" }, "Identify a zip …"),
      archive,
      button("Identify a folder …", folder),
      button("Update the catalogue …", reindex),
      actionButton("Change the model …", upgrade),
      el("a", { href: "#/exchange" }, "Import and export"),
    ),
    place,
  );
  await refresh();

  function refresh() {
    const { listSignal, cards } = anew();
    return loadInto(place, async () => {
      const page = await get("/v1/jobs", { limit: 50 }, { signal: listSignal });
      if (!page.jobs.length)
        return empty(
          "No jobs yet",
          "Identify a folder or zip of photos, or update the catalogue when photo files changed.",
        );
      return el("ul", { class: "jobs", "aria-label": "Jobs, newest first" }, cards(page.jobs));
    });
  }

  async function sendZip() {
    const [file] = archive.files;
    if (!file) return;
    const sent = new FormData();
    sent.append("kind", "identify");
    sent.append("archive", file, file.name);
    notify(`Sending ${file.name} …`);
    await attempt(async () => {
      await send("POST", "/v1/jobs", { form: sent });
      await refresh();
    });
    archive.value = "";
  }

  async function folder() {
    const started = await form("Identify a folder", {
      fields: [
        {
          name: "folder",
          label: "Folder",
          required: true,
          hint: "A path inside the service's folder for jobs.",
        },
      ],
      accept: "Start",
      act: (values) => post("/v1/jobs", { kind: "identify", parameters: values }),
    });
    if (started) await refresh();
  }

  async function reindex() {
    const started = await form("Update the catalogue", {
      text: "Changed photo files are embedded again, and missing files are reported.",
      fields: [
        {
          name: "rehash",
          label: "Check",
          value: "no",
          options: [
            ["no", "files with a new size or time"],
            ["yes", "the content of every file"],
          ],
        },
      ],
      accept: "Start",
      act: (values) =>
        post("/v1/jobs", { kind: "reindex", parameters: { rehash: values.rehash === "yes" } }),
    });
    if (started) await refresh();
  }

  async function upgrade() {
    const there = await attempt(() => get("/v1/checkpoints", {}, { signal }));
    if (!there) return;
    const usable = there.checkpoints.filter((one) => !one.fault && !one.is_served);
    const faults = there.checkpoints.filter((one) => one.fault).map((one) => one.fault);
    if (!usable.length) {
      const advice = there.has_folder
        ? "The checkpoint folder holds only the present model. The operator can add others."
        : "The service has no checkpoint folder. The operator can name one with --checkpoints.";
      show(
        "No other model",
        el("p", {}, advice),
        ...faults.map((fault) => el("p", { class: "note" }, fault)),
      );
      return;
    }
    const started = await form("Change the model", {
      text:
        "Every photo is embedded again with another checkpoint. The present model answers until " +
        "all photos are ready. You can undo the change in the history.",
      fields: [
        {
          name: "checkpoint",
          label: "Checkpoint",
          value: usable[0].name,
          options: usable.map((one) => [one.name, `${one.name}${titleOf(one)}`]),
          hint: ["Files in the service's checkpoint folder.", ...faults].join(" "),
        },
      ],
      accept: "Start",
      act: (values) => post("/v1/jobs", { kind: "upgrade", parameters: values }),
    });
    if (started) await refresh();
  }
}
