// Round every page: rail, top bar, landmarks, sign-in.
import * as api from "./lib/api.js";
import { day } from "./lib/format.js";
import { icon } from "./lib/icon.js";
import { h } from "./lib/vdom.js";
import { button, notice, trouble, waiting } from "./parts/basics.js";
import { help } from "./parts/help.js";
import { palette } from "./parts/palette.js";
import { signInPage } from "./pages/signin.js";

const GROUPS = [
  ["", [["/console", "Overview", "overview", "o"]]],
  ["Lending", [
    ["/console/applications", "Applications", "applications", "a"],
    ["/console/loans", "Loans", "loans", "l"],
    ["/console/decisions", "Decisions", "decisions", "h", (open) => open?.decisions?.open],
    ["/console/disputes", "Disputes", "disputes", "d", (open) => open?.disputes?.open],
  ]],
  ["Integration", [
    ["/console/callbacks", "Callbacks", "callbacks", "c", (open) => open?.callbacks?.parked, "parked"],
    ["/console/lsps", "LSPs", "lsps", "p"],
    ["/console/signature", "Check a signature", "signature", "k"],
  ]],
  ["Sandbox", [["/console/sandbox", "Sandbox controls", "sandbox", "s"]]],
];

/** What an LSP sees through its link. */
const LINKED = new Set(["/console", "/console/applications", "/console/loans", "/console/disputes", "/console/callbacks"]);

/** What only operators may. */
const OPERATORS = new Set(["/console/signature", "/console/sandbox"]);

/** Phone: what the bar at the bottom has room for. */
const BAR = ["/console", "/console/applications", "/console/loans", "/console/callbacks"];

function groups(state) {
  if (state.who?.orgId) return GROUPS.map(([name, links]) => [name, links.filter(([href]) => LINKED.has(href))]).filter(([, links]) => links.length);
  if (!state.who?.roles?.includes("operator")) return GROUPS.map(([name, links]) => [name, links.filter(([href]) => !OPERATORS.has(href))]).filter(([, links]) => links.length);
  return state.who.mode === "serve" ? GROUPS.filter(([name]) => name !== "Sandbox") : GROUPS;
}

const here = (href) =>
  href === "/console" ? location.pathname.replace(/\/$/, "") === "/console" : location.pathname.startsWith(href);

/** The whole page. */
export function shell(state, does) {
  if (state.signedOut) return signInPage(state, does);
  if (!state.who) return h("main", { class: "shell-wait", key: "wait" }, state.failed ? trouble(state.failed, does.start) : waiting(3));
  return h("div", { class: "shell", key: "shell" },
    h("a", { class: "skip", href: "#main", onclick: (event) => { event.preventDefault(); document.getElementById("main").focus(); } }, "Skip to the content"),
    rail(state, does),
    h("div", { class: "shell-main" }, top(state, does), main(state)),
    bar(state, does));
}

function rail(state, does) {
  const { who } = state;
  return h("div", { class: `rail${state.menu ? " rail-open" : ""}`, onclick: (event) => { if (event.target === event.currentTarget) { state.menu = false; does.draw(); } } },
    h("section", { class: "rail-inside", "aria-label": "Menu" },
      h("div", { class: "brand" },
        h("img", { src: "/console/assets/icon.svg", alt: "", width: 28, height: 28 }),
        h("div", null, h("strong", null, who.lenderName ?? "ocen-lender"), h("span", null, who.orgId ? `Shared with ${who.orgId}` : who.mode === "serve" ? "Production" : "Sandbox")),
        h("button", { class: "icon-button rail-close", type: "button", "aria-label": "Close the menu", onclick: () => { state.menu = false; does.draw(); } }, icon("close"))),
      h("nav", { "aria-label": "Console" }, groups(state).map(([name, links]) => h("div", { class: "rail-group", key: name },
        name && h("p", { class: "rail-name" }, name),
        h("ul", null, links.map((link) => entry(state, link)))))),
      h("div", { class: "rail-foot" },
        who.version && h("p", null, `ocen-lender ${who.version}`),
        who.orgId && h("p", null, "You see your own traffic, read only."),
        api.token() && !who.orgId && button(`Sign out ${who.name}`, does.signOut, { kind: "quiet", small: true, glyph: "out" }))));
}

function entry(state, [href, name, glyph, key, counts, counted = "open"]) {
  const number = counts?.(state.open) ?? 0;
  return h("li", { key: href }, h("a", { href, class: "rail-link", "aria-current": here(href) ? "page" : null, title: `${name} (g ${key})` },
    icon(glyph), h("span", null, name),
    number > 0 && h("span", { class: `badge badge-${counted}` }, String(number), h("span", { class: "unseen" }, ` ${counted}`))));
}

const STANDING = {
  live: ["Live", "Changes show as they happen"],
  polling: ["Every 10 s", "The page looks again every ten seconds"],
  away: ["Reconnecting", "The connection is gone; it is tried again"],
};

function top(state, does) {
  const [word, meaning] = STANDING[state.standing];
  const { who, open } = state;
  const where = state.page?.page.trail?.(state.page);
  return h("header", { class: "top" },
    h("button", { class: "icon-button top-menu", type: "button", "aria-label": "Menu", "aria-expanded": String(state.menu), onclick: () => { state.menu = true; does.draw(); } }, icon("menu")),
    h("div", { class: "top-title" },
      where && h("nav", { class: "trail", "aria-label": "Up" }, h("a", { href: where[0] }, icon("left", 14), where[1])),
      h("h1", { id: "title", tabindex: -1 }, state.page?.heading() ?? "Console")),
    h("div", { class: "top-tools" },
      who.mode !== "serve" && !who.orgId && open?.businessDate && h("a", { class: "top-day", href: "/console/sandbox", title: "The sandbox's business date; move it in the sandbox controls" },
        icon("clock", 15), h("span", { class: "unseen" }, "Business date "), day(open.businessDate)),
      h("span", { class: `live live-${state.standing}`, title: meaning }, h("i", { "aria-hidden": "true" }), h("span", { class: "live-word" }, word)),
      h("button", { type: "button", class: "search-open", onclick: () => palette(state, does.go), "aria-label": "Search applications, loans and pages" },
        icon("search", 16), h("span", null, "Search"), h("kbd", { "aria-hidden": "true" }, "/")),
      h("button", { id: "theme", type: "button", class: "icon-button", "aria-label": `Use the ${dark() ? "light" : "dark"} theme`, title: "Theme (t)", onclick: () => { toggle(); does.draw(); } }, icon(dark() ? "sun" : "moon")),
      h("button", { type: "button", class: "icon-button top-help", "aria-label": "Keyboard shortcuts", title: "Shortcuts (?)", onclick: () => help(state) }, icon("help")),
      api.token() && !who.orgId && h("span", { class: "who" }, who.name)));
}

function main(state) {
  const visit = state.page;
  return h("main", { id: "main", tabindex: -1, class: "main", key: visit?.page.title },
    state.page && [
      visit.error && h("div", { key: "error" }, trouble(visit.error, visit.reload)),
      visit.behind && h("div", { key: "behind", class: "behind" }, notice("plain", h("p", { role: "status" }, "Something has changed since you looked."), button("Look again", visit.reload, { small: true, glyph: "again" }))),
      visit.data ? h("div", { key: "page", class: "page" }, visit.page.view(visit.data, visit)) : visit.loading && waiting(8),
    ]);
}

function bar(state, does) {
  const links = groups(state).flatMap(([, all]) => all);
  const shown = links.filter(([href]) => BAR.includes(href));
  return h("nav", { class: "bar", "aria-label": "Main pages" },
    shown.map(([href, name, glyph]) => h("a", { href, key: href, "aria-current": here(href) ? "page" : null }, icon(glyph, 20), h("span", null, name.split(" ")[0]))),
    h("button", { type: "button", key: "menu", "aria-expanded": String(state.menu), onclick: () => { state.menu = true; does.draw(); } }, icon("menu", 20), h("span", null, "More")));
}

const dark = () => {
  const chosen = document.documentElement.dataset.theme;
  return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
};

function toggle() {
  const theme = dark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem("ocen.theme", theme);
  } catch {
    // It holds until the page is closed.
  }
}
