// Anybody can be confirmed: a search over all individuals, by keyboard.

import { get } from "../../api.js";
import { show } from "../../dialog.js";
import { el, field, put } from "../../dom.js";
import { count, daysText } from "../../formatting.js";
import { messageOf } from "../../notify.js";
import { thumbnail, urlOf } from "../../photo.js";
import { listText, t } from "../../texts.js";
import { displayName } from "../../widgets.js";

const MOST = 20;
const PAUSE_MS = 150; // in typing, after which is searched

// Resolves to the id of the individual that a person chooses, or to null.
export function findIndividual(title) {
  return new Promise((resolve) => new Search(title, resolve));
}

class Search {
  constructor(title, resolve) {
    this.found = [];
    this.at = -1;
    this.asked = 0;
    this.chosen = null;
    this.input = el("input", {
      type: "text", // in one for searches, Escape empties it rather than closing the dialog
      autocomplete: "off",
      spellcheck: "false",
      role: "combobox",
      "aria-expanded": "true",
      "aria-controls": "found-individuals",
      oninput: () => this.wait(),
      onkeydown: (event) => this.onkey(event),
    });
    this.list = el("ul", {
      class: "found",
      id: "found-individuals",
      role: "listbox",
      "aria-label": t("common.individuals"),
    });
    this.status = el("p", { class: "hint", role: "status" });
    const hint = t("search.hint");
    this.dialog = show(
      title,
      field(t("common.individual"), this.input, hint),
      this.status,
      this.list,
    );
    this.dialog.classList.add("whole-catalogue");
    this.dialog.addEventListener("close", () => resolve(this.chosen));
    this.input.focus();
    this.search();
  }

  wait() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.search(), PAUSE_MS);
  }

  async search() {
    clearTimeout(this.timer);
    this.timer = null;
    this.asked += 1;
    const own = this.asked;
    try {
      const search = this.input.value.trim();
      const page = await get("/v1/individuals", { search, limit: MOST });
      if (own !== this.asked) return;
      this.found = page.individuals;
      // Enter on what nobody searched for would confirm whoever stands first.
      this.at = search ? 0 : -1;
      const more = page.next ? t("search.more", { many: MOST }) : "";
      put(this.status, this.found.length ? more : t("search.nobody"));
      this.draw();
    } catch (error) {
      if (own === this.asked) put(this.status, messageOf(error));
    }
  }

  draw() {
    put(
      this.list,
      this.found.map((one, at) => this.entry(one, at)),
    );
    const marked = this.list.children[this.at];
    if (marked) this.input.setAttribute("aria-activedescendant", marked.id);
    else this.input.removeAttribute("aria-activedescendant");
    marked?.scrollIntoView({ block: "nearest" });
  }

  entry(one, at) {
    const seen = daysText([one.first_seen, one.last_seen]);
    const others = [
      one.display_name && one.display_name !== one.name ? one.name : null,
      ...one.other_names,
    ].filter(Boolean);
    const facts = [listText(others), count(one.photos, "photo"), seen];
    return el(
      "li",
      {
        id: `found-${at}`,
        role: "option",
        "aria-selected": String(at === this.at),
        onclick: () => this.choose(at),
      },
      one.cover
        ? thumbnail(one.cover_url || urlOf(one.cover), one.cover, { size: 120, alt: "" })
        : el("span", { class: "thumb none" }, t("common.noPhoto")),
      el(
        "span",
        { class: "about" },
        el("b", {}, displayName(one)),
        el("span", { class: "facts" }, facts.filter(Boolean).join(" · ")),
      ),
    );
  }

  onkey(event) {
    const steps = { ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps && this.found.length) {
      event.preventDefault();
      const many = this.found.length;
      const from = Math.max(this.at, event.key === "ArrowUp" ? 0 : -1);
      this.at = (from + steps[event.key] + many) % many;
      this.draw();
    } else if (event.key === "Enter") {
      event.preventDefault();
      this.enter();
    }
  }

  // What was typed last counts, also where its answer has not come yet.
  async enter() {
    if (this.timer) await this.search();
    this.choose(this.at);
  }

  choose(at) {
    const one = this.found[at];
    if (!one) return;
    this.chosen = one.name;
    this.dialog.close();
  }
}
