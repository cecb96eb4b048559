// What lies over the page: drawers, dialogs. The browser's own `dialog` traps the focus and gives it back.
import { h, render } from "../lib/vdom.js";
import { icon } from "../lib/icon.js";

const root = () => document.getElementById("layer");
const open = [];

function show() {
  render(open.map(view), root());
  // At once: what is typed right after the key that opened it belongs to it.
  for (const dialog of root().querySelectorAll("dialog:not([open])")) dialog.showModal();
}

function view(layer) {
  const close = () => shut(layer);
  return h("dialog", {
    key: layer.id,
    class: layer.kind,
    "aria-labelledby": `${layer.id}-title`,
    oncancel: (event) => { event.preventDefault(); close(); },
    // A click outside lands on the dialog itself.
    onmousedown: (event) => { if (event.target === event.currentTarget) close(); },
  },
  h("div", { class: "layer" },
    h("header", { class: "layer-head" },
      h("div", null, h("h2", { id: `${layer.id}-title`, tabindex: -1, autofocus: layer.kind === "drawer" }, layer.title), layer.below?.()),
      h("button", { type: "button", class: "icon-button", "aria-label": "Close", title: "Close (Esc)", onclick: close }, icon("close"))),
    h("div", { class: "layer-body" }, layer.body(layer)),
    layer.foot && h("footer", { class: "layer-foot" }, layer.foot(layer))));
}

let made = 0;

/** Opens a layer: `{kind: "drawer" | "dialog" | "dialog palette", title, body(layer), foot?, below?, onclose?}`. */
export function lay(layer) {
  const before = document.activeElement;
  const full = { id: `layer-${(made += 1)}`, before, update: show, close: () => shut(full), ...layer };
  open.push(full);
  show();
  return full;
}

function shut(layer) {
  const at = open.indexOf(layer);
  if (at < 0) return;
  open.splice(at, 1);
  const element = root().querySelector(`[aria-labelledby="${layer.id}-title"]`);
  element?.close();
  show();
  if (layer.before?.isConnected) layer.before.focus();
  layer.onclose?.();
}

/** Draws again what is open. */
export const refresh = () => { if (open.length) show(); };

/** Closes everything. */
export const shutAll = () => { for (const layer of [...open].reverse()) shut(layer); };
