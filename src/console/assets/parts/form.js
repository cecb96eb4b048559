// Forms, most of them in a dialog.
import { h } from "../lib/vdom.js";
import { lay } from "./layer.js";
import { button, trouble } from "./basics.js";

let made = 0;

/** One field: `{name, label, type?, value?, hint?, options?, required?, placeholder?, rows?}`. */
export function field({ name, label, type = "text", value = "", hint, options, required, placeholder, rows, id, oninput, onchange, mono }) {
  const at = id ?? `field-${name}`;
  const described = hint ? `${at}-hint` : null;
  const shared = { id: at, name, required, "aria-describedby": described, oninput, onchange, class: mono ? "mono" : null };
  const control = options
    ? h("select", { ...shared, value: value === "" ? first(options) : value }, options.map((option) => {
      const [word, text] = Array.isArray(option) ? option : [option, option];
      return h("option", { value: word, key: word }, text);
    }))
    : type === "textarea"
      ? h("textarea", { ...shared, value, rows: rows ?? 3, placeholder, spellcheck: mono ? "false" : null })
      : type === "checkbox"
        ? h("input", { ...shared, type, checked: Boolean(value) })
        : h("input", { ...shared, type, value, placeholder, autocomplete: "off", spellcheck: mono ? "false" : null });
  return h("div", { class: `field field-${type}`, key: name }, h("label", { for: at }, label), control,
    hint && h("p", { id: described, class: "hint" }, hint));
}

const first = ([option]) => (Array.isArray(option) ? option[0] : option ?? "");

/** The values of a form, trimmed. */
export function values(form) {
  const read = {};
  for (const element of form.elements) {
    if (!element.name) continue;
    read[element.name] = element.type === "checkbox" ? element.checked : element.value.trim();
  }
  return read;
}

/**
 * Asks in a dialog: `{title, text?, fields, action, danger?, submit(values)}`. The dialog closes when `submit` is done and
 * stays, with the server's words, when it fails.
 */
export function ask({ title, text, fields = [], action, danger, submit, wide }) {
  const form = `form-${(made += 1)}`;
  const state = { error: null, busy: false, fields };
  const send = async (event, layer) => {
    event.preventDefault();
    if (state.busy) return;
    state.busy = true;
    state.error = null;
    layer.update();
    try {
      await submit(values(document.getElementById(form)));
      layer.close();
    } catch (error) {
      state.error = error;
      state.busy = false;
      layer.update();
    }
  };
  return lay({
    kind: wide ? "dialog dialog-wide" : "dialog",
    title,
    body: (layer) => h("form", { id: form, class: "form", onsubmit: (event) => send(event, layer) },
      typeof text === "string" ? h("p", { class: "muted" }, text) : text,
      state.fields.map((one) => field({ ...one, id: `${form}-${one.name}` })),
      state.error && trouble(state.error)),
    foot: (layer) => [
      button("Cancel", () => layer.close(), { kind: "quiet" }),
      h("button", { type: "submit", form, class: `button button-${danger ? "danger" : "main"}`, disabled: state.busy },
        h("span", null, state.busy ? "Working…" : action)),
    ],
  });
}
