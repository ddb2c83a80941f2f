// Who signs in with name and password: invited, given a role, deactivated.

import { get, patch, path, post, remove } from "../../api.js";
import { showWho } from "../../account_menu.js";
import { form } from "../../dialog.js";
import { actionButton, el, put } from "../../dom.js";
import { count, when } from "../../formatting.js";
import { attempt, notify } from "../../notify.js";
import { ROLES } from "../../roles.js";
import { showSecret } from "../../secret.js";
import { acceptInvitation, PASSWORD_HINT, REMEMBER, whoAsks } from "../../session.js";
import { hiddenHead, table, tableRow } from "../../tables.js";
import { t } from "../../texts.js";
import { empty, heading, loadInto } from "../../widgets.js";

export async function accounts(screen, { signal }) {
  const place = el("div");
  put(screen, heading(t("accounts.title")), place);
  await refresh();

  function refresh() {
    return loadInto(place, async () => {
      const [{ accounts: found }, { invitations }, who] = await Promise.all([
        get("/v1/accounts", {}, { signal }),
        get("/v1/invitations", {}, { signal }),
        whoAsks(),
      ]);
      if (who.by === "open") return firstOne();
      const invite = actionButton(t("accounts.invite"), inviteSomebody, { class: "first" });
      return [
        el("p", { class: "acts" }, invite),
        found.length ? accountTable(found) : nobody(),
        invitations.length ? invitationTable(invitations) : null,
      ];
    });
  }

  function nobody() {
    return empty(t("accounts.none"), t("accounts.noneText"));
  }

  function firstOne() {
    return empty(
      t("accounts.none"),
      t("accounts.openText"),
      actionButton(t("accounts.makeFirst"), makeFirst, { class: "first" }),
    );
  }

  async function makeFirst() {
    let invited = null; // one for all tries: a refused password leaves no second invitation open
    const made = await form(t("accounts.makeFirstTitle"), {
      text: t("accounts.firstText"),
      fields: [
        {
          name: "name",
          label: t("common.name"),
          required: true,
          max: 64,
          autocomplete: "username",
        },
        {
          name: "password",
          label: t("common.password"),
          type: "password",
          required: true,
          isVerbatim: true,
          autocomplete: "new-password",
          hint: PASSWORD_HINT,
        },
        { name: "remember", label: REMEMBER, type: "checkbox" },
      ],
      accept: t("accounts.make"),
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
    notify(t("accounts.signedIn"));
    await refresh();
  }

  async function inviteSomebody() {
    const made = await form(t("accounts.inviteTitle"), {
      text: t("accounts.inviteText"),
      fields: [
        { name: "name", label: t("accounts.nameHint"), max: 64 },
        { name: "role", label: t("common.role"), value: "curate", options: ROLES },
        { name: "days", label: t("accounts.goodFor"), value: "7", options: DAYS },
      ],
      accept: t("accounts.makeLink"),
      act: ({ name, role, days }) =>
        post("/v1/invitations", { role, days: Number(days), name: name || null }),
    });
    if (made) await linkOf(made);
  }

  async function linkOf(made) {
    showSecret(
      made.name ? t("accounts.linkFor", { name: made.name }) : t("accounts.theLink"),
      t("accounts.linkText", { until: when(made.expires_at) }),
      t("accounts.link"),
      new URL(made.path, location.href).href,
    );
    await refresh();
  }

  function accountTable(found) {
    const heads = [
      t("common.name"),
      t("common.role"),
      t("common.created"),
      t("accounts.lastSignedIn"),
      hiddenHead(t("common.actions")),
    ];
    return table(heads, found.map(accountRow));
  }

  function accountRow(one) {
    const small = (label, act, more = "") =>
      actionButton(label, act, {
        class: `quiet small ${more}`,
        "aria-label": t("accounts.actOf", { act: label.replace(" …", ""), name: one.name }),
      });
    const acts = one.deactivated_at
      ? [small(t("accounts.activate"), () => change(one, { is_active: true }))]
      : [
          small(t("accounts.roleAct"), () => chooseRole(one)),
          small(t("accounts.newPassword"), () => newLink(one)),
          small(t("accounts.signOut"), () => signOutDevices(one)),
          small(t("accounts.deactivateAct"), () => deactivate(one), "danger"),
        ];
    return tableRow(
      [
        one.name,
        one.deactivated_at
          ? t("accounts.deactivated", { role: one.role, at: when(one.deactivated_at) })
          : one.role,
        when(one.created_at),
        when(one.last_signed_in_at) || t("common.never"),
        el("div", { class: "row-acts" }, acts),
      ],
      { class: one.deactivated_at ? "is-undone" : null },
    );
  }

  function invitationTable(found) {
    const heads = [
      t("accounts.for"),
      t("common.role"),
      t("accounts.invitedBy"),
      t("accounts.goodUntil"),
      hiddenHead(t("common.actions")),
    ];
    return [
      el("h2", {}, t("accounts.open")),
      table(
        heads,
        found.map((one) =>
          tableRow([
            one.account_id
              ? t("accounts.forPassword", { name: one.name })
              : one.name || t("accounts.somebody"),
            one.role,
            one.made_by,
            when(one.expires_at),
            actionButton(t("accounts.withdraw"), () => withdraw(one), {
              class: "quiet small danger",
              "aria-label": t("accounts.withdrawOf", {
                name: one.name || t("accounts.somebody"),
              }),
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
    const done = await form(t("accounts.roleOf", { name: one.name }), {
      text: t("accounts.roleText"),
      fields: [{ name: "role", label: t("common.role"), value: one.role, options: ROLES }],
      act: (values) => patch(path("accounts", one.id), values),
    });
    if (done) await attempt(refresh);
  }

  async function newLink(one) {
    const made = await form(t("accounts.passwordFor", { name: one.name }), {
      text: t("accounts.passwordText", { name: one.name }),
      accept: t("accounts.makeLink"),
      act: () => post("/v1/invitations", { account: one.id }),
    });
    if (made) await linkOf(made);
  }

  async function signOutDevices(one) {
    const done = await attempt(() => remove(`${path("accounts", one.id)}/sessions`));
    if (done) notify(t("accounts.isOut", { name: one.name }));
  }

  async function deactivate(one) {
    const sure = await form(t("accounts.deactivateTitle", { name: one.name }), {
      text: t("accounts.deactivateText"),
      accept: t("accounts.deactivate"),
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

const DAYS = [1, 7, 30].map((days) => [String(days), count(days, "day")]);
