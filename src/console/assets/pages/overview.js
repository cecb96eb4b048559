// What goes on: counts, traffic, delivery, and what happened last.
import * as api from "../lib/api.js";
import { bars, parts, plot } from "../lib/chart.js";
import { ago, count, hour, many, shortDay, span, words } from "../lib/format.js";
import { briefly, rupees } from "../lib/money.js";
import { h } from "../lib/vdom.js";
import { empty, journey, panel, to, tone } from "../parts/basics.js";

const DAY = 86_400_000;

export default {
  title: "Overview",
  load: (visit, options) => api.get(api.withQuery("/admin/overview", { span: visit.query.span }), options),
  view(data, visit) {
    if (data.applications.total === 0 && data.recent.length === 0) return welcome(data, visit);
    return [
      h("div", { class: "tiles" }, tiles(data, Boolean(visit.shell.who?.orgId))),
      h("div", { class: "grid" },
        h("div", { class: "span-8" }, panel("Traffic", { aside: spans(visit) }, traffic(data.traffic))),
        h("div", { class: "span-4" }, panel("Delivery", { aside: to("/console/callbacks", {}, "All callbacks") }, delivery(data))),
        h("div", { class: "span-6" }, panel("Applications by stage", { aside: to("/console/applications", {}, "All applications") }, stages(data))),
        h("div", { class: "span-6" }, panel("Loans by status", { aside: to("/console/loans", {}, "All loans") }, statuses(data)))),
      panel("What happened last", {}, recent(data.recent)),
    ];
  },
};

function tiles({ applications, loans, callbacks, decisions, disputes, unknownPayouts }, linked) {
  const tile = (href, name, value, below, as = "") => h("a", { class: `tile ${as}`, href, key: name },
    h("span", { class: "tile-name" }, name), h("strong", { class: "tile-value" }, value), h("span", { class: "tile-below" }, below));
  return [
    tile("/console/applications", "Applications", atLeast(applications), `${count(open(applications))} open`),
    tile("/console/loans", "Outstanding", briefly(loans.outstanding), `${rupees(loans.outstanding)} on ${many(running(loans), "loan")}`),
    tile("/console/callbacks?state=pending", "Callbacks waiting", count(callbacks.pending),
      callbacks.pending > 0 ? `the oldest for ${span(callbacks.oldestPendingSeconds ?? 0)}` : "everything is delivered",
      callbacks.oldestPendingSeconds > 120 ? "tile-warn" : ""),
    tile("/console/callbacks?state=parked", "Callbacks parked", count(callbacks.parked), callbacks.parked > 0 ? "given up; redeliver them" : "nothing was given up", callbacks.parked > 0 ? "tile-bad" : ""),
    !linked && tile("/console/decisions", "Decisions to make", count(decisions.open), decisions.open > 0 ? "left to a human" : "the rules decided all", decisions.open > 0 ? "tile-warn" : ""),
    tile("/console/disputes", "Open disputes", count(disputes.open), disputes.open > 0 ? "borrowers wait for an answer" : "no borrower complains", disputes.open > 0 ? "tile-warn" : ""),
    !linked && unknownPayouts > 0 && tile("/console/loans", "Payouts unknown", count(unknownPayouts), "the bank did not say; resolve by hand", "tile-bad"),
  ];
}

const atLeast = ({ total, capped }) => `${count(total)}${capped ? "+" : ""}`;

const ENDED = new Set(["GRANTED", "REJECTED", "EXPIRED"]);

const open = (applications) =>
  applications.byStage.filter((one) => !ENDED.has(one.stage)).reduce((total, one) => total + one.count, 0);

const OVER = new Set(["CLOSED", "WITHDRAWN"]);

const running = (loans) => loans.byStatus.filter((one) => !OVER.has(one.status)).reduce((total, one) => total + one.count, 0);

const SPANS = [["1h", "Hour"], ["24h", "Day"], ["7d", "Week"]];

const spans = (visit) => h("div", { class: "segments", role: "group", "aria-label": "Time" }, SPANS.map(([span, name]) => h("button", {
  type: "button", key: span, "aria-pressed": String((visit.query.span ?? "1h") === span), onclick: () => visit.ask({ span: span === "1h" ? "" : span }),
}, name)));

function traffic(buckets) {
  if (buckets.length === 0) return empty("No messages in this time.");
  const long = buckets.length > 1 && Date.parse(buckets.at(-1).at) - Date.parse(buckets[0].at) > 2 * DAY;
  const word = (at) => (long ? shortDay(at) : hour(at));
  const every = Math.max(1, Math.ceil(buckets.length / 6));
  return plot({
    title: "Messages over time",
    labels: buckets.map((one) => (long ? `${shortDay(one.at)}, ${hour(one.at)}` : hour(one.at))),
    ticks: buckets.map((one, at) => ({ at, text: word(one.at) })).filter(({ at }) => at % every === 0),
    series: [
      { name: "Requests", tone: "1", kind: "area", values: buckets.map((one) => one.requests) },
      { name: "Callbacks", tone: "2", kind: "area", values: buckets.map((one) => one.callbacks) },
      { name: "Refused", tone: "warn", kind: "line", values: buckets.map((one) => one.refused) },
      { name: "Failed attempts", tone: "bad", kind: "line", values: buckets.map((one) => one.failedAttempts) },
    ],
    height: 216,
  });
}

function delivery({ callbacks, traffic }) {
  const total = (name) => traffic.reduce((sum, one) => sum + one[name], 0);
  const [sent, failed] = [total("callbacks"), total("failedAttempts")];
  const tried = sent + failed;
  const rate = tried === 0 ? "–" : `${((sent / tried) * 100).toFixed(failed === 0 ? 0 : 1)} %`;
  return [
    h("p", { class: "big", key: "rate" }, rate, h("span", null, tried === 0 ? " nothing was sent yet" : " of attempts acknowledged")),
    parts("Attempts", [
      { name: "Acknowledged", value: sent, tone: "good" },
      { name: "Failed", value: failed, tone: "bad" },
    ]),
    h("hr", { class: "rule" }),
    parts("Not delivered", [
      { name: "Waiting", value: callbacks.pending, tone: "warn" },
      { name: "Parked", value: callbacks.parked, tone: "bad" },
    ]),
    h("p", { class: "muted small", key: "oldest" }, callbacks.pending > 0
      ? `The oldest has waited for ${span(callbacks.oldestPendingSeconds ?? 0)}.` : "Nothing waits."),
  ];
}

const CHART = { good: "good", bad: "bad", warn: "warn", busy: "1", plain: "plain" };

function stages({ applications }) {
  const items = applications.byStage.map(({ stage, count: value }) => ({
    name: words(stage), value, tone: CHART[tone(stage)], href: `/console/applications?stage=${stage}`,
  }));
  return items.length ? bars(items) : empty("No applications yet.");
}

function statuses({ loans }) {
  const items = loans.byStatus.map(({ status, count: value }) => ({
    name: words(status), value, tone: CHART[tone(status)], href: `/console/loans?status=${status}`,
  }));
  return items.length ? bars(items) : empty("No loans yet.", h("p", null, "A loan begins when the lender grants an application and pays it out."));
}

function recent(items) {
  if (items.length === 0) return empty("Nothing happened yet.");
  return h("ol", { class: "feed" }, items.map((one, i) => h("li", { key: `${one.at} ${one.loanApplicationId} ${one.detail} ${i}` },
    h("span", { class: "feed-detail" }, one.detail ?? words(one.kind)),
    one.loanApplicationId && to(`/console/applications${api.path(one.orgId, one.loanApplicationId)}`, { class: "mono" }, one.loanApplicationId),
    h("span", { class: "muted feed-org" }, one.orgId),
    ago(one.at))));
}

function welcome({ mode }, visit) {
  if (visit.shell.who?.orgId) return empty("Nothing has arrived from you yet.", h("p", null, "Your first accepted request shows here."));
  return h("div", { class: "welcome" },
    h("h2", null, "Nothing has arrived yet"),
    h("p", null, mode === "serve"
      ? "Register an LSP with its public key and callback address; its first signed request shows here."
      : "Drive a whole loan through this server, from application to closure, with one command:"),
    mode !== "serve" && journey(visit.shell.who),
    h("ol", { class: "steps" },
      h("li", null, to("/console/lsps", {}, "Register an LSP"), " or use the demo LSP that the sandbox has."),
      h("li", null, "Post a request to ", h("code", null, "/v3/…"), " on the LSP listener; its ", h("code", null, "/docs"), " has one of each to copy."),
      h("li", null, "If it is refused, ", to("/console/signature", {}, "check your signature"), ": it names the first mismatch.")));
}
