// Signing in, and the menu of who is signed in.

import { key } from "./api.js";
import { form } from "./dialog.js";
import { button, el, put } from "./dom.js";
import { attempt, notify } from "./notify.js";
import { changePassword, PASSWORD_HINT, REMEMBER, signIn, signOut, whoAsks } from "./session.js";

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
  const answer = await form("Sign in", {
    text: key.get() ? "Your key doesn't work any more. Sign in, or use another key." : null,
    fields: [
      { name: "name", label: "Name", required: true, max: 64, autocomplete: "username" },
      {
        name: "password",
        label: "Password",
        type: "password",
        required: true,
        autocomplete: "current-password",
        isVerbatim: true,
        hint: "Forgotten? Ask your administrator for a link.",
      },
      { name: "remember", label: REMEMBER, type: "checkbox" },
    ],
    accept: "Sign in",
    other: "Use an API key",
    act: async (values) => {
      await signIn(values);
      key.forget();
    },
  });
  return answer === "other" ? keyForm(false) : answer !== undefined;
}

async function keyForm(wasRefused) {
  const entered = await form("Enter your key", {
    text: wasRefused
      ? "That key doesn't work. Ask your administrator for a new one."
      : "This service needs an API key. The page keeps it until this tab is closed.",
    fields: [{ name: "secret", label: "API key", type: "password", required: true }],
    accept: "Use this key",
    act: ({ secret }) => key.set(secret),
  });
  return entered !== undefined;
}

// Show who is signed in, at the top, and how to change that.
export async function showWho() {
  const who = await whoAsks().catch(() => null);
  const isPerson = who?.by === "account";
  put(place, isPerson ? menu(who) : null);
  put(footer, key.get() ? "Forget the key" : who?.has_accounts ? "Sign in" : "Use a key");
  footer.hidden = isPerson;
}

function menu(who) {
  const list = el(
    "ul",
    { id: "account-acts", hidden: true },
    [
      ["Change password …", () => newPassword()],
      ["Sign out", () => leave({})],
      ["Sign out on all devices", () => leave({ everywhere: true })],
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
  const opener = button(
    who.name,
    () => open(list.hidden),
    {
      class: "quiet",
      "aria-expanded": "false",
      "aria-controls": "account-acts",
      title: `Signed in with the role ${who.role}`,
    },
  );
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
  const changed = await form("Change your password", {
    text: "Your other devices are signed out.",
    fields: [
      { ...word, name: "password", label: "Present password", autocomplete: "current-password" },
      {
        ...word,
        name: "new_password",
        label: "New password",
        autocomplete: "new-password",
        hint: PASSWORD_HINT,
      },
    ],
    accept: "Change it",
    act: changePassword,
  });
  if (changed) notify("Your password is changed.");
}

async function leave(choice) {
  await attempt(async () => {
    await signOut(choice);
    // What the page holds is of somebody who has left.
    location.reload();
  });
}
