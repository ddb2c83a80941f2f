// The work list of individuals that may be the same animal.

import { el, put } from "../../dom.js";
import { t } from "../../texts.js";
import { heading, loadInto } from "../../widgets.js";
import { onPairKey, pairs } from "./pairs.js";

export async function lists(screen, { rest, signal }) {
  if (rest[0] === "clusters") {
    location.replace("#/unknowns"); // where older links lead
    return;
  }
  const place = el("div");
  put(screen, heading(t("pairs.title")), place);
  const again = () => loadInto(place, () => pairs({ signal, again }));
  document.addEventListener("keydown", (event) => onPairKey(event, screen, again), { signal });
  await again();
}
