// Delivery: what was sent, what waits, what was given up; and sending again.
import * as api from "../lib/api.js";
import { ago, many } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { button, chip, empty, may, mono, notice, say } from "../parts/basics.js";
import { filters } from "../parts/filters.js";
import { ask } from "../parts/form.js";
import { openMessage } from "../parts/message.js";
import { pages } from "../parts/pages.js";
import { more, table } from "../parts/table.js";

const STATES = [["", "All states"], ["pending", "Pending"], ["delivered", "Delivered"], ["parked", "Parked"]];

export default {
  title: "Callbacks",
  topics: ["callbacks"],
  load: (visit, options) => pages(visit, "/admin/callbacks", { state: visit.query.state, orgId: visit.query.org, requestId: visit.query.request }, options),
  view(list, visit) {
    const linked = Boolean(visit.shell.who?.orgId);
    const operates = may(visit, "operator");
    const parked = visit.shell.open?.callbacks?.parked ?? 0;
    return [
      !linked && parked > 0 && visit.query.state !== "parked" && notice("warn", h("p", null, `${many(parked, "callback is", "callbacks are")} parked: refused for good, or tried in vain for long. `),
        button("Show them", () => visit.ask({ state: "parked" }), { small: true })),
      filters(visit, {
        selects: [{ name: "state", label: "State", options: STATES }],
        texts: [...(linked ? [] : [{ name: "org", label: "LSP", placeholder: "LSP id" }]), { name: "request", label: "Request id", placeholder: "Request id" }],
        extra: operates && button("Redeliver since…", () => redeliverSince(visit), { glyph: "again", small: true }),
      }),
      list.items.length === 0 ? nothing(visit) : table({
        caption: "Callbacks, newest first",
        rows: list.items,
        key: (row) => row.id,
        onopen: (row) => openMessage(row.id, { name: row.operation }),
        columns: [
          { name: "Callback", cell: (row) => row.operation },
          { name: "State", cell: state },
          { name: "Attempts", right: true, cell: (row) => String(row.attempts) },
          { name: "LSP", hide: "narrow", cell: (row) => h("span", { class: "cut" }, row.orgId) },
          { name: "Request", hide: "middle", cell: (row) => mono(row.requestId, { class: "mono cut", title: row.requestId }) },
          { name: "Decided", hide: "wide", right: true, cell: (row) => ago(row.createdAt) },
          operates && { name: "Again", cell: (row) => h("span", { class: "above" }, button(row.state === "pending" ? "Send now" : "Redeliver", () => redeliver(visit, row), { small: true, kind: "quiet", glyph: "again" })) },
        ].filter(Boolean),
      }),
      more(list, () => list.more(visit)),
    ];
  },
};

// The state, and since or until when, or why.
function state(row) {
  const more = row.state === "pending" ? [row.attempts > 0 ? "next try " : "due ", ago(row.dueAt)]
    : row.state === "parked" ? row.parkedReason ?? "given up" : ago(row.deliveredAt);
  return h("span", { class: "state-of" }, chip(row.state), h("span", { class: row.state === "parked" ? "bad-text small" : "muted small" }, more));
}

async function redeliver(visit, row) {
  try {
    await api.post(`/admin/callbacks${api.path(row.id)}/redeliver`);
    say("Queued again", "good");
    await visit.reload();
  } catch (error) {
    say(error.message, "bad");
  }
}

function redeliverSince(visit) {
  const local = new Date(Date.now() - 3_600_000);
  const value = new Date(local.getTime() - local.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
  ask({
    title: "Redeliver since a time",
    text: "Everything that was decided or delivered since then is sent again, in the old order. LSPs tell copies by the request id.",
    fields: [
      { name: "since", label: "Since (your local time)", type: "datetime-local", required: true, value },
      { name: "orgId", label: "LSP", hint: "Blank: all LSPs.", value: visit.query.org ?? "" },
    ],
    action: "Redeliver all",
    submit: async ({ since, orgId }) => {
      const { queued } = await api.post("/admin/callbacks/redeliver", { since: new Date(since).toISOString(), ...(orgId ? { orgId } : {}) });
      say(`${many(queued, "callback")} queued again`, "good");
      await visit.reload();
    },
  });
}

function nothing({ query }) {
  if (query.state === "parked") return empty("Nothing is parked.", h("p", null, "A callback is parked when its LSP refuses it for good, or after about 72 hours of trying."));
  if (query.state || query.org || query.request) return empty("No callback is like that.");
  return empty("No callbacks yet.", h("p", null, "Each answer of the lender goes to its LSP as a signed callback and shows here."));
}
