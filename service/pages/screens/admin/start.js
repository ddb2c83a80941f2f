// The first visit: a catalogue that holds nothing yet is filled by dropping one here.

import { get } from "../../api.js";
import { el, put } from "../../dom.js";
import { count } from "../../formatting.js";
import { languageChoice } from "../../languages.js";
import { attempt } from "../../notify.js";
import { t, tNodes } from "../../texts.js";
import { heading, loadInto } from "../../widgets.js";
import { resultOf } from "./exchange_report.js";
import { importZone } from "./import_zone.js";
import { jobLists } from "./job_card.js";

export async function start(screen, { signal }) {
  const place = el("div");
  const ending = el("div");
  const begin = el("a", { href: "#/review" }, t("start.begin"));
  const intro = el("p", {}, tNodes("start.intro", { begin }));
  const zone = importZone({ refresh, title: t("start.drop"), isFirst: true });
  const anew = jobLists({ signal, again: refresh });
  put(screen, heading(t("start.welcome")), intro, zone, ending, place, languageChoice());
  await Promise.all([refresh(), showReady()]); // a bookmark may lead here later, too

  function refresh() {
    const { listSignal, cards } = anew();
    return loadInto(place, async () => {
      const page = await get("/v1/jobs", { limit: 20 }, { signal: listSignal });
      const imports = page.jobs.filter((job) => job.kind === "import");
      const isOver = ({ state }) => state === "cancelled" || state === "failed";
      const done = new Set(
        imports.filter((job) => !isOver(job)).map((job) => job.parameters.dry_run),
      );
      const result = (ended) => {
        if (ended.state === "succeeded" && ended.parameters.dry_run) showReady();
        return resultOf(ended, done.has(ended.id), signal, refresh);
      };
      if (!imports.length) return [];
      const label = t("start.imports");
      return el("ul", { class: "jobs", "aria-label": label }, cards(imports, result));
    });
  }

  async function showReady() {
    const stats = await attempt(() => get("/v1/stats", {}, { signal }));
    if (!stats?.photos) return;
    put(ending, ready(stats));
    intro.remove();
    zone.remove();
    window.dispatchEvent(new Event("flukeprint:changed"));
  }
}

function ready(stats) {
  const known = {
    individuals: count(stats.individuals, "individual"),
    photos: count(stats.photos, "photo"),
  };
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, t("start.ready")),
    el("p", {}, t("start.readyText", known)),
    el(
      "p",
      { class: "acts" },
      el("a", { href: "#/individuals", class: "as-button first" }, t("start.look")),
      el("a", { href: "#/review", class: "as-button" }, t("start.add")),
    ),
  );
}
