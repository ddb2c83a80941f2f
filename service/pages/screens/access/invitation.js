// An invited person makes their account, or sets a new password.

import { key } from "../../api.js";
import { showWho } from "../../account_menu.js";
import { el, field, put } from "../../dom.js";
import { when } from "../../formatting.js";
import { problemBox } from "../../notify.js";
import { roleText } from "../../roles.js";
import { acceptInvitation, readInvitation, PASSWORD_HINT, REMEMBER } from "../../session.js";
import { heading, loadInto } from "../../widgets.js";

export async function invitation(screen, { rest }) {
  const token = rest.join("/");
  const place = el("div");
  put(screen, heading("Welcome to flukeprint"), place);
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
    offer.is_new_password ? "Set the password" : "Make my account",
  );
  const body = el(
    "form",
    { class: "narrow" },
    el(
      "p",
      {},
      offer.is_new_password
        ? `Choose a new password for ${offer.name}. Your other devices are signed out.`
        : `You are invited, with the role ${roleText(offer.role)}. Choose a name and a password.`,
    ),
    field("Name", name, offer.is_new_password ? null : "The history shows it to your colleagues."),
    field("Password", password, PASSWORD_HINT),
    el("p", { class: "check" }, remember, el("label", { for: "remember" }, REMEMBER)),
    refusal,
    el("p", { class: "acts" }, send),
    el("p", { class: "facts" }, `This link works once, until ${when(offer.expires_at)}.`),
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
