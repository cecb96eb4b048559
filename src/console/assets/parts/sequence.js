// What was said about an application, drawn as a sequence between the LSP, the lender and the lender's systems.
import { clock, dateOf, day, exactly, took, words } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { chip } from "./basics.js";

const NAMES = { LSP: "LSP", LENDER: "Lender" };
const SYSTEMS = "systems";

/** The lanes from left to right; the lender's single systems share one unless each is wanted. */
function lanesOf(ids, each) {
  const own = ids.filter((id) => id in NAMES);
  const systems = ids.filter((id) => !(id in NAMES));
  if (each) return ids.map((id) => ({ id, name: NAMES[id] ?? words(id.toUpperCase()) }));
  return [...own.map((id) => ({ id, name: NAMES[id] })), ...(systems.length ? [{ id: SYSTEMS, name: "Systems" }] : [])];
}

/** The diagram; `open(item)` is told which message somebody wants to see. */
export function sequence({ lanes, items }, { open, chosen, each }) {
  const all = lanesOf(lanes, each);
  const at = (id) => {
    const found = all.findIndex((one) => one.id === id);
    return found >= 0 ? found : all.length - 1;
  };
  const rows = [];
  let before = null;
  for (const item of items) {
    const today = dateOf(item.simulatedAt ?? item.at);
    if (today !== before) rows.push(h("li", { class: "sequence-day", key: `day ${today} ${item.id}` }, h("span", null, day(today))));
    before = today;
    rows.push(step(item, at(item.from), at(item.to), { open, chosen, each }));
  }
  return h("div", { class: "sequence", style: { "--lanes": String(all.length) }, key: each ? "each" : "together" },
    h("div", { class: `lanes${all.length > 4 ? " lanes-many" : ""}`, "aria-hidden": "true" }, all.map((one) => h("span", { key: one.id }, one.name))),
    h("div", { class: "sequence-body" },
      h("div", { class: "lifelines", "aria-hidden": "true" }, all.map((one) => h("i", { key: one.id }))),
      h("ol", { class: "steps-list" }, rows)));
}

function step(item, from, to, { open, chosen, each }) {
  const self = from === to;
  const back = to < from;
  const failed = isBad(item);
  const classes = ["step", `step-${item.kind}`, self ? "step-self" : back ? "step-back" : "step-forth", failed && "step-bad",
    item.injected && "step-injected", chosen === item.id && "step-chosen"].filter(Boolean).join(" ");
  const inside = [
    h("span", { class: "step-label" },
      h("span", { class: "step-name" }, name(item, each)),
      h("span", { class: "step-chips" }, chips(item))),
    !self && h("span", { class: "step-arrow", "aria-hidden": "true" }),
  ];
  const style = { "--from": String(Math.min(from, to)), "--span": String(Math.abs(to - from)) };
  const said = `${NAMES[item.from] ?? item.from} to ${NAMES[item.to] ?? item.to}: `;
  return h("li", { class: classes, key: item.id, style },
    h("time", { class: "step-time", datetime: item.at, title: item.simulatedAt ? `${exactly(item.simulatedAt)} by the test clock; really ${exactly(item.at)}` : exactly(item.at) }, clock(item.simulatedAt ?? item.at)),
    item.messageId
      ? h("button", { type: "button", class: "step-body", onclick: () => open(item), "aria-haspopup": "dialog" }, !self && h("span", { class: "unseen" }, said), inside)
      : h("div", { class: "step-body" }, !self && h("span", { class: "unseen" }, said), inside));
}

const isBad = (item) =>
  /^(parked|failed|refused|stuck|error)/i.test(item.state ?? "") || (item.error && item.error !== "0") || Number(item.status) >= 400;

function name(item, each) {
  if (item.kind === "ack") return `ack${item.error && item.error !== "0" ? ` ${item.error}` : ""}`;
  if (item.kind === "scenario") return `Scenario ${item.detail ?? ""}`;
  if (item.kind === "event") return item.detail ?? item.kind;
  const port = { ask: item.to, outcome: item.from }[item.kind];
  if (port && !each) return `${port}.${item.operation}`;
  return item.operation ?? item.detail ?? item.kind;
}

function chips(item) {
  const retried = (item.attempts?.length ?? 0) > 1;
  return [
    item.injected && chip("injected", "bad", `Injected: ${item.injected}`),
    retried && chip("attempts", "warn", `${item.attempts.length} attempts`),
    item.state && !/^(delivered|closed|done|answered)$/i.test(item.state) && chip(item.state),
    item.kind === "outcome" && h("span", { class: "step-detail" }, item.detail ?? (typeof item.status === "string" ? item.status : "")),
    item.kind === "ask" && item.detail && h("span", { class: "step-detail" }, item.detail),
    item.kind === "ack" && item.status && Number(item.status) !== 200 && chip(String(item.status)),
    item.durationMs !== null && item.durationMs !== undefined && h("span", { class: "step-took" }, took(item.durationMs)),
  ];
}

/** What kinds of items a reader may leave out. */
export const KINDS = [
  ["messages", "Messages", new Set(["request", "callback"])],
  ["acks", "Acks", new Set(["ack"])],
  ["ports", "Lender's systems", new Set(["ask", "outcome"])],
  ["events", "Events", new Set(["event", "scenario"])],
];
