// Jobs: started here, watched, cancelled and resumed.

import { get, post, send } from "../../api.js";
import { form, show } from "../../dialog.js";
import { actionButton, button, el, put } from "../../dom.js";
import { empty, heading, loadInto } from "../../widgets.js";
import { attempt, notify } from "../../notify.js";
import { startReview } from "../queue/job_toast.js";
import { t } from "../../texts.js";
import { jobLists } from "./job_card.js";

// Where the answers about a folder or zip go.
const answers = () => ({
  name: "answers",
  label: t("jobs.answers"),
  value: "table",
  options: [
    ["table", t("jobs.answersTable")],
    ["queue", t("jobs.answersQueue")],
  ],
  hint: t("jobs.answersHint"),
});

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
    heading(t("jobs.title")),
    el(
      "div",
      { class: "acts" },
      el("label", { for: "archive", class: "as-button" }, t("jobs.identifyZip")),
      archive,
      button(t("jobs.identifyFolder"), folder),
      button(t("jobs.update"), reindex),
      actionButton(t("jobs.upgrade"), upgrade),
      el("a", { href: "#/exchange" }, t("jobs.exchange")),
    ),
    place,
  );
  await refresh();

  function refresh() {
    const { listSignal, cards } = anew();
    return loadInto(place, async () => {
      const page = await get("/v1/jobs", { limit: 50 }, { signal: listSignal });
      if (!page.jobs.length) return empty(t("jobs.none"), t("jobs.noneText"));
      return el("ul", { class: "jobs", "aria-label": t("jobs.label") }, cards(page.jobs));
    });
  }

  async function sendZip() {
    const [file] = archive.files;
    if (!file) return;
    const started = await form(t("jobs.zipTitle", { name: file.name }), {
      fields: [answers()],
      accept: t("common.start"),
      act: (values) =>
        values.answers === "queue" ? startReview({ archive: file }) : sendFile(file),
    });
    archive.value = "";
    if (started) await refresh();
  }

  async function sendFile(file) {
    const sent = new FormData();
    sent.append("kind", "identify");
    sent.append("archive", file, file.name);
    notify(t("jobs.sending", { name: file.name }));
    return (await send("POST", "/v1/jobs", { form: sent })).json();
  }

  async function folder() {
    const started = await form(t("jobs.folderTitle"), {
      fields: [
        {
          name: "folder",
          label: t("jobs.folder"),
          required: true,
          hint: t("jobs.folderHint"),
        },
        answers(),
      ],
      accept: t("common.start"),
      act: ({ answers: where, folder: name }) =>
        where === "queue"
          ? startReview({ folder: name })
          : post("/v1/jobs", { kind: "identify", parameters: { folder: name } }),
    });
    if (started) await refresh();
  }

  async function reindex() {
    const started = await form(t("jobs.updateTitle"), {
      text: t("jobs.updateText"),
      fields: [
        {
          name: "rehash",
          label: t("jobs.check"),
          value: "no",
          options: [
            ["no", t("jobs.checkNew")],
            ["yes", t("jobs.checkAll")],
          ],
        },
      ],
      accept: t("common.start"),
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
      const advice = there.has_folder ? t("jobs.onlyPresent") : t("jobs.noFolder");
      show(
        t("jobs.noOther"),
        el("p", {}, advice),
        ...faults.map((fault) => el("p", { class: "note" }, fault)),
      );
      return;
    }
    const started = await form(t("jobs.upgradeTitle"), {
      text: t("jobs.upgradeText"),
      fields: [
        {
          name: "checkpoint",
          label: t("jobs.checkpoint"),
          value: usable[0].name,
          options: usable.map((one) => [one.name, `${one.name}${titleOf(one)}`]),
          hint: [t("jobs.checkpointHint"), ...faults].join(" "),
        },
      ],
      accept: t("common.start"),
      act: (values) => post("/v1/jobs", { kind: "upgrade", parameters: values }),
    });
    if (started) await refresh();
  }
}
