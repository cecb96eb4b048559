// One application: where it stands, and everything that was said about it.
import * as api from "../lib/api.js";
import { ago, many, words } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { button, chip, empty, facts, may, mono, panel, say, to } from "../parts/basics.js";
import { code } from "../parts/code.js";
import { ask } from "../parts/form.js";
import { outcomes } from "../parts/outcomes.js";
import { openMessage } from "../parts/message.js";
import { KINDS, sequence } from "../parts/sequence.js";
import { table } from "../parts/table.js";
import { reveal } from "../parts/reveal.js";
import { tabs } from "../parts/tabs.js";

const PAGE = 200;
const WAY = ["RECEIVED", "PROCESSING", "UNDERWRITING", "OFFERED", "OFFER_ACCEPTED", "OTP_SENT", "AGREED", "GRANTING", "GRANTED"];

const base = ({ params }) => `/admin/applications${api.path(params.org, params.id)}`;

export default {
  title: (visit) => visit.params.id,
  trail: () => ["/console/applications", "Applications"],
  personal: (visit) => needsState(visit),
  topics: ["applications", "callbacks", "asks"],
  ofOne: true,
  async load(visit, options) {
    const { params, state } = visit;
    const [timeline, row, full] = await Promise.all([
      items(visit, options),
      api.get(api.withQuery("/admin/applications", { orgId: params.org, q: params.id, limit: 50 }), options)
        .then((list) => list.items.find((one) => one.loanApplicationId === params.id)),
      // Large: only for who looks at the state.
      needsState(visit) ? state_of(visit, options) : null,
    ]);
    if (!row && timeline.items.length === 0) throw new api.Failed(404, { detail: "There is no such application." });
    if (visit.query.message && !state.opened) open(visit, { messageId: visit.query.message });
    return { timeline, row: row ?? {}, full, gaveBack: row?.monitoringConsent === "FAILED" && await gaveBack(timeline, full, visit, options) };
  },
  view(data, visit) {
    const { row } = data;
    const linked = Boolean(visit.shell.who?.orgId);
    const pane = visit.query.pane ?? "timeline";
    return [
      h("div", { class: "summary", key: "summary" },
        h("div", { class: "summary-head" },
          row.stage && chip(row.stage),
          h("span", { class: "muted" }, linked ? row.orgId : to(`/console/lsps${api.path(visit.params.org)}`, {}, visit.params.org)),
          row.loanId && h("span", null, "Loan ", to(`/console/loans${api.path(row.loanId)}`, { class: "mono" }, row.loanId)),
          row.updatedAt && h("span", { class: "muted" }, "changed ", ago(row.updatedAt)),
          h("span", { class: "summary-tools" },
            !linked && button("Transcript", () => transcript(visit), { glyph: "download", small: true }),
            reveal(visit))),
        row.stage && way(row.stage),
        row.stage && facts([
          ["Data consent", chip(row.dataConsent)], ["Monitoring", monitoring(row.monitoringConsent, data.gaveBack)], ["KYC", chip(row.kyc)],
          ["Agreement", chip(row.agreement)], ["Repayment", chip(row.repaymentSetup)], ["Account", chip(row.accountSetup)],
        ], { columns: true })),
      tabs("Application", [
        { id: "timeline", name: "Timeline", view: () => timelinePane(data, visit) },
        !linked && { id: "state", name: "State", view: () => statePane(data) },
        !linked && { id: "asks", name: "Questions to systems", view: () => asksPane(data) },
        visit.shell.who?.mode !== "serve" && may(visit, "operator") && { id: "sandbox", name: "Sandbox", view: () => outcomes(data.full, visit) },
      ], pane, (id) => visit.ask({ pane: id === "timeline" ? "" : id })),
    ];
  },
};

const needsState = (visit) => Boolean(visit.query.pane) && visit.query.pane !== "timeline" && !visit.shell.who?.orgId;

const state_of = (visit, options) =>
  api.get(api.withQuery(base(visit), { reveal: visit.state.reason ? "true" : null }), { ...options, reason: visit.state.reason });

async function items(visit, options) {
  const all = { lanes: [], items: [], nextCursor: null };
  const wanted = (visit.state.pages ??= 1);
  for (let page = 0; page < wanted; page += 1) {
    const query = { limit: PAGE, cursor: all.nextCursor, reveal: visit.state.reason ? "true" : null };
    const next = await api.get(api.withQuery(`${base(visit)}/timeline`, query), { ...options, reason: visit.state.reason });
    all.lanes = next.lanes;
    all.items.push(...next.items);
    all.nextCursor = next.nextCursor;
    if (!next.nextCursor) break;
  }
  return all;
}

function open(visit, item) {
  visit.state.opened = item.id ?? item.messageId;
  visit.note({ message: item.messageId });
  openMessage(item.messageId, {
    name: item.operation ?? "Message",
    reason: visit.state.reason,
    onclose: () => {
      visit.state.opened = null;
      visit.note({ message: "" });
      visit.update();
    },
  });
  visit.update();
}

// A consent that we gave back when its loan was over ends as a failed one does, and nothing failed.
const monitoring = (consent, ours) => (ours ? chip(consent, "plain", "Given back") : chip(consent));

/** Whether we gave it back; of a long history the first page does not tell. */
async function gaveBack(timeline, full, visit, options) {
  const tells = (what) => what === "Monitoring consent revoked";
  if (timeline.items.some((item) => item.kind === "event" && tells(item.detail))) return true;
  if (!timeline.nextCursor || visit.shell.who?.orgId) return false;
  visit.state.gaveBack ??= (full ?? await state_of(visit, options)).events.some((event) => tells(event.what));
  return visit.state.gaveBack;
}

/** How far it came. */
function way(stage) {
  const at = WAY.indexOf(stage);
  const strip = h("ol", { class: `way${at < 0 ? " way-off" : ""}`, "aria-label": `Stage: ${words(stage)}`, key: "way" }, WAY.map((one, i) =>
    h("li", { key: one, class: i < at || stage === "GRANTED" ? "done" : i === at ? "now" : null, "aria-current": i === at ? "step" : null }, h("span", null, words(one)))));
  return h("div", { key: "way-of" }, strip, h("p", { class: "way-now", "aria-hidden": "true" }, words(stage)));
}

function timelinePane({ timeline }, visit) {
  const off = (visit.state.off ??= new Set());
  const shown = timeline.items.filter((item) => !KINDS.some(([id, , kinds]) => off.has(id) && kinds.has(item.kind)));
  const counted = (kinds) => timeline.items.filter((item) => kinds.has(item.kind)).length;
  return [
    h("div", { class: "kinds", role: "group", "aria-label": "What to show", key: "kinds" }, KINDS.map(([id, name, kinds]) => h("button", {
      type: "button", key: id, class: "kind", "aria-pressed": String(!off.has(id)),
      onclick: () => { if (!off.delete(id)) off.add(id); visit.update(); },
    }, name, h("span", { class: "muted" }, String(counted(kinds))))),
    timeline.lanes.length > 3 && h("button", {
      type: "button", class: "kind kind-lanes", "aria-pressed": String(Boolean(visit.state.each)),
      onclick: () => { visit.state.each = !visit.state.each; visit.update(); },
    }, "A lane for each system")),
    shown.length === 0
      ? empty(timeline.items.length === 0 ? "Nothing was said yet." : "Everything is left out. Choose what to show.")
      : sequence({ lanes: timeline.lanes, items: shown }, { open: (item) => open(visit, item), chosen: visit.state.opened, each: visit.state.each }),
    timeline.nextCursor && h("div", { class: "more", key: "more" }, button("Load more", () => { visit.state.pages += 1; visit.reload(); })),
  ];
}

function statePane({ full }) {
  if (!full) return empty("Loading the state…");
  return panel("State", { aside: h("span", { class: "muted" }, `revision ${full.revision}`) }, code("As it is stored", JSON.stringify(full.state), { json: true }));
}

function asksPane({ full }) {
  if (!full) return empty("Loading…");
  const asks = full.asks.filter((ask) => ask.port !== "timer");
  if (asks.length === 0) return empty("Nothing was asked of the lender's systems yet.");
  return table({
    caption: `${many(asks.length, "question")} to the lender's systems`,
    rows: asks,
    key: (ask) => ask.askId,
    columns: [
      { name: "Question", cell: (ask) => mono(`${ask.port}.${ask.method}`) },
      { name: "State", cell: (ask) => chip(ask.state) },
      { name: "Outcome", cell: (ask) => ask.outcome ?? "–" },
      { name: "Tries", right: true, cell: (ask) => String(ask.tries) },
      { name: "Asked", right: true, cell: (ask) => ago(ask.createdAt) },
      { name: "Ended", right: true, cell: (ask) => ago(ask.closedAt) },
    ],
  });
}

/** A signed file with every message, for whoever has to prove what was said. */
function transcript(visit) {
  ask({
    title: "Export the transcript",
    text: "A zip with every message, the keys and a chain of hashes, signed by the lender.",
    fields: [
      { name: "view", label: "Personal data", options: [["masked", "Masked"], ["full", "As it is: the file settles a dispute"]] },
      { name: "reason", label: "Reason, where it is shown as it is", hint: "It goes to the audit log." },
    ],
    action: "Export",
    submit: async ({ view, reason }) => {
      const response = await api.get(`${base(visit)}/transcript?view=${view}`, { raw: true, reason: reason || undefined });
      const url = URL.createObjectURL(await response.blob());
      const anchor = document.createElement("a");
      anchor.href = url;
      anchor.download = `${visit.params.org}-${visit.params.id}-${view}.zip`;
      anchor.click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      say("The transcript is on its way", "good");
    },
  });
}
