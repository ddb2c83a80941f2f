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

export async function keys(screen, { signal }) {
  const place = el("div");
  put(screen, heading("Keys"), place);
  await refresh();

  function refresh() {
    return loadInto(place, async () => {
      const { keys: found } = await get("/v1/keys", {}, { signal });
      const acts = actionButton("Make a key …", make, { class: "first" });
      return [el("p", { class: "acts" }, acts), found.length ? keyTable(found) : nobody()];
    });
  }

  function nobody() {
    return empty(
      "No keys yet",
      "Programs send keys; people sign in with accounts. Without either, anyone on this " +
        "machine may do everything. The first key, an admin's, locks the service.",
    );
  }

  function keyTable(found) {
    const heads = ["Name", "Role", "Created", "Last used", hiddenHead("Actions")];
    return table(heads, found.map(row));
  }

  function row(each) {
    const revokeButton = actionButton("Revoke", () => revoke(each), {
      class: "quiet small danger",
      "aria-label": `Revoke the key of ${each.name}`,
    });
    return tableRow(
      [
        each.name,
        each.role,
        when(each.created_at),
        when(each.last_used_at) || "never",
        each.revoked_at ? `revoked ${when(each.revoked_at)}` : revokeButton,
      ],
      { class: each.revoked_at ? "is-undone" : null },
    );
  }

  async function make() {
    const who = await attempt(whoAsks);
    if (!who) return;
    const isFirst = who.by === "open";
    const made = await form("Make a key", {
      fields: [
        {
          name: "name",
          label: "Name of the user",
          required: true,
          max: 64,
          hint: "The history shows this name.",
        },
        {
          name: "role",
          label: "Role",
          value: isFirst ? "admin" : "curate",
          options: ROLES,
        },
      ],
      accept: "Make the key",
      act: (values) => post("/v1/keys", values),
    });
    if (!made) return;
    // From the first key on the service asks for one: this tab goes on with it.
    if (isFirst && !key.get()) {
      key.set(made.secret);
      await showWho();
    }
    showSecret(
      `The key of ${made.name}`,
      "Copy the secret now. It is not shown again.",
      "Secret",
      made.secret,
    );
    await refresh();
  }

  async function revoke(each) {
    const sure = await form(`Revoke the key of ${each.name}?`, {
      text: "The key stops working at once. You can't undo this, but you can make a new key.",
      accept: "Revoke",
      danger: true,
      act: () => remove(path("keys", each.id)),
    });
    if (sure) await attempt(refresh);
  }
}
