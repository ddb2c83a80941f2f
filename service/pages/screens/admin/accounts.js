// Who signs in with name and password: invited, given a role, deactivated.

import { get, patch, path, post, remove } from "../../api.js";
import { showWho } from "../../account_menu.js";
import { form } from "../../dialog.js";
import { actionButton, el, put } from "../../dom.js";
import { when } from "../../formatting.js";
import { attempt, notify } from "../../notify.js";
import { ROLES } from "../../roles.js";
import { showSecret } from "../../secret.js";
import { acceptInvitation, PASSWORD_HINT, REMEMBER, whoAsks } from "../../session.js";
import { hiddenHead, table, tableRow } from "../../tables.js";
import { empty, heading, loadInto } from "../../widgets.js";

export async function accounts(screen, { signal }) {
  const place = el("div");
  put(screen, heading("Accounts"), place);
  await refresh();

  function refresh() {
    return loadInto(place, async () => {
      const [{ accounts: found }, { invitations }, who] = await Promise.all([
        get("/v1/accounts", {}, { signal }),
        get("/v1/invitations", {}, { signal }),
        whoAsks(),
      ]);
      if (who.by === "open") return firstOne();
      const invite = actionButton("Invite somebody …", inviteSomebody, { class: "first" });
      return [
        el("p", { class: "acts" }, invite),
        found.length ? accountTable(found) : nobody(),
        invitations.length ? invitationTable(invitations) : null,
      ];
    });
  }

  function nobody() {
    return empty(
      "No accounts yet",
      "Everybody uses a key. Invite people, and they choose a name and a password themselves.",
    );
  }

  function firstOne() {
    return empty(
      "No accounts yet",
      "Anyone on this machine may do everything. The first account, an admin's, locks the " +
        "service: from then on everybody signs in or sends a key.",
      actionButton("Make the first account …", makeFirst, { class: "first" }),
    );
  }

  async function makeFirst() {
    let invited = null; // one for all tries: a refused password leaves no second invitation open
    const made = await form("Make the first account", {
      text: "It may do everything, and invites the others.",
      fields: [
        { name: "name", label: "Name", required: true, max: 64, autocomplete: "username" },
        {
          name: "password",
          label: "Password",
          type: "password",
          required: true,
          isVerbatim: true,
          autocomplete: "new-password",
          hint: PASSWORD_HINT,
        },
        { name: "remember", label: REMEMBER, type: "checkbox" },
      ],
      accept: "Make the account",
      act: async (values) => {
        invited ??= await post("/v1/invitations", { role: "admin" });
        return acceptInvitation({ token: invited.token, ...values });
      },
    });
    if (!made) {
      if (invited) await attempt(() => remove(path("/v1/invitations", invited.id)));
      return;
    }
    await showWho();
    notify("You are signed in.");
    await refresh();
  }

  async function inviteSomebody() {
    const made = await form("Invite somebody", {
      text: "You get a link to send. Whoever opens it chooses a name and a password, once.",
      fields: [
        { name: "name", label: "Name (they may change it)", max: 64 },
        { name: "role", label: "Role", value: "curate", options: ROLES },
        { name: "days", label: "The link is good for", value: "7", options: DAYS },
      ],
      accept: "Make the link",
      act: ({ name, role, days }) =>
        post("/v1/invitations", { role, days: Number(days), name: name || null }),
    });
    if (made) await linkOf(made);
  }

  async function linkOf(made) {
    showSecret(
      made.name ? `The link for ${made.name}` : "The link",
      `Send it to one person. It works once, until ${when(made.expires_at)}. Copy it now.`,
      "Link",
      new URL(made.path, location.href).href,
    );
    await refresh();
  }

  function accountTable(found) {
    const heads = ["Name", "Role", "Created", "Last signed in", hiddenHead("Actions")];
    return table(heads, found.map(accountRow));
  }

  function accountRow(one) {
    const small = (label, act, more = "") =>
      actionButton(label, act, {
        class: `quiet small ${more}`,
        "aria-label": `${label.replace(" …", "")}: ${one.name}`,
      });
    const acts = one.deactivated_at
      ? [small("Activate", () => change(one, { is_active: true }))]
      : [
          small("Role …", () => chooseRole(one)),
          small("New password …", () => newLink(one)),
          small("Sign out", () => signOutDevices(one)),
          small("Deactivate …", () => deactivate(one), "danger"),
        ];
    return tableRow(
      [
        one.name,
        one.deactivated_at ? `${one.role}, deactivated ${when(one.deactivated_at)}` : one.role,
        when(one.created_at),
        when(one.last_signed_in_at) || "never",
        el("div", { class: "row-acts" }, acts),
      ],
      { class: one.deactivated_at ? "is-undone" : null },
    );
  }

  function invitationTable(found) {
    const heads = ["For", "Role", "Invited by", "Good until", hiddenHead("Actions")];
    return [
      el("h2", {}, "Open invitations"),
      table(
        heads,
        found.map((one) =>
          tableRow([
            one.account_id ? `${one.name} (new password)` : one.name || "somebody",
            one.role,
            one.made_by,
            when(one.expires_at),
            actionButton("Withdraw", () => withdraw(one), {
              class: "quiet small danger",
              "aria-label": `Withdraw the invitation of ${one.name || "somebody"}`,
            }),
          ]),
        ),
      ),
    ];
  }

  async function change(one, values) {
    await attempt(() => patch(path("accounts", one.id), values));
    await attempt(refresh);
  }

  async function chooseRole(one) {
    const done = await form(`Role of ${one.name}`, {
      text: "It counts from the next click on.",
      fields: [{ name: "role", label: "Role", value: one.role, options: ROLES }],
      act: (values) => patch(path("accounts", one.id), values),
    });
    if (done) await attempt(refresh);
  }

  async function newLink(one) {
    const made = await form(`New password for ${one.name}`, {
      text: `You get a link to send to ${one.name}. The present password works until it is used.`,
      accept: "Make the link",
      act: () => post("/v1/invitations", { account: one.id }),
    });
    if (made) await linkOf(made);
  }

  async function signOutDevices(one) {
    const done = await attempt(() => remove(`${path("accounts", one.id)}/sessions`));
    if (done) notify(`${one.name} is signed out on all devices.`);
  }

  async function deactivate(one) {
    const sure = await form(`Deactivate the account of ${one.name}?`, {
      text: "Their devices are signed out at once. You can activate the account again.",
      accept: "Deactivate",
      danger: true,
      act: () => patch(path("accounts", one.id), { is_active: false }),
    });
    if (sure) await attempt(refresh);
  }

  async function withdraw(one) {
    await attempt(() => remove(path("invitations", one.id)));
    await attempt(refresh);
  }
}

const DAYS = [
  ["1", "1 day"],
  ["7", "7 days"],
  ["30", "30 days"],
];
