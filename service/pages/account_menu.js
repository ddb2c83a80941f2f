// Signing in, and the menu of who is signed in.

import { key } from "./api.js";
import { form } from "./dialog.js";
import { button, el, put } from "./dom.js";
import { languageChoice } from "./languages.js";
import { attempt, notify } from "./notify.js";
import { changePassword, PASSWORD_HINT, REMEMBER, signIn, signOut, whoAsks } from "./session.js";
import { t } from "./texts.js";

const place = document.getElementById("account");
const footer = document.getElementById("key");

// Ask who it is: by name and password where there are accounts, else by a key. Resolves to whether
// somebody said so.
export async function requestSignIn({ wasRefused = false } = {}) {
  const who = await whoAsks().catch(() => null);
  const isDone = who?.has_accounts ? await signInForm() : await keyForm(wasRefused);
  await showWho();
  return isDone;
}

async function signInForm() {
  const answer = await form(t("account.signIn"), {
    text: key.get() ? t("account.keyStale") : null,
    fields: [
      { name: "name", label: t("common.name"), required: true, max: 64, autocomplete: "username" },
      {
        name: "password",
        label: t("common.password"),
        type: "password",
        required: true,
        autocomplete: "current-password",
        isVerbatim: true,
        hint: t("account.forgotten"),
      },
      { name: "remember", label: REMEMBER, type: "checkbox" },
    ],
    accept: t("account.signIn"),
    other: t("account.useKey"),
    extra: languageChoice(),
    act: async (values) => {
      await signIn(values);
      key.forget();
    },
  });
  return answer === "other" ? keyForm(false) : answer !== undefined;
}

async function keyForm(wasRefused) {
  const entered = await form(t("account.enterKey"), {
    text: wasRefused ? t("account.keyWrong") : t("account.keyNeeded"),
    fields: [{ name: "secret", label: t("account.apiKey"), type: "password", required: true }],
    accept: t("account.useThisKey"),
    extra: languageChoice(),
    act: ({ secret }) => key.set(secret),
  });
  return entered !== undefined;
}

// Show who is signed in, at the top, and how to change that.
export async function showWho() {
  const who = await whoAsks().catch(() => null);
  const isPerson = who?.by === "account";
  put(place, isPerson ? menu(who) : null);
  put(
    footer,
    key.get()
      ? t("account.forgetKey")
      : who?.has_accounts
        ? t("account.signIn")
        : t("account.useAKey"),
  );
  footer.hidden = isPerson;
  const isAdmin = who?.by === "open" || who?.role === "admin";
  for (const entry of document.querySelectorAll(".for-admins")) entry.hidden = !isAdmin;
}

function menu(who) {
  const list = el(
    "ul",
    { id: "account-acts", hidden: true },
    [
      [t("account.changePassword"), () => newPassword()],
      [t("account.signOut"), () => leave({})],
      [t("account.signOutEverywhere"), () => leave({ everywhere: true })],
    ].map(([label, act]) =>
      el(
        "li",
        {},
        button(
          label,
          () => {
            open(false);
            act();
          },
          { class: "quiet" },
        ),
      ),
    ),
  );
  const opener = button(who.name, () => open(list.hidden), {
    class: "quiet",
    "aria-expanded": "false",
    "aria-controls": "account-acts",
    title: t("account.signedInAs", { role: who.role }),
  });
  const whole = el("div", { class: "account-menu" }, opener, list);
  whole.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || list.hidden) return;
    event.stopPropagation();
    open(false);
    opener.focus();
  });
  whole.addEventListener("focusout", (event) => {
    if (!whole.contains(event.relatedTarget)) open(false);
  });
  return whole;

  function open(isOpen) {
    list.hidden = !isOpen;
    opener.setAttribute("aria-expanded", String(isOpen));
  }
}

async function newPassword() {
  const word = { type: "password", required: true, isVerbatim: true };
  const changed = await form(t("account.changeYours"), {
    text: t("account.othersOut"),
    fields: [
      { ...word, name: "password", label: t("account.present"), autocomplete: "current-password" },
      {
        ...word,
        name: "new_password",
        label: t("account.new"),
        autocomplete: "new-password",
        hint: PASSWORD_HINT,
      },
    ],
    accept: t("account.changeIt"),
    act: changePassword,
  });
  if (changed) notify(t("account.changed"));
}

async function leave(choice) {
  await attempt(async () => {
    await signOut(choice);
    // What the page holds is of somebody who has left.
    location.reload();
  });
}
