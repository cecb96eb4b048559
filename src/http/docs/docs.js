"use strict";
// Draws /openapi.json. Everything from the description is put in as text, never as markup.

const $ = (id) => document.getElementById(id);

function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return node;
}

// The little of Markdown that descriptions use: paragraphs, `code` and **bold**.
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).filter(Boolean).map((part) =>
    part.startsWith("`") ? el("code", {}, part.slice(1, -1))
    : part.startsWith("**") ? el("strong", {}, part.slice(2, -2)) : part);
}
const prose = (text) => (text || "").split("\n\n").filter(Boolean).map((paragraph) => el("p", {}, inline(paragraph)));

let description;

function resolve(node) {
  let found = node;
  for (let depth = 0; found && found.$ref && depth < 8; depth += 1) {
    const target = found.$ref.slice(2).split("/").reduce((at, key) => at && at[key], description);
    found = { ...target, ...found, $ref: target && target.$ref };
  }
  return found || {};
}

const nameOf = (node) => (node && node.$ref ? node.$ref.split("/").pop() : "");

// The message itself, out of "the message or its envelope".
const message = (schema) => resolve(schema.oneOf ? schema.oneOf[0] : schema);

function kind(schema) {
  const seen = resolve(schema);
  if (seen.anyOf) return [...new Set(seen.anyOf.map(kind))].join(" or ");
  if (seen.type === "array") return `array of ${plural(kind(seen.items || {}))}`;
  if (Array.isArray(seen.type)) return seen.type.join(" or ");
  if (seen.const !== undefined) return `"${seen.const}"`;
  return seen.type || "any";
}
const plural = (word) => (word === "any" ? "anything" : word.endsWith("s") ? word : `${word}s`);

// The object behind a schema, through lists and choices.
function inner(schema) {
  const seen = resolve(schema);
  if (seen.properties) return seen;
  if (seen.items) return inner(seen.items);
  if (seen.anyOf) return seen.anyOf.map(inner).find(Boolean);
  return null;
}

const FIRST = ["metadata", "requestId", "response"];
function members(schema, depth = 0) {
  const must = new Set(schema.required || []);
  const rank = (name) => (FIRST.includes(name) ? 1 : must.has(name) ? 0 : 2);
  const names = Object.keys(schema.properties || {}).sort((a, b) => rank(a) - rank(b));
  if (!names.length) return el("p", {}, "No members of its own.");
  return el("ul", { class: "members" }, names.map((name) => {
    const member = schema.properties[name];
    const below = depth < 7 ? inner(member) : null;
    const count = below ? Object.keys(below.properties).length : 0;
    return el("li", {},
      el("span", { class: "name" }, name), el("span", { class: "kind" }, kind(member)),
      must.has(name) ? el("span", { class: "must" }, "required") : null,
      resolve(member).enum ? el("p", {}, inline(resolve(member).enum.map((word) => `\`${word}\``).join(", "))) : null,
      prose(resolve(member).description),
      below && count ? folded(`${count} ${count === 1 ? "member" : "members"}`, () => members(below, depth + 1), name) : null);
  }));
}

// Drawn when it is opened first, so that a page of thirty calls stays light.
function folded(title, draw, of) {
  const details = el("details", { class: "more" }, el("summary", { "aria-label": of ? `${title} of ${of}` : undefined }, title));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(draw());
  });
  return details;
}

function coloured(text) {
  const code = el("code");
  const tokens = /("(?:[^"\\]|\\.)*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false)/g;
  let last = 0;
  for (const match of text.matchAll(tokens)) {
    code.append(text.slice(last, match.index));
    const [whole, string, colon] = match;
    code.append(el("span", { class: string ? (colon ? "k" : "s") : "n" }, string || whole), colon || "");
    last = match.index + whole.length;
  }
  code.append(text.slice(last));
  code.style.background = "none";
  code.style.padding = "0";
  return code;
}

const FIRST_LINES = ["metadata", "response", "requestId"];
function pretty(value) {
  if (!value || typeof value !== "object" || Array.isArray(value)) return JSON.stringify(value, null, 2);
  const ahead = FIRST_LINES.filter((name) => name in value);
  const rest = Object.keys(value).filter((name) => !ahead.includes(name));
  return JSON.stringify(Object.fromEntries([...ahead, ...rest].map((name) => [name, value[name]])), null, 2);
}

const id = () => (self.crypto && crypto.randomUUID ? crypto.randomUUID() : `${Date.now()}-${Math.random().toString(16).slice(2)}`);

// A command that works as it is pasted: a server refuses old timestamps and used request ids.
function curl(url, value) {
  const fresh = structuredClone(value);
  if (fresh.metadata) Object.assign(fresh.metadata, { timestamp: new Date().toISOString(), traceId: id() });
  if (fresh.requestId) fresh.requestId = id();
  const body = pretty(fresh).replaceAll("'", "'\\''");
  return `curl -sS ${url} \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
}

function copier(label, text) {
  const button = el("button", { type: "button", "aria-live": "polite", onclick: async () => {
    try {
      await navigator.clipboard.writeText(text());
      button.textContent = "Copied";
    } catch {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = label; }, 1500);
  } }, label);
  return button;
}

function sample(title, examples, url) {
  const all = Object.entries(examples || {}).map(([name, example]) => [name, resolve(example)]);
  if (!all.length) return null;
  let shown = all[0][1];
  const pre = el("pre", { tabindex: "0", "aria-label": title });
  const note = el("p");
  const command = copier("curl", () => curl(url, shown.value));
  const draw = () => {
    pre.replaceChildren(coloured(pretty(shown.value)));
    note.replaceChildren(...inline(shown.description || ""));
    note.hidden = !shown.description;
    // An envelope would have to be signed anew.
    command.hidden = !url || !shown.value.metadata;
  };
  draw();
  const choice = all.length > 1 && el("select", { "aria-label": `${title}: which example`, onchange: (event) => {
    shown = all[event.target.selectedIndex][1];
    draw();
  } }, all.map(([name, example]) => el("option", {}, example.summary && name.length > 8 ? example.summary : name)));
  return el("div", { class: "sample" },
    el("header", {}, el("span", {}, title), choice || null,
      command, copier("Copy", () => pretty(shown.value))),
    note, pre);
}

const content = (body) => (((resolve(body || {}).content || {})["application/json"]) || {});

function codes(title, rows) {
  return rows.length ? [el("h4", {}, title), el("div", { class: "wide" }, el("table", {},
    el("tbody", {}, rows.map(([code, text]) => el("tr", {}, el("td", {}, code), el("td", {}, inline(text)))))))] : [];
}

function acks(responses) {
  const rows = Object.entries(responses || {}).map(([status, response]) => {
    const seen = resolve(response);
    const examples = Object.entries(content(seen).examples || {}).filter(([name]) => /^[A-Z]/.test(name));
    const list = examples.map(([name, example]) => `\`${name}\` ${example.summary}`).join("; ");
    return el("tr", {}, el("td", {}, el("strong", {}, status)),
      el("td", {}, inline(seen.description || ""), list ? el("div", {}, inline(list)) : null));
  });
  return folded("Status codes and what they mean", () => el("div", { class: "wide" }, el("table", {}, el("tbody", {}, rows))));
}

function answer(operation) {
  for (const [name, paths] of Object.entries(operation.callbacks || {})) {
    for (const [path, item] of Object.entries(paths)) return { name, path, post: item.post };
  }
  return null;
}

function section(entry) {
  const { operation, method, path, anchor } = entry;
  const out = entry.webhook;
  const body = content(operation.requestBody);
  const back = answer(operation);
  const ok = resolve((operation.responses || {})["200"] || {});
  const url = `${location.origin}${path}`;
  const left = el("div", {},
    el("h3", {}, el("a", { href: `#${anchor}` }, operation.summary || entry.name)),
    el("p", { class: out ? "path out" : "path" }, el("b", {}, out ? "POST to you " : `${method.toUpperCase()} `), path),
    prose(operation.description));
  if (body.schema) left.append(el("h4", {}, out ? "What it says" : "Request"), members(message(body.schema)));
  if (!out) left.append(el("h4", {}, "Answer in the same breath"), acks(operation.responses));
  if (back) {
    const schema = message(content(back.post.requestBody).schema);
    left.append(el("h4", {}, "Callback"), el("p", { class: "path out" }, el("b", {}, "POST to you "), back.path),
      ...prose(back.post.description), members(schema),
      ...codes("Codes in response.error", (back.post["x-error-codes"] || []).map((row) => [row.code, row.description])));
  }
  const right = el("div", { class: "samples" },
    sample(out ? "Callback" : `${method.toUpperCase()} ${path.split("/").pop()}`, body.examples, out ? undefined : url),
    sample(out ? "Your ack" : body.schema ? "Ack" : "Answer", content(ok).examples),
    back ? sample(`Callback ${back.name}`, content(back.post.requestBody).examples) : null,
    back ? sample("Your ack", content(back.post.responses["200"]).examples) : null);
  return el("article", { class: "call", id: anchor, "data-anchor": anchor }, left, right);
}

function entries() {
  const all = [];
  for (const [path, item] of Object.entries(description.paths)) {
    for (const [method, operation] of Object.entries(item)) {
      all.push({ name: operation.operationId, anchor: operation.operationId, path, method, operation });
    }
  }
  for (const [name, item] of Object.entries(description.webhooks || {})) {
    all.push({ name: name[0].toLowerCase() + name.slice(1).replace(/Response$/, ""), anchor: item.post.operationId, path: item.post["x-path"], method: "post", operation: item.post, webhook: true });
  }
  return all.sort((a, b) => Boolean(a.webhook) - Boolean(b.webhook) || a.operation["x-order"] - b.operation["x-order"]);
}

function draw() {
  const all = entries();
  const main = $("content");
  const nav = $("nav");
  document.title = description.info.title;
  // On a phone the bar above has no room for them.
  nav.append(el("ul", { class: "elsewhere" }, el("li", {}, el("a", { href: "/docs/guides" }, "Guides")),
    el("li", {}, el("a", { href: "/openapi.json" }, "openapi.json"))));
  main.replaceChildren(el("section", { class: "intro", id: "top" }, el("h1", {}, description.info.title), prose(description.info.description)));
  for (const tag of description.tags) {
    const own = all.filter((entry) => entry.operation.tags.includes(tag.name));
    if (!own.length) continue;
    const group = el("section", { "aria-label": tag.name }, el("div", { class: "family" }, el("h2", {}, tag.name), prose(tag.description)));
    own.forEach((entry) => {
      entry.article = section(entry);
      entry.text = JSON.stringify([entry.name, entry.path, tag.name, entry.operation.summary, entry.operation.description,
        names(entry.operation), answer(entry.operation)?.path]).toLowerCase();
      entry.link = el("li", {}, el("a", { href: `#${entry.anchor}` }, entry.name,
        entry.webhook ? el("small", {}, " unasked") : null));
      entry.group = group;
      group.append(entry.article);
    });
    const list = el("div", {}, el("h2", {}, tag.name), el("ul", {}, own.map((entry) => entry.link)));
    own.forEach((entry) => { entry.list = list; });
    nav.append(list);
    main.append(group);
  }
  const none = el("p", { class: "none", hidden: true, role: "status" }, "Nothing matches.");
  main.append(none);
  return { all, none };
}

// Members and codes of a call, for the search.
function names(operation) {
  const found = new Set((answer(operation)?.post["x-error-codes"] || []).map((row) => row.code));
  const walk = (schema, depth) => {
    const below = schema && depth < 6 ? inner(schema) : null;
    for (const [name, member] of Object.entries(below?.properties || {})) { found.add(name); walk(member, depth + 1); }
  };
  const bodies = [operation.requestBody, answer(operation)?.post.requestBody];
  bodies.forEach((body) => { const schema = content(body).schema; if (schema) walk(message(schema), 0); });
  return [...found];
}

function search({ all, none }) {
  const words = $("find").value.trim().toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map();
  for (const entry of all) {
    const shown = words.every((word) => entry.text.includes(word));
    entry.article.hidden = !shown;
    entry.link.hidden = !shown;
    for (const holder of [entry.group, entry.list]) groups.set(holder, groups.get(holder) || shown);
  }
  groups.forEach((shown, holder) => { holder.hidden = !shown; });
  none.hidden = all.some((entry) => !entry.article.hidden);
  $("top").hidden = words.length > 0;
}

function follow(all) {
  const mark = (anchor) => all.forEach((entry) => {
    const link = entry.link.firstChild;
    if (entry.anchor === anchor) { link.setAttribute("aria-current", "true"); link.scrollIntoView({ block: "nearest" }); }
    else link.removeAttribute("aria-current");
  });
  const seen = new IntersectionObserver((changes) => {
    const into = changes.filter((change) => change.isIntersecting);
    if (into.length) mark(into[0].target.dataset.anchor);
  }, { rootMargin: "-15% 0px -75% 0px" });
  all.forEach((entry) => seen.observe(entry.article));
}

function menu(open) {
  $("nav").classList.toggle("open", open);
  $("menu").setAttribute("aria-expanded", String(open));
  if (open) $("nav").querySelector("a")?.focus();
}

function theme(choice) {
  document.documentElement.dataset.theme = choice;
  $("theme").textContent = choice === "dark" ? "Light" : "Dark";
}

function stored() {
  try { return localStorage.getItem("theme"); } catch { return null; }
}

function listen(drawn) {
  $("find").addEventListener("input", () => search(drawn));
  $("menu").addEventListener("click", () => menu(!$("nav").classList.contains("open")));
  $("nav").addEventListener("click", (event) => { if (event.target.closest("a")) menu(false); });
  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) { event.preventDefault(); $("find").focus(); }
    if (event.key === "Escape" && $("nav").classList.contains("open")) { menu(false); $("menu").focus(); }
    else if (event.key === "Escape" && typing === $("find")) { $("find").value = ""; search(drawn); }
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest("#nav, #menu")) menu(false);
  });
}

async function start() {
  theme(stored() || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light"));
  $("theme").addEventListener("click", () => {
    theme(document.documentElement.dataset.theme === "dark" ? "light" : "dark");
    try { localStorage.setItem("theme", document.documentElement.dataset.theme); } catch { /* a private window */ }
  });
  try {
    const answered = await fetch("/openapi.json");
    if (!answered.ok) throw new Error(`HTTP ${answered.status}`);
    description = await answered.json();
  } catch (error) {
    $("state").textContent = `The description could not be loaded (${error.message}). Reload the page to try again.`;
    return;
  }
  const drawn = draw();
  listen(drawn);
  follow(drawn.all);
  // The anchor of the address did not exist while the browser looked for it.
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

start();
