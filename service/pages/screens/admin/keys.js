// Who may use the service.

import { get, key, path, post, remove } from "../../api.js";
import { showWho } from "../../account_menu.js";
import { form } from "../../dialog.js";
import { actionButton, el, put } from "../../dom.js";
import { empty, heading, loadInto } from "../../widgets.js";
import { attempt } from "../../notify.js";
import { when } from "../../formatting.js";
import { whoAsks } from "../../session.js";
import { ROLES } from "../../roles.js";
import { showSecret } from "../../secret.js";
import { hiddenHead, table, tableRow } from "../../tables.js";
import { t } from "../../texts.js";

export async function keys(screen, { signal }) {
  const place = el("div");
  put(screen, heading(t("keys.title")), place);
  await refresh();

  function refresh() {
    return loadInto(place, async () => {
      const { keys: found } = await get("/v1/keys", {}, { signal });
      const acts = actionButton(t("keys.makeAct"), make, { class: "first" });
      return [el("p", { class: "acts" }, acts), found.length ? keyTable(found) : nobody()];
    });
  }

  function nobody() {
    return empty(t("keys.none"), t("keys.noneText"));
  }

  function keyTable(found) {
    const heads = [
      t("common.name"),
      t("common.role"),
      t("common.created"),
      t("keys.lastUsed"),
      hiddenHead(t("common.actions")),
    ];
    return table(heads, found.map(row));
  }

  function row(each) {
    const revokeButton = actionButton(t("keys.revoke"), () => revoke(each), {
      class: "quiet small danger",
      "aria-label": t("keys.revokeOf", { name: each.name }),
    });
    return tableRow(
      [
        each.name,
        each.role,
        when(each.created_at),
        when(each.last_used_at) || t("common.never"),
        each.revoked_at ? t("keys.revoked", { at: when(each.revoked_at) }) : revokeButton,
      ],
      { class: each.revoked_at ? "is-undone" : null },
    );
  }

  async function make() {
    const who = await attempt(whoAsks);
    if (!who) return;
    const isFirst = who.by === "open";
    const made = await form(t("keys.make"), {
      fields: [
        {
          name: "name",
          label: t("keys.user"),
          required: true,
          max: 64,
          hint: t("keys.userHint"),
        },
        {
          name: "role",
          label: t("common.role"),
          value: isFirst ? "admin" : "curate",
          options: ROLES,
        },
      ],
      accept: t("keys.makeIt"),
      act: (values) => post("/v1/keys", values),
    });
    if (!made) return;
    // From the first key on the service asks for one: this tab goes on with it.
    if (isFirst && !key.get()) {
      key.set(made.secret);
      await showWho();
    }
    showSecret(
      t("keys.of", { name: made.name }),
      t("keys.secretText"),
      t("keys.secret"),
      made.secret,
    );
    await refresh();
  }

  async function revoke(each) {
    const sure = await form(t("keys.revokeTitle", { name: each.name }), {
      text: t("keys.revokeText"),
      accept: t("keys.revoke"),
      danger: true,
      act: () => remove(path("keys", each.id)),
    });
    if (sure) await attempt(refresh);
  }
}
