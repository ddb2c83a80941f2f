// Which screen is shown, and what stands around it.

import { get, key, onMissingKey } from "./api.js";
import { requestSignIn, showWho } from "./account_menu.js";
import { put } from "./dom.js";
import { languageChoice } from "./languages.js";
import { invitation } from "./screens/access/invitation.js";
import { accounts } from "./screens/admin/accounts.js";
import { calibration } from "./screens/admin/calibration.js";
import { exchange } from "./screens/admin/exchange.js";
import { comparePhotos } from "./screens/catalogue/compare_photos.js";
import { history } from "./screens/catalogue/history.js";
import { individual } from "./screens/catalogue/individual.js";
import { individuals } from "./screens/catalogue/individuals.js";
import { jobs } from "./screens/admin/jobs.js";
import { keys } from "./screens/admin/keys.js";
import { start } from "./screens/admin/start.js";
import { queueList } from "./screens/queue/queue_list.js";
import { review } from "./screens/review/review.js";
import { lists } from "./screens/catalogue/lists.js";
import { reports } from "./screens/catalogue/reports.js";
import { unknowns } from "./screens/catalogue/unknowns.js";
import { calm, problemBox } from "./notify.js";
import { count, shortFingerprint } from "./formatting.js";
import { t } from "./texts.js";

const SCREENS = {
  review,
  queue: queueList,
  individuals,
  unknowns,
  lists,
  reports,
  compare: comparePhotos,
  history,
  calibration,
  jobs,
  exchange,
  accounts,
  keys,
  invitation,
  start,
};
// Of a screen that the menu doesn't name: where it belongs.
const PARENTS = { compare: "lists" };
const screen = document.getElementById("screen");
const menu = document.querySelector(".menu");
const manage = document.querySelector(".manage");
const manageButton = manage.querySelector("button");
let leaving = new AbortController();
let isFirst = true;

async function go() {
  const [name, ...rest] = location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  if (!(name in SCREENS)) {
    const asked = location.hash;
    const first = await firstScreen(name);
    // Somebody may have chosen a screen while this was asked.
    if (location.hash === asked) location.replace(first);
    return;
  }
  const wasFirst = isFirst;
  isFirst = false;
  leaving.abort();
  leaving = new AbortController();
  calm();
  closeMenu();
  for (const link of document.querySelectorAll("nav a")) {
    if (link.hash === `#/${PARENTS[name] ?? name}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const show = name === "individuals" && rest[0] ? individual : SCREENS[name];
  const shown = leaving.signal;
  try {
    await show(screen, { rest, signal: shown });
  } catch (error) {
    if (error.name !== "AbortError" && !shown.aborted) put(screen, problemBox(error));
  }
  if (shown.aborted) return;
  // Somebody has begun to use it while the rest was still coming.
  if (screen !== document.activeElement && screen.contains(document.activeElement)) return;
  // A new screen is read from its heading; the first one is left to the browser.
  if (!wasFirst) screen.querySelector("h1")?.focus({ preventScroll: true });
  window.scrollTo(0, 0);
}

// Whoever opens the page on an empty catalogue is shown how to fill it.
async function firstScreen(name) {
  if (name) return "#/review";
  const both = [get("/v1/stats"), get("/v1/queue", { limit: 1 })];
  const [stats, queue] = await Promise.all(both).catch(() => []);
  return stats?.photos === 0 && queue.waiting === 0 ? "#/start" : "#/review";
}

function closeMenu() {
  for (const opener of [menu, manageButton]) opener.setAttribute("aria-expanded", "false");
}

const toggle = ({ currentTarget: opener }) =>
  opener.setAttribute("aria-expanded", String(opener.getAttribute("aria-expanded") !== "true"));

async function served() {
  const place = document.getElementById("served");
  const [version, stats] = await Promise.all([
    get("/v1/version"),
    get("/v1/stats").catch(() => null),
  ]);
  const parts = [`flukeprint ${version.flukeprint}`];
  if (stats)
    parts.push(
      t("nav.catalogue", {
        individuals: count(stats.individuals, "individual"),
        photos: count(stats.photos, "photo"),
      }),
    );
  if (version.catalogue_revision !== null)
    parts.push(
      t("nav.revision", { revision: version.catalogue_revision }),
      t("nav.checkpoint", { fingerprint: shortFingerprint(version.fingerprint) }),
    );
  put(place, parts.join(" · "));
}

async function signIn(problem) {
  if (await requestSignIn({ wasRefused: Boolean(key.get()) })) return;
  problem.detail = t("nav.notSignedIn");
  throw problem;
}

document.getElementById("key").addEventListener("click", async () => {
  if (key.get()) {
    key.forget();
    await showWho();
  } else await requestSignIn();
  served().catch(() => undefined);
  go();
});
menu.addEventListener("click", toggle);
manageButton.addEventListener("click", toggle);
manage.addEventListener("focusout", (event) => {
  if (!manage.contains(event.relatedTarget)) manageButton.setAttribute("aria-expanded", "false");
});
manage.addEventListener("keydown", (event) => {
  // Where the links are all shown, as on a phone, the button is hidden and takes no focus.
  if (event.key === "Escape") manageButton.focus();
});
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();
  screen.focus();
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenu();
});
window.addEventListener("hashchange", go);
window.addEventListener("flukeprint:changed", () => served().catch(() => undefined));

for (const node of document.querySelectorAll("[data-text]")) put(node, t(node.dataset.text));
for (const node of document.querySelectorAll("[data-label]"))
  node.setAttribute("aria-label", t(node.dataset.label));
put(document.getElementById("language"), languageChoice());
onMissingKey(signIn);
showWho();
// Whoever opens an invitation has nothing to sign in with yet.
if (!location.hash.startsWith("#/invitation/")) served().catch(() => undefined);
go();
