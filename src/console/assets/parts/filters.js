// The row of filters over a list; what is chosen stands in the address.
import { h } from "../lib/vdom.js";
import { icon } from "../lib/icon.js";
import { button } from "./basics.js";

const WAIT = 250;

/** `{search?: placeholder, selects: [{name, label, options}], texts: [{name, label, placeholder}], extra?}`. */
export function filters(visit, { search, selects = [], texts = [], extra }) {
  const later = (name) => (event) => {
    const { value } = event.target;
    clearTimeout(visit.timer);
    visit.timer = setTimeout(() => visit.ask({ [name]: value.trim() }), WAIT);
  };
  const used = ["q", ...selects.map((one) => one.name), ...texts.map((one) => one.name)].some((name) => visit.query[name]);
  return h("form", { class: "filters", role: "search", onsubmit: (event) => event.preventDefault(), key: "filters" },
    search && h("div", { class: "filter-search" }, icon("search", 16),
      h("input", { type: "search", name: "q", "aria-label": "Search", placeholder: search, title: search, value: visit.query.q ?? "", oninput: later("q"), autocomplete: "off", spellcheck: "false" })),
    selects.map(({ name, label, options }) => h("label", { key: name, class: "filter" }, h("span", { class: "unseen" }, label),
      h("select", { name, value: visit.query[name] ?? "", onchange: (event) => visit.ask({ [name]: event.target.value }) },
        options.map(([word, text]) => h("option", { value: word, key: word }, text))))),
    texts.map(({ name, label, placeholder }) => h("label", { key: name, class: "filter" }, h("span", { class: "unseen" }, label),
      h("input", { name, value: visit.query[name] ?? "", placeholder, oninput: later(name), autocomplete: "off", spellcheck: "false" }))),
    used && button("Clear", () => visit.ask(Object.fromEntries(Object.keys(visit.query).map((name) => [name, ""]))), { kind: "quiet", glyph: "close", small: true }),
    extra && h("div", { class: "filters-extra" }, extra));
}
