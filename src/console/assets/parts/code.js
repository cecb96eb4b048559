// Bytes and JSON, shown and copied.
import { h } from "../lib/vdom.js";
import { pretty } from "../lib/json.js";
import { copyButton } from "./basics.js";

/** A block of code with a name and a button that copies it as it is; `json` lays it out. */
export function code(name, text, { json, wrap } = {}) {
  const shown = text ?? "";
  return h("figure", { class: "code", key: name },
    h("figcaption", null, h("span", null, name), copyButton(shown)),
    h("pre", { tabindex: 0, class: wrap ? "code-wrap" : null, "aria-label": name }, h("code", null, json ? pretty(shown) : shown)));
}
