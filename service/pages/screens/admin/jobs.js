// Long work: started here, watched as it goes, stopped and taken up again.

import { get, post, send } from "../../api.js";
import { form, show } from "../../dialog.js";
import { button, el, put, actionButton } from "../../dom.js";
import { empty, heading, loadInto } from "../../widgets.js";
import { notify, attempt } from "../../notify.js";
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
      button("Bring up to date …", reindex),
      actionButton("Change the model …", upgrade),
      el("a", { href: "#/exchange" }, "Import and export"),
    ),
    place,
  );
  await refresh();

  function refresh() {
    const { looking, cards } = anew();
    return loadInto(place, async () => {
      const page = await get("/v1/jobs", { limit: 50 }, { signal: looking });
      if (!page.jobs.length)
        return empty(
          "No job was started yet",
          "Identify a whole folder or zip of photos, or bring the catalogue up to date with its photos' files.",
        );
      return el("ul", { class: "jobs", "aria-label": "Jobs, the newest first" }, cards(page.jobs));
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
          hint: "On the service's machine, from its folder for jobs on.",
        },
      ],
      accept: "Start",
      act: (values) => post("/v1/jobs", { kind: "identify", parameters: values }),
    });
    if (started) await refresh();
  }

  async function reindex() {
    const started = await form("Bring the catalogue up to date", {
      text: "Photos' files that have changed are embedded again, and missing ones are told. Answers go on meanwhile.",
      fields: [
        {
          name: "rehash",
          label: "Compare",
          value: "no",
          options: [
            ["no", "files whose size or time has changed"],
            ["yes", "every file's content"],
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
        ? "The service's folder of checkpoints holds none but the one that answers now; its operator puts more there."
        : "The service was started without a folder of checkpoints; its operator gives one with --checkpoints.";
      show(
        "There is no other model",
        el("p", {}, advice),
        ...faults.map((fault) => el("p", { class: "note" }, fault)),
      );
      return;
    }
    const started = await form("Change the model", {
      text: "Every photo is embedded again with another checkpoint, beside the vectors that are there. Answers come from the old one until all are ready; then from the new one, and the history can take that back.",
      fields: [
        {
          name: "checkpoint",
          label: "Checkpoint",
          value: usable[0].name,
          options: usable.map((one) => [one.name, `${one.name}${titleOf(one)}`]),
          hint: ["Files of the service's folder of checkpoints.", ...faults].join(" "),
        },
      ],
      accept: "Start",
      act: (values) => post("/v1/jobs", { kind: "upgrade", parameters: values }),
    });
    if (started) await refresh();
  }
}
