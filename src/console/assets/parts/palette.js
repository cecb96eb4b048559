// Search from anywhere: applications, loans and pages, chosen with the arrow keys.
import * as api from "../lib/api.js";
import { words } from "../lib/format.js";
import { icon } from "../lib/icon.js";
import { h } from "../lib/vdom.js";
import { chip } from "./basics.js";
import { lay } from "./layer.js";

const WAIT = 160;
const PAGES = [
  ["/console", "Overview", "overview"], ["/console/applications", "Applications", "applications"],
  ["/console/loans", "Loans", "loans"], ["/console/decisions", "Decisions", "decisions"],
  ["/console/disputes", "Disputes", "disputes"], ["/console/callbacks", "Callbacks", "callbacks"],
  ["/console/lsps", "LSPs", "lsps"], ["/console/signature", "Check a signature", "signature"],
  ["/console/sandbox", "Sandbox controls", "sandbox"],
];
const LINKED = new Set(["/console", "/console/applications", "/console/loans", "/console/disputes", "/console/callbacks"]);

/** Opens the search. */
export function palette(state, go) {
  const search = { text: "", found: [], at: 0, turn: 0 };
  const pages = PAGES.filter(([href]) => (state.who?.orgId ? LINKED.has(href) : href !== "/console/sandbox" || state.who?.mode !== "serve"));
  const choices = () => {
    const text = search.text.toLowerCase();
    const matching = pages.filter(([, name]) => name.toLowerCase().includes(text));
    return [...search.found, ...matching.map(([href, name, glyph]) => ({ href, name, glyph, kind: "Page" }))];
  };
  const choose = (layer, choice) => {
    if (!choice) return;
    layer.close();
    go(choice.href);
  };
  const look = async (layer) => {
    const turn = (search.turn += 1);
    await new Promise((done) => setTimeout(done, WAIT));
    if (turn !== search.turn) return;
    const found = search.text ? await everywhere(search.text) : [];
    if (turn !== search.turn) return;
    search.found = found;
    search.at = 0;
    layer.update();
  };
  lay({
    kind: "dialog palette",
    title: "Search",
    body: (layer) => {
      const all = choices();
      return [
        h("input", {
          type: "text", enterkeyhint: "search", role: "combobox", autofocus: true, autocomplete: "off", spellcheck: "false",
          placeholder: "Whole id of an application, loan, request or message; PAN; phone; or a page", "aria-label": "Search", "aria-expanded": "true",
          "aria-controls": "found", "aria-activedescendant": all.length ? `found-${search.at}` : null,
          oninput: (event) => { search.text = event.target.value.trim(); search.at = 0; layer.update(); look(layer); },
          onkeydown: (event) => {
            if (event.key === "ArrowDown") search.at = Math.min(search.at + 1, all.length - 1);
            else if (event.key === "ArrowUp") search.at = Math.max(search.at - 1, 0);
            else if (event.key === "Enter") choose(layer, all[search.at]);
            else return;
            event.preventDefault();
            layer.update();
          },
        }),
        h("ul", { id: "found", role: "listbox", class: "found", "aria-label": "What was found" }, all.map((choice, i) =>
          h("li", { key: choice.href, id: `found-${i}`, role: "option", "aria-selected": String(i === search.at), onclick: () => choose(layer, choice) },
            icon(choice.glyph), h("span", { class: choice.kind === "Page" ? "" : "mono" }, choice.name),
            choice.state && chip(choice.state), h("span", { class: "found-kind" }, choice.kind)))),
        all.length === 0 && h("p", { class: "muted found-none" }, "Nothing is called so. Ids are found when they are whole."),
      ];
    },
  });
}

async function everywhere(text) {
  const ask = (path) => api.get(api.withQuery(path, { q: text, limit: 6 })).then((page) => page.items, () => []);
  const [applications, loans] = await Promise.all([ask("/admin/applications"), ask("/admin/loans")]);
  return [
    ...applications.map((one) => ({
      href: `/console/applications${api.path(one.orgId, one.loanApplicationId)}`, name: one.loanApplicationId,
      glyph: "applications", state: one.stage, kind: words(one.orgId),
    })),
    ...loans.map((one) => ({ href: `/console/loans${api.path(one.loanId)}`, name: one.loanId, glyph: "loans", state: one.status, kind: "Loan" })),
  ];
}
