// Dialogs, by the browser's own <dialog>: it keeps the focus inside and gives it back.

import { button, el, field, put, uniqueId } from "./dom.js";
import { problemBox } from "./notify.js";
import { t } from "./texts.js";

export const isOpen = () => document.querySelector("dialog[open]") !== null;

function openDialog(title, ...content) {
  const id = uniqueId("dialog");
  const dialog = el("dialog", { "aria-labelledby": id }, el("h2", { id }, title), ...content);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function show(title, ...content) {
  const dialog = openDialog(
    title,
    ...content,
    el(
      "p",
      { class: "acts" },
      button(t("common.close"), () => dialog.close()),
    ),
  );
  return dialog;
}

// Show a form and call `act` with its values; an error is shown in the dialog, which stays open.
// `extra` stands at the end.
// Resolves to what `act` answers, to "other" where that button was pressed, else to undefined.
export function form(
  title,
  {
    fields = [],
    text = null,
    accept = t("common.save"),
    cancel = t("common.cancel"),
    danger = false,
    other,
    extra = null,
    act,
  },
) {
  return new Promise((resolve) => {
    const inputs = Object.fromEntries(fields.map((each) => [each.name, input(each)]));
    const refusal = el("div");
    const send = el("button", { type: "submit", class: danger ? "danger" : "first" }, accept);
    let answer;
    const body = el(
      "form",
      { method: "dialog" },
      text && el("p", {}, text),
      fields.map((each) =>
        each.type === "checkbox"
          ? checkbox(each.label, inputs[each.name])
          : field(each.label, inputs[each.name], each.hint),
      ),
      refusal,
      el(
        "p",
        { class: "acts" },
        send,
        button(cancel, () => dialog.close()),
        other &&
          button(other, () => {
            answer = "other";
            dialog.close();
          }),
      ),
      extra,
    );
    body.addEventListener("submit", async (event) => {
      event.preventDefault();
      send.disabled = true;
      try {
        const values = Object.fromEntries(
          fields.map((each) => [each.name, valueOf(each, inputs[each.name])]),
        );
        answer = (await act(values)) ?? values;
        dialog.close();
      } catch (error) {
        put(refusal, problemBox(error));
      } finally {
        send.disabled = false;
      }
    });
    const dialog = openDialog(title, body);
    dialog.addEventListener("close", () => resolve(answer));
    const first = Object.values(inputs)[0];
    if (first) {
      first.focus();
      first.select?.();
    } else send.focus();
  });
}

function valueOf({ type, isVerbatim }, one) {
  if (type === "checkbox") return one.checked;
  return isVerbatim ? one.value : one.value.trim();
}

function checkbox(label, one) {
  one.id ||= uniqueId("check");
  return el("p", { class: "check" }, one, el("label", { for: one.id }, label));
}

function input({
  type = "text",
  value = "",
  options = null,
  required = false,
  list = null,
  max = null,
  autocomplete = "off",
}) {
  if (options) {
    const chosen = el(
      "select",
      {},
      options.map(([key, label]) => el("option", { value: key, selected: key === value }, label)),
    );
    return chosen;
  }
  if (type === "checkbox") return el("input", { type, checked: value === true });
  if (type === "area") return el("textarea", { rows: 4, value, required });
  return el("input", {
    type,
    value: value ?? "",
    required,
    list,
    maxlength: max,
    autocomplete,
    spellcheck: "false",
  });
}
