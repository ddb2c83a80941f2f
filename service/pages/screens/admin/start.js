// The first visit: a catalogue that holds nothing yet is filled by dropping one here.

import { get } from "../../api.js";
import { el, put } from "../../dom.js";
import { count } from "../../formatting.js";
import { attempt } from "../../notify.js";
import { heading, loadInto } from "../../widgets.js";
import { resultOf } from "./exchange_report.js";
import { importZone } from "./import_zone.js";
import { jobLists } from "./job_card.js";

export async function start(screen, { signal }) {
  const place = el("div");
  const ending = el("div");
  const intro = el(
    "p",
    {},
    "The catalogue is empty. Drop your photos of known animals, look at the report, then start " +
      "the import. ",
    el("a", { href: "#/review" }, "Begin without a catalogue"),
    ": add photos and name the animals as you go.",
  );
  const zone = importZone({ refresh, title: "Drop your catalogue here", isFirst: true });
  const anew = jobLists({ signal, again: refresh });
  put(
    screen,
    heading("Welcome to flukeprint"),
    intro,
    zone,
    ending,
    place,
  );
  await refresh();

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
      const label = "Imports, newest first";
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
  const known = `${count(stats.individuals, "individual")} and ${count(stats.photos, "photo")}`;
  return el(
    "div",
    { class: "empty" },
    el("h2", {}, "Your catalogue is ready"),
    el("p", {}, `It has ${known}. New photos are compared with them from now on.`),
    el(
      "p",
      { class: "acts" },
      el("a", { href: "#/individuals", class: "as-button first" }, "Look at the individuals"),
      el("a", { href: "#/review", class: "as-button" }, "Add new photos"),
    ),
  );
}
