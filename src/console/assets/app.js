// The console: finds the page of an address, loads it, shows it, and keeps it true while things happen.
import * as api from "./lib/api.js";
import { listen } from "./lib/live.js";
import { serverSays } from "./lib/format.js";
import { shortcuts } from "./lib/keys.js";
import { render } from "./lib/vdom.js";
import { refresh, shutAll } from "./parts/layer.js";
import { say } from "./parts/basics.js";
import { find } from "./routes.js";
import { shell } from "./shell.js";
import { help } from "./parts/help.js";
import { palette } from "./parts/palette.js";

/** Between news and looking again, so that a burst is one look; and between two looks, however much happens. */
const SETTLE = 250;
const APART = 1_500;
const MUCH = 200;
/** Relative times grow old. */
const TICK = 15_000;

const root = document.getElementById("app");

/** What the shell and every page see. */
const state = {
  who: null,
  open: null,
  standing: "away",
  signedOut: false,
  menu: false,
  page: null,
};

function draw() {
  render(shell(state, { draw, go, signIn, signOut, start }), root);
  refresh();
  const title = state.page?.heading?.() ?? "Console";
  document.title = `${title} · ocen-lender`;
}

/** One visit of a page: its data and what its reader did with it. */
class Visit {
  constructor(found, query) {
    this.page = found.page;
    this.params = found.params;
    this.query = query;
    this.state = {};
    this.data = null;
    this.error = null;
    this.loading = true;
    this.end = new AbortController();
    this.shell = state;
  }

  heading() {
    const { title } = this.page;
    return typeof title === "function" ? title(this) : title;
  }

  /** Loads the data; what is shown already stays until it is there. */
  async load() {
    const turn = (this.turn = (this.turn ?? 0) + 1);
    try {
      const data = await this.page.load(this, { signal: this.end.signal });
      if (turn !== this.turn || this.end.signal.aborted) return;
      this.data = data;
      this.error = null;
      this.behind = false;
    } catch (error) {
      if (turn !== this.turn || error.name === "AbortError") return;
      this.error = error;
      if (!(error instanceof api.Failed)) console.error(error);
    }
    this.loading = false;
    draw();
    if (this.scrollTo !== undefined) window.scrollTo(0, this.scrollTo);
    this.scrollTo = undefined;
  }

  /** Whether loading again would be one more entry of the audit log. */
  looksAtPersons() {
    const { who } = this.shell;
    if (who?.mode !== "serve" || who.orgId) return false;
    return Boolean(this.state.reason) || (who.name === "admin" && Boolean(this.page.personal?.(this)));
  }

  update = () => draw();
  reload = () => this.load();
  go = (href) => go(href);

  /** Changes the query in the address and loads anew. */
  ask(change) {
    const query = { ...this.query, ...change };
    for (const [name, value] of Object.entries(query)) if (!value) delete query[name];
    this.query = query;
    history.replaceState(null, "", api.withQuery(location.pathname, query));
    draw();
    return this.load();
  }

  /** Notes something in the address without loading. */
  note(change) {
    const query = { ...this.query, ...change };
    for (const [name, value] of Object.entries(query)) if (!value) delete query[name];
    this.query = query;
    history.replaceState(null, "", api.withQuery(location.pathname, query));
  }
}

function visit({ focus, at } = {}) {
  state.page?.end.abort();
  state.menu = false;
  shutAll();
  const query = Object.fromEntries(new URLSearchParams(location.search));
  state.page = new Visit(find(location.pathname, state), query);
  state.page.scrollTo = at;
  draw();
  state.page.load();
  if (focus) {
    window.scrollTo(0, 0);
    document.getElementById("title")?.focus({ preventScroll: true });
  }
}

/** Goes to another page. */
export function go(href) {
  // Whoever comes back finds the place again.
  history.replaceState({ at: window.scrollY }, "");
  history.pushState(null, "", href);
  visit({ focus: true });
}

document.addEventListener("click", (event) => {
  const anchor = event.target.closest?.("a[href]");
  if (!anchor || event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
  const url = new URL(anchor.href);
  if (url.origin !== location.origin || anchor.target || !/^\/console(\/|$)/.test(url.pathname)) return;
  if (url.hash && url.pathname === location.pathname) return;
  event.preventDefault();
  go(url.pathname + url.search);
});

history.scrollRestoration = "manual";
window.addEventListener("popstate", (event) => visit({ focus: true, at: event.state?.at }));

/** What the rail counts; the same for every page. */
async function counts() {
  try {
    state.open = await api.get("/admin/overview");
    serverSays(state.open.asOf);
  } catch {
    // The page says what is wrong; the rail goes without numbers.
  }
}

let stopListening = () => {};

function refusal(error) {
  if (!api.token()) return null;
  return error.status === 401 && !api.isLink() ? "This server does not know the token." : error.message;
}

async function start() {
  state.failed = null;
  try {
    state.who = await api.get("/admin/whoami");
  } catch (error) {
    if (error.status !== 401 && error.status !== 403) {
      state.failed = error;
      draw();
      return;
    }
    state.signedOut = true;
    state.refused = refusal(error);
    api.keepToken(null);
    state.who = null;
    draw();
    return;
  }
  state.signedOut = false;
  await counts();
  visit();
  stopListening();
  stopListening = listen(changed, (standing) => { state.standing = standing; draw(); });
}

async function signIn(token) {
  api.keepToken(token);
  await start();
  if (!state.signedOut) say(`Signed in as ${state.who.name}`, "good");
}

function signOut() {
  stopListening();
  api.keepToken(null);
  state.who = null;
  state.signedOut = true;
  state.refused = null;
  draw();
}

let heard = [];
let timer = null;
let looked = -APART;

function changed(news) {
  heard.push(news);
  // Much news is any news.
  if (heard.length > MUCH) heard = [{ topics: [] }];
  timer ??= setTimeout(look, Math.max(SETTLE, looked + APART - performance.now()));
}

async function look() {
  timer = null;
  looked = performance.now();
  const news = heard;
  heard = [];
  // Nobody sees a hidden page; it looks when it is shown again.
  if (document.hidden) {
    state.stale = true;
    return;
  }
  const page = state.page;
  const loads = page && !page.loading && !page.page.still && news.some((one) => concerns(one, page));
  // Each look at personal data stands in the audit log: the reader says when.
  if (loads && page.looksAtPersons()) page.behind = true;
  await Promise.all([counts(), loads && !page.behind ? page.load() : null]);
  draw();
}

function concerns({ topics, loanApplicationId }, { page, params }) {
  if (topics.length > 0 && page.topics && !page.topics.some((topic) => topics.includes(topic))) return false;
  return !loanApplicationId || !page.ofOne || params.id === loanApplicationId;
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden || !state.stale) return;
  state.stale = false;
  changed({ topics: [] });
});

api.onUnauthorized(() => {
  if (!state.who || state.signedOut) return;
  signOut();
  state.refused = "Your token is no longer accepted. Sign in again.";
  draw();
});

shortcuts({
  "/": () => palette(state, go),
  "?": () => help(state),
  t: () => document.getElementById("theme")?.click(),
  "g o": () => go("/console"),
  "g a": () => go("/console/applications"),
  "g l": () => go("/console/loans"),
  "g c": () => go("/console/callbacks"),
  "g p": () => go("/console/lsps"),
  "g h": () => go("/console/decisions"),
  "g d": () => go("/console/disputes"),
  "g k": () => go("/console/signature"),
  "g s": () => go("/console/sandbox"),
});

setInterval(() => { if (!document.hidden && state.page) draw(); }, TICK);

const link = new URLSearchParams(location.search).get("link");
if (link) {
  api.useLink(link);
  // The link is a key: it does not stay in the address bar.
  history.replaceState(null, "", location.pathname);
}
api.resume();
start();
