// The choice of the page's language, which this device remembers.

import { el, field } from "./dom.js";
import { LANGUAGES, chooseLanguage, language, t } from "./texts.js";

export function languageChoice() {
  const options = Object.entries(LANGUAGES).map(([value, name]) =>
    el("option", { value, lang: value, selected: value === language }, name),
  );
  const select = el("select", { onchange: () => chooseLanguage(select.value) }, options);
  return el("div", { class: "language" }, field(t("language.label"), select));
}
