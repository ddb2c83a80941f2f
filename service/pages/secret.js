// A secret that is shown once, to be copied.

import { show } from "./dialog.js";
import { button, el } from "./dom.js";
import { notify } from "./notify.js";
import { t } from "./texts.js";

export function showSecret(title, text, label, value) {
  const secret = el("input", {
    type: "text",
    readonly: true,
    value,
    id: "secret",
    class: "secret",
    onfocus: (event) => event.target.select(),
  });
  show(
    title,
    el("p", {}, text),
    el("label", { for: "secret" }, label),
    secret,
    el(
      "p",
      { class: "acts" },
      button(t("common.copy"), async () => {
        secret.select();
        // Over http from another machine there is no clipboard: the text is selected all the same.
        await navigator.clipboard?.writeText(value).catch(() => undefined);
        notify(t("common.copied", { label }));
      }),
    ),
  );
}
