// Small parts that every page uses.
import { words } from "../lib/format.js";
import { icon } from "../lib/icon.js";
import { h } from "../lib/vdom.js";

/** Says something to screen readers and, for a moment, on the screen. */
export function say(text, tone = "plain") {
  const region = document.getElementById("said");
  region.textContent = "";
  setTimeout(() => { region.textContent = text; }, 30);
  for (const old of document.querySelectorAll(".toast")) old.remove();
  const toast = document.createElement("div");
  toast.className = `toast toast-${tone}`;
  // The region says it; twice would be once too often.
  toast.setAttribute("aria-hidden", "true");
  toast.textContent = text;
  (document.querySelector("dialog[open]") ?? document.body).append(toast);
  setTimeout(() => toast.remove(), 4_000);
}

/** Copies, and says so. */
export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied", "good");
  } catch {
    say("The browser does not let this page copy: select the text instead", "bad");
  }
}

/** Whether whoever is signed in has a role: what he may not is not offered to him. */
export const may = (visit, role) => Boolean(visit.shell.who?.roles?.includes(role));

/** A button; `kind` is `plain`, `main`, `quiet` or `danger`. */
export function button(label, onclick, { kind = "plain", glyph, small, type = "button", disabled, title, key } = {}) {
  const classes = `button button-${kind}${small ? " button-small" : ""}`;
  return h("button", { type, class: classes, onclick, disabled, title, key }, glyph && icon(glyph, 16), h("span", null, label));
}

/** A button that is only an icon, with its words for those who do not see it. */
export const iconButton = (label, glyph, onclick, props = {}) =>
  h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...props }, icon(glyph));

/** A button that copies. */
export const copyButton = (text, what = "Copy") => button(what, () => copy(text), { kind: "quiet", glyph: "copy", small: true });

/** A link to a page of the console, or a plain one. */
export const to = (href, props, ...children) => h("a", { href, ...props }, ...children);

/** An id in monospace. */
export const mono = (text, props) => h("code", { class: "mono", ...props }, text ?? "–");

const GOOD = "GRANTED DELIVERED ACTIVE DONE SIGNED READY SETTLED PAID RESOLVED APPROVED PASSED AGREED SUCCESS " +
  "COMPLETED OK VERIFIED RELEASED STANDARD ACCEPTED";
const BAD = "REJECTED PARKED FAILED ERROR NPA RETURNED REVOKED WRITTEN_OFF CANCELLED STUCK REFUSED DIFFERENT STOPPED " +
  "SUBSTANDARD DOUBTFUL LOSS INJECTED";
const WARN = "PENDING ACTION_REQUIRED EXPIRED WAITING SENDING UNKNOWN NEW NEED_MORE_INFO SMA_0 SMA_1 SMA_2 SMA0 SMA1 SMA2 " +
  "OVERDUE STALE PENDING_AUTH CANCELLING DUE SKIPPED";
const BUSY = "RECEIVED PROCESSING UNDERWRITING OFFERED OFFER_ACCEPTED OTP_SENT GRANTING PROPOSED RESERVED OPEN " +
  "RUNNING PRESENTING OPENING";
const TONES = new Map([[GOOD, "good"], [BAD, "bad"], [WARN, "warn"], [BUSY, "busy"]]
  .flatMap(([list, tone]) => list.split(" ").map((word) => [word, tone])));

/** Which colour a state has. */
export const tone = (state) => TONES.get(String(state ?? "").toUpperCase().replaceAll(/[ -]/g, "_")) ?? "plain";

/** A state as a chip. */
export const chip = (state, as = tone(state), label = words(String(state ?? "–").toUpperCase() === state ? state : state)) =>
  h("span", { class: `chip chip-${as}` }, label.charAt(0).toUpperCase() + label.slice(1));

/** A titled box. */
export function panel(title, { aside, id, flush } = {}, ...children) {
  return h("section", { class: `panel${flush ? " panel-flush" : ""}`, "aria-labelledby": id ?? slug(title), key: `panel ${title}` },
    h("header", { class: "panel-head" }, h("h2", { id: id ?? slug(title) }, title), aside && h("div", { class: "panel-aside" }, aside)),
    h("div", { class: "panel-body" }, ...children));
}

/** An id made of words. */
export const slug = (text) => `x-${String(text).toLowerCase().replaceAll(/[^a-z0-9]+/g, "-")}`;

/** Names with values: `[["Stage", chip], …]`; what has no value is left out. */
export function facts(pairs, { columns = false } = {}) {
  const known = pairs.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return h("dl", { class: `facts${columns ? " facts-columns" : ""}` },
    known.map(([name, value]) => h("div", { key: name }, h("dt", null, name), h("dd", null, value))));
}

/** What is said where there is nothing yet. */
export function empty(title, ...more) {
  return h("div", { class: "empty" }, h("p", { class: "empty-title" }, title), ...more);
}

/** The command that drives loans through this sandbox; the ports that it has anyhow are not named. */
export function journey(who, options = "") {
  const words = ["ocen-lender journey", options];
  if (who?.lspPort && who.lspPort !== 8080) words.push(`--url http://${location.hostname}:${who.lspPort}`);
  if (location.port !== "8081") words.push(`--admin-url ${location.origin}`);
  return command(words.filter(Boolean).join(" "));
}

/** A command to be typed, with a button that copies it. */
export const command = (text) =>
  h("div", { class: "command" }, h("code", null, text), h("button", {
    type: "button", class: "icon-button", "aria-label": `Copy ${text}`, title: "Copy", onclick: () => copy(text),
  }, icon("copy", 16)));

/** What is said when something failed. */
export function trouble(error, again) {
  return h("div", { class: "notice notice-bad", role: "alert" },
    h("p", null, h("strong", null, error.status ? `${error.status}: ` : ""), error.message),
    again && button("Try again", again, { small: true, glyph: "again" }));
}

/** A remark in a box. */
export const notice = (as, ...children) => h("div", { class: `notice notice-${as}` }, ...children);

/** Grey bars in the shape of what is coming. */
export const waiting = (rows = 6) =>
  h("div", { class: "waiting", role: "status" }, h("span", { class: "unseen" }, "Loading"),
    Array.from({ length: rows }, (_, i) => h("div", { class: "bone", key: i, "aria-hidden": "true" })));
