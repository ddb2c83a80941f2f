// An invited person makes their account, or sets a new password.

import { key } from "../../api.js";
import { showWho } from "../../account_menu.js";
import { el, field, put } from "../../dom.js";
import { when } from "../../formatting.js";
import { languageChoice } from "../../languages.js";
import { problemBox } from "../../notify.js";
import { roleText } from "../../roles.js";
import { acceptInvitation, readInvitation, PASSWORD_HINT, REMEMBER } from "../../session.js";
import { t } from "../../texts.js";
import { heading, loadInto } from "../../widgets.js";

export async function invitation(screen, { rest }) {
  const token = rest.join("/");
  const place = el("div");
  put(screen, heading(t("start.welcome")), place, languageChoice());
  await loadInto(place, async () => acceptance(token, await readInvitation(token)));
}

function acceptance(token, offer) {
  const name = el("input", {
    type: "text",
    required: true,
    maxlength: 64,
    value: offer.name || "",
    readonly: offer.is_new_password,
    autocomplete: "username",
    spellcheck: "false",
  });
  const password = el("input", { type: "password", required: true, autocomplete: "new-password" });
  const remember = el("input", { type: "checkbox", id: "remember" });
  const refusal = el("div");
  const send = el(
    "button",
    { type: "submit", class: "first" },
    offer.is_new_password ? t("invitation.setPassword") : t("invitation.make"),
  );
  const body = el(
    "form",
    { class: "narrow" },
    el(
      "p",
      {},
      offer.is_new_password
        ? t("invitation.newPassword", { name: offer.name })
        : t("invitation.text", { role: roleText(offer.role) }),
    ),
    field(t("common.name"), name, offer.is_new_password ? null : t("invitation.nameHint")),
    field(t("common.password"), password, PASSWORD_HINT),
    el("p", { class: "check" }, remember, el("label", { for: "remember" }, REMEMBER)),
    refusal,
    el("p", { class: "acts" }, send),
    el("p", { class: "facts" }, t("invitation.once", { until: when(offer.expires_at) })),
  );
  body.addEventListener("submit", async (event) => {
    event.preventDefault();
    send.disabled = true;
    try {
      await acceptInvitation({
        token,
        name: name.value.trim(),
        password: password.value,
        remember: remember.checked,
      });
      key.forget();
      await showWho();
      location.replace("#/review");
      window.dispatchEvent(new Event("flukeprint:changed"));
    } catch (error) {
      put(refusal, problemBox(error));
    } finally {
      send.disabled = false;
    }
  });
  return body;
}
