// All known individuals, to browse and to search.

import { get } from "../../api.js";
import { el, field, put } from "../../dom.js";
import { empty, heading, individualCard, loadInto, pagedList } from "../../widgets.js";
import { count, species } from "../../formatting.js";

const PAUSE_MS = 250;

export async function individuals(screen, { signal }) {
  const input = el("input", {
    type: "search",
    autocomplete: "off",
    spellcheck: "false",
    placeholder: "a name, an old id, a note",
  });
  const kind = el("select", {}, el("option", { value: "" }, "all species"));
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
    field("Search", input),
    field("Species", kind),
  );
  put(screen, heading("Individuals", total), search, place);
  get("/v1/stats", {}, { signal })
    .then((stats) => {
      put(total, count(stats.individuals, "individual"));
      kind.append(
        ...stats.species
          .filter((one) => one.species)
          .map((one) =>
            el("option", { value: one.species }, `${species(one.species)} (${one.individuals})`),
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
          holder: el("ul", { class: "cards", "aria-label": "Individuals" }),
          none: () =>
            text || kind.value
              ? empty(
                  "No individual found",
                  text
                    ? `No name or note contains “${text}”. Try a shorter part of it.`
                    : `The catalogue has no ${species(kind.value)}.`,
                )
              : empty(
                  "No individuals yet",
                  "Bring in photos of known animals, or add photos and make the first individual.",
                  el("a", { href: "#/start" }, "Bring in your catalogue"),
                  el("a", { href: "#/review" }, "Go to review"),
                ),
        },
      ),
    );
  }
}
