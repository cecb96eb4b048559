// Tabs: one of several panes, chosen with the arrow keys too.
import { h } from "../lib/vdom.js";

/** `all` are `{id, name, count?, view()}`; `chosen` is an id, `choose(id)` is told. */
export function tabs(label, all, chosen, choose) {
  const there = all.filter(Boolean);
  const at = Math.max(0, there.findIndex((tab) => tab.id === chosen));
  const move = (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = there[(at + step + there.length) % there.length];
    choose(next.id);
    document.getElementById(`tab-${next.id}`)?.focus();
  };
  return [
    h("div", { class: "tabs", role: "tablist", "aria-label": label, onkeydown: move, key: "tabs" }, there.map((tab, i) =>
      h("button", {
        type: "button", role: "tab", id: `tab-${tab.id}`, key: tab.id, "aria-selected": String(i === at), "aria-controls": "pane",
        tabindex: i === at ? 0 : -1, onclick: () => choose(tab.id),
      }, tab.name, tab.count > 0 && h("span", { class: "tab-count" }, String(tab.count))))),
    h("div", { class: "pane", role: "tabpanel", id: "pane", "aria-labelledby": `tab-${there[at].id}`, tabindex: 0, key: `pane ${there[at].id}` }, there[at].view()),
  ];
}
