// One message to the last byte: verdicts, attempts, what its schema says, header, bytes, and a curl that repeats it.
import * as api from "../lib/api.js";
import { ago, bytes, clock, exactly, took, words } from "../lib/format.js";
import { icon } from "../lib/icon.js";
import { ofBase64url, payload } from "../lib/json.js";
import { h } from "../lib/vdom.js";
import { chip, copyButton, empty, facts, mono, notice, trouble, waiting } from "./basics.js";
import { code } from "./code.js";
import { lay } from "./layer.js";
import { tabs } from "./tabs.js";

/** Opens a message in the drawer. */
export function openMessage(id, { name, onclose, reason } = {}) {
  const state = { message: null, error: null, tab: "checks" };
  const load = async () => {
    try {
      state.message = await api.get(api.withQuery(`/admin/messages${api.path(id)}`, { reveal: reason ? "true" : null }), { reason });
      state.error = null;
    } catch (error) {
      state.error = error;
    }
    layer.update();
  };
  const layer = lay({
    kind: "drawer",
    title: name ?? "Message",
    below: () => state.message && heading(state.message),
    body: (self) => {
      if (state.error) return trouble(state.error, load);
      if (!state.message) return waiting(6);
      return tabs("Message", panes(state.message), state.tab, (tab) => { state.tab = tab; self.update(); });
    },
    onclose,
  });
  load();
  return layer;
}

const WAY = { in: "LSP → lender", out: "Lender → LSP", ask: "Lender → its system" };
const inward = (message) => message.direction === "in";

const heading = (message) => h("p", { class: "drawer-below" },
  chip(message.direction, "plain", WAY[message.direction] ?? message.direction), message.state && chip(message.state),
  message.injected && chip("injected", "bad", `Injected: ${message.injected}`), ago(message.at));

function panes(message) {
  const failed = message.checks.filter((check) => check.outcome === "failed").length;
  return [
    { id: "checks", name: message.direction === "ask" ? "About" : "Verdict", count: failed, view: () => verdict(message) },
    { id: "body", name: "Body", view: () => body(message) },
    { id: "raw", name: "Bytes", view: () => raw(message) },
    message.jws && { id: "jws", name: "Signature", view: () => signature(message.jws) },
    message.direction !== "ask" && { id: "schema", name: "Schema", count: message.schemaDifferences?.length, view: () => schema(message) },
    message.attempts?.length > 0 && { id: "attempts", name: "Attempts", count: message.attempts.length, view: () => attempts(message.attempts) },
    message.curl && { id: "curl", name: "curl", view: () => curl(message) },
  ];
}

const GLYPH = { passed: "check", failed: "cross", skipped: "dash" };

/** Checks with their outcomes. */
export const checks = (all) => h("ol", { class: "checks" }, all.map((check) =>
  h("li", { key: check.name, class: `check check-${check.outcome}` },
    h("span", { class: "check-glyph" }, icon(GLYPH[check.outcome] ?? "dash", 15), h("span", { class: "unseen" }, `${check.outcome}: `)),
    h("div", null, h("strong", null, words(check.name)), check.detail && h("p", null, check.detail)))));

function verdict(message) {
  return [
    message.checks.length ? checks(message.checks) : notice("plain", h("p", null, "Nothing was checked of this message.")),
    facts([
      ["Operation", mono(message.operation)],
      ["Request id", h("span", { class: "with-copy" }, mono(message.requestId), copyButton(message.requestId))],
      ["LSP", mono(message.orgId)],
      ["Time", exactly(message.at)],
      ["Trace id", message.traceId && mono(message.traceId)],
      ["System", message.port && mono(message.port)],
      ["Outcome", message.outcome],
      ["Tries", message.tries],
      ["Size", message.bytes?.length !== undefined && bytes(message.bytes.length)],
      ["Message id", mono(message.id)],
    ]),
  ];
}

const erased = (message) => empty(message.erasedAt ? `Erased on ${exactly(message.erasedAt)} at the end of its retention.` : "The bytes are no longer kept.");

function body(message) {
  if (!message.bytes) return erased(message);
  if (message.masked) return [masked(), code("What it says, masked", JSON.stringify(message.body), { json: true })];
  return code("What it says", payload(message.bytes.text), { json: true });
}

const masked = () => notice("plain", h("p", null, "Personal data is masked. Show it on the application's page, with a reason."));

function raw(message) {
  if (!message.bytes) return erased(message);
  if (message.masked) return masked();
  return [
    h("p", { class: "muted small" }, message.remade
      ? "As the next attempt would send it: what it says is frozen, time and signature are new with each attempt."
      : message.direction === "out" ? "Exactly as the last attempt sent it." : "Exactly as it went over the wire, before any decoding."),
    code("As text", message.bytes.text, { wrap: true }),
    message.bytes.base64 && code("As base64", message.bytes.base64, { wrap: true }),
  ];
}

function signature(jws) {
  const header = typeof jws.protected === "string" ? ofBase64url(jws.protected) ?? jws.protected : JSON.stringify(jws.protected);
  return [
    facts([
      ["Key id", mono(jws.kid)],
      ["Algorithm", mono(jws.alg)],
      ["SHA-256 of the signing input", jws.signingInputSha256 && h("span", { class: "with-copy" }, mono(jws.signingInputSha256, { class: "mono break" }), copyButton(jws.signingInputSha256))],
    ]),
    code("Protected header, decoded", header, { json: true }),
    h("p", { class: "muted small" }, "The signing input is the encoded header, a dot, and the encoded payload, as received. If your own digest of it differs, something wrote the JSON anew in between."),
  ];
}

function schema(message) {
  const differences = message.schemaDifferences ?? [];
  if (differences.length === 0) return empty("It is as the published schema has it.");
  return [
    h("p", { class: "muted small" }, "Where it differs from the published schema. Known differences are accepted; see the API guide."),
    h("ol", { class: "differences" }, differences.map((one) => h("li", { key: `${one.pointer} ${one.problem}` }, mono(one.pointer || "/"), h("p", null, one.problem)))),
  ];
}

/** Attempts to deliver, one below the other. */
export const attempts = (all) => h("ol", { class: "attempts" }, all.map((one, i) => {
  const good = /^(deliver|ok|ack|accept)/i.test(one.verdict ?? "") || (!one.verdict && one.status >= 200 && one.status < 300 && !one.error);
  return h("li", { key: i },
    h("div", { class: "attempt-head" }, h("strong", null, `Attempt ${one.number ?? i + 1}`),
      one.status && chip(String(one.status), good ? "good" : "bad"), one.verdict && chip(one.verdict, good ? "good" : "bad"),
      one.injected && chip("injected", "bad", `Injected: ${one.injected}`),
      h("span", { class: "muted" }, `${clock(one.at)} · ${took(one.durationMs)}`)),
    one.error && h("p", { class: "attempt-error" }, one.error),
    one.answer !== undefined && one.answer !== null && code("Answer", typeof one.answer === "string" ? one.answer : JSON.stringify(one.answer), { json: true }));
}));

const curl = (message) => [
  h("p", { class: "muted small" }, inward(message)
    ? "Sends the same bytes to this server again. With the same request id and body it is answered as before, and nothing is applied twice."
    : "Sends the same bytes to the LSP again, as delivery did."),
  code("curl", message.curl, { wrap: true }),
];
