// Sandbox: the clock, what goes wrong on purpose, and states to come back to. Only in `dev`.
import * as api from "../lib/api.js";
import { clock, day, exactly, many, serverSays, shortDay } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { button, empty, journey, mono, notice, panel, say, to } from "../parts/basics.js";
import { faultsPanel } from "../parts/faults.js";
import { field, values } from "../parts/form.js";
import { codes, scenarioPanel } from "../parts/scenario.js";
import { snapshotsPanel } from "../parts/snapshots.js";

const STEPS = [["PT1H", "1 hour"], ["P1D", "1 day"], ["P7D", "1 week"], ["P1M", "1 month"], ["P3M", "3 months"]];
const UNTIL = [["nextEvent", "the next event of any loan"], ["firstBounce", "the first bounce"], ["npa", "NPA"], ["closed", "the loan is closed"]];

export default {
  title: "Sandbox controls",
  async load(visit, options) {
    const [reading, lsps, known, faults, snapshots] = await Promise.all([
      api.get("/sandbox/clock", options), api.get("/admin/lsps?limit=100", options), codes(), api.get("/sandbox/faults", options), api.get("/sandbox/snapshots", options),
    ]);
    serverSays(reading.now);
    return { clock: reading, lsps: lsps.items, codes: known, faults, snapshots };
  },
  view(data, visit) {
    const org = visit.state.org ?? data.lsps[0]?.orgId;
    return [
      h("div", { class: "grid", key: "first" },
        h("div", { class: "span-7" }, clockPanel(data.clock, visit)),
        h("div", { class: "span-5" }, happened(visit))),
      h("div", { class: "grid", key: "second" },
        h("div", { class: "span-6" }, org && h("div", { key: org, class: "stack" },
          field({ name: "org", id: "scenario-org", label: "Scenarios of", options: data.lsps.map((lsp) => [lsp.orgId, `${lsp.orgId} · ${lsp.name}`]), value: org, onchange: (event) => { visit.state.org = event.target.value; visit.update(); } }),
          scenarioPanel(visit, org)), codeList(data.codes)),
        h("div", { class: "span-6" }, faultsPanel(visit, data.faults, data.lsps), snapshotsPanel(visit, data.snapshots), journeyPanel(visit))),
    ];
  },
};

async function move(visit, body) {
  const { state } = visit;
  if (state.moving) return;
  state.moving = true;
  state.failed = null;
  visit.update();
  try {
    const answer = await api.post("/sandbox/clock", body);
    serverSays(answer.now);
    state.happened = answer.happened ?? [];
    say(`It is ${day(answer.businessDate)} now; ${many(state.happened.length, "thing")} happened`, "good");
  } catch (error) {
    state.failed = error;
  }
  state.moving = false;
  await visit.reload();
}

function clockPanel(reading, visit) {
  const { state } = visit;
  const submit = (make) => (event) => {
    event.preventDefault();
    const body = make(values(event.currentTarget));
    if (body) move(visit, body);
  };
  return panel("Test clock", { aside: state.moving && h("span", { class: "busy" }, "Running the days…") },
    h("p", { class: "big", key: "day" }, day(reading.businessDate), h("span", null, ` ${clock(reading.now)} IST`)),
    h("p", { class: "muted", key: "about" }, "Every day in between is run to its end: interest, dues, debits, notices, classification, expiry. It goes forward only; a snapshot takes you back."),
    state.failed && notice("bad", h("p", { role: "alert" }, state.failed.message)),
    h("div", { class: "card-does", key: "steps" }, STEPS.map(([advance, label]) => button(`+ ${label}`, () => move(visit, { advance }), { small: true, disabled: state.moving, key: advance }))),
    h("form", { class: "inline-form", key: "to", onsubmit: submit(({ to: date }) => date && { to: date }) },
      field({ name: "to", id: "clock-to", label: "To the day", type: "date", value: "" }),
      h("button", { class: "button button-plain", type: "submit", disabled: state.moving }, h("span", null, "Go"))),
    h("form", { class: "inline-form", key: "until", onsubmit: submit(({ until, loanId }) => ({ until, ...(loanId ? { loanId } : {}) })) },
      field({ name: "until", id: "clock-until", label: "Until", options: UNTIL }),
      field({ name: "loanId", id: "clock-loan", label: "Of the loan", placeholder: "Loan id", mono: true, value: visit.query.loan ?? "" }),
      h("button", { class: "button button-plain", type: "submit", disabled: state.moving }, h("span", null, "Go"))));
}

function happened({ state }) {
  const all = state.happened;
  return panel("What the last move brought", {}, !all
    ? empty("Move the clock to see what happens.")
    : all.length === 0
      ? empty("Nothing happened to any loan.")
      : h("ol", { class: "feed feed-tall", tabindex: 0, "aria-label": "What happened" }, all.slice(0, 500).map((one, i) => h("li", { key: i },
        h("span", { class: "feed-detail" }, one.what),
        to(one.loanId ? `/console/loans${api.path(one.loanId)}` : `/console/applications${api.path(one.orgId, one.loanApplicationId)}`, { class: "mono" }, one.loanId ?? one.loanApplicationId),
        h("time", { class: "muted", datetime: one.at, title: exactly(one.at) }, shortDay(one.at))))));
}

function codeList(all) {
  if (all.length === 0) return null;
  return panel("All codes", { aside: h("span", { class: "muted" }, many(all.length, "code")) },
    h("p", { class: "muted", key: "how" }, "A code also works inside the data: PAN ", h("code", null, "ZZZPX0302Z"), ", mobile ", h("code", null, "9999000302"), ", the last four rupees of the amount, or the header ", h("code", null, "X-Sandbox-Scenario"), "."),
    h("dl", { class: "codes codes-tall", key: "codes", tabindex: 0, "aria-label": "Codes" }, all.map((one) => h("div", { key: one.code }, h("dt", null, mono(one.code)), h("dd", null, one.meaning)))));
}

const journeyPanel = ({ shell }) => panel("A scripted LSP", {},
  h("p", { class: "muted", key: "about" }, "Drives loans from application to closure over HTTP and prints each message."),
  journey(shell.who, "--count 3"));
