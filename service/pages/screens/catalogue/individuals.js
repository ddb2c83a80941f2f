// All known individuals, to browse and to search.

import { get } from "../../api.js";
import { el, field, put } from "../../dom.js";
import { empty, heading, individualCard, loadInto, pagedList } from "../../widgets.js";
import { count, species } from "../../formatting.js";
import { numberText, t } from "../../texts.js";

const PAUSE_MS = 250;

export async function individuals(screen, { signal }) {
  const input = el("input", {
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: t("individuals.example"),
  });
  const kind = el("select", {}, el("option", { value: "" }, t("common.allSpecies")));
  const total = el("span", { class: "heading-note" });
  const place = el("div");
  let pause = 0;
  const later = () => {
    clearTimeout(pause);
    pause = setTimeout(refresh, PAUSE_MS);
  };
  input.addEventListener("input", later);
  kind.addEventListener("change", refresh);
  const search = el(
    "form",
    {
      role: "search",
      class: "search",
      onsubmit: (event) => {
        event.preventDefault();
        refresh();
      },
    },
    field(t("individuals.search"), input),
    field(t("common.species"), kind),
  );
  put(screen, heading(t("individuals.title"), total), search, place);
  get("/v1/stats", {}, { signal })
    .then((stats) => {
      put(total, count(stats.individuals, "individual"));
      kind.append(
        ...stats.species
          .filter((one) => one.species)
          .map((one) =>
            el(
              "option",
              { value: one.species },
              t("individuals.speciesCount", {
                species: species(one.species),
                individuals: numberText(one.individuals),
              }),
            ),
          ),
      );
    })
    .catch(() => undefined);
  await refresh();

  function refresh() {
    const text = input.value.trim();
    return loadInto(place, () =>
      pagedList(
        "/v1/individuals",
        { search: text, species: kind.value, limit: 48 },
        {
          things: "individuals",
          one: individualCard,
          signal,
          holder: el("ul", { class: "cards", "aria-label": t("individuals.title") }),
          none: () =>
            text || kind.value
              ? empty(
                  t("individuals.notFound"),
                  text
                    ? t("individuals.notFoundText", { text })
                    : t("individuals.noSpecies", { species: species(kind.value) }),
                )
              : empty(
                  t("individuals.none"),
                  t("individuals.noneText"),
                  el("a", { href: "#/start" }, t("individuals.bringIn")),
                  el("a", { href: "#/review" }, t("common.goToReview")),
                ),
        },
      ),
    );
  }
}
