// Sandbox: what the borrower, the bank and the aggregator do next, told by hand.
import * as api from "../lib/api.js";
import { words } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { button, chip, empty, mono, panel, say } from "./basics.js";
import { scenarioPanel } from "./scenario.js";

/** Tells the sandbox an outcome and says what came of it. */
export async function tell(visit, path, body, done) {
  try {
    await api.post(path, body);
    say(done, "good");
    visit.reload();
  } catch (error) {
    say(error.message, "bad");
  }
}

/** The panes of one application. */
export function outcomes(full, visit) {
  if (!full) return empty("Loading…");
  const { state } = full;
  const deal = state?.stage?.deal;
  return [
    scenarioPanel(visit, visit.params.org, visit.params.id),
    panel("Outcomes by hand", {}, [
      h("p", { class: "muted" }, "With ", h("code", null, "dev --manual"), " these wait until you decide; otherwise the simulated systems have answered already."),
      h("ul", { class: "acts" },
        consent(visit, "Data consent", state?.data_consent),
        consent(visit, "Monitoring consent", state?.monitoring_consent),
        mandate(visit, deal?.repayment)),
    ]),
  ];
}

function consent(visit, name, facet) {
  if (!facet?.handle) return line(name, facet, h("span", { class: "muted" }, "not asked for yet"));
  const path = `/sandbox/consents${api.path(facet.handle)}`;
  return line(name, facet, [
    button("Approve", () => tell(visit, path, { outcome: "approve" }, "The borrower approves"), { small: true }),
    button("Reject", () => tell(visit, path, { outcome: "reject" }, "The borrower rejects"), { small: true, kind: "danger" }),
  ], facet.handle);
}

function mandate(visit, facet) {
  if (!facet?.plan) return line("Mandate", facet, h("span", { class: "muted" }, "no plan chosen yet"));
  const path = `/sandbox/mandates${api.path(facet.plan)}`;
  const act = (label, body, done, kind) => button(label, () => tell(visit, path, body, done), { small: true, kind });
  return line("Mandate", facet, [
    act("Authorise", { outcome: "authorise" }, "The borrower authorises"),
    act("Refuse", { outcome: "refuse" }, "The borrower refuses", "danger"),
    act("Cancel", { outcome: "cancel" }, "The borrower cancels", "danger"),
    act("Bounce the next debit", { next: "bounce" }, "The next debit bounces", "danger"),
  ], facet.plan);
}

const line = (name, facet, does, id) => h("li", { key: name },
  h("div", null, h("strong", null, name), " ", facet?.state && chip(facet.state, undefined, words(facet.state)), id && h("div", null, mono(id, { class: "mono muted break" }))),
  h("div", { class: "acts-does" }, does));
