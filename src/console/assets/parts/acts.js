// Acts by hand on a loan: proposed with a reason by one person, released or rejected by another.
import * as api from "../lib/api.js";
import { ago, day, words } from "../lib/format.js";
import { rupees } from "../lib/money.js";
import { h } from "../lib/vdom.js";
import { button, chip, empty, facts, may, say } from "./basics.js";
import { ask } from "./form.js";

/** The field for the name of who acts, where the token does not say it. */
export const nameField = (visit, name, label = "Your name") => {
  if (!isShared(visit.shell.who)) return [];
  return [{ name, label, required: true, value: api.actingAs(), hint: "Maker and checker must be two people." }];
};

/** Whether many people may have this token: then it does not say who acts. */
export const isShared = (who) => ["admin", "open", ""].includes(who?.name ?? "");

/** The member for the body; remembers the name for the next time. */
export function named(values, name) {
  if (!values[name]) return {};
  api.actAs(values[name]);
  return { [name]: values[name] };
}

const KINDS = {
  MANUAL_RECEIPT: ["Money received elsewhere", [["amount", "Amount in rupees"], ["valueDate", "Value date", "date"], ["utr", "UTR"]]],
  REVERSE_RECEIPT: ["Take back a payment", [["paymentId", "Payment id"], ["on", "Came back on", "date"]]],
  WAIVE: ["Let off what is due", [["component", "Component", ["PENAL", "FEE", "INTEREST", "PRINCIPAL"]], ["amount", "Amount in rupees"]]],
  REFUND: ["Pay back what is held", [["amount", "Amount in rupees"]]],
  MORATORIUM: ["Let penal charges rest", [["from", "First day", "date"], ["to", "Last day; empty takes it back", "date", true]]],
  WRITE_OFF: ["Write the loan off", []],
  WITHDRAW: ["Withdraw before the payout", []],
  RESOLVE_PAYOUT: ["Resolve an unknown payout", [["paymentId", "Payment id"], ["attempt", "Attempt, if several are in question", "number", true], ["utr", "UTR, if it was paid", "text", true], ["valueDate", "Value date", "date", true]]],
  RESOLVE_DEBIT: ["Resolve a debit that nobody answered for", [["paymentId", "Payment id"], ["utr", "UTR, if it was collected", "text", true], ["valueDate", "Value date", "date", true]]],
  RESOLVE_REFUND: ["Resolve a refund that nobody answered for", [["reference", "Reference of the refund in the book"], ["utr", "UTR, if it was paid", "text", true], ["valueDate", "Value date", "date", true]]],
  RETURN_PAYOUT: ["A payout came back", [["paymentId", "Payment id"], ["on", "Came back on", "date"]]],
};

/** Asks which act, then for what it needs. */
export function proposeAct(visit, loan) {
  ask({
    title: "Propose an act",
    text: "It is done when another person releases it.",
    fields: [{ name: "kind", label: "Act", options: Object.entries(KINDS).map(([kind, [name]]) => [kind, name]) }],
    action: "Next",
    submit: async ({ kind }) => setTimeout(() => details(visit, loan, kind), 0),
  });
}

function details(visit, loan, kind) {
  const [title, wanted] = KINDS[kind];
  const fields = wanted.map(([name, label, type = "text", optional]) => ({
    name, label, required: !optional, ...(Array.isArray(type) ? { options: type.map((one) => [one, words(one)]) } : { type }),
  }));
  ask({
    title,
    text: `On loan ${loan.loanId}.`,
    fields: [...fields, { name: "reason", label: "Reason", type: "textarea", required: true }, ...nameField(visit, "maker")],
    action: "Propose",
    submit: async (read) => {
      const act = { kind };
      for (const { name, type } of fields) if (read[name]) act[name] = type === "number" ? Number(read[name]) : read[name];
      await api.post(`/admin/loans${api.path(loan.loanId)}/acts`, { act, reason: read.reason, ...named(read, "maker") });
      say("Proposed; another person releases it", "good");
      visit.note({ pane: "acts" });
      await visit.reload();
    },
  });
}

/** Acts with what may be done about them. */
export function actsPane(acts, visit) {
  if (acts.length === 0) return empty("Nothing was done by hand.", h("p", null, "What the rules and the bank do by themselves stands in the timeline and the book."));
  return h("ul", { class: "cards" }, acts.map((act) => h("li", { class: "card", key: act.actId },
    h("div", { class: "card-head" }, h("strong", null, KINDS[kindOf(act)]?.[0] ?? words(kindOf(act))), chip(act.state), h("span", { class: "muted" }, ago(act.proposedAt))),
    h("p", null, act.proposal?.reason ?? act.reason),
    facts([...Object.entries(act.proposal?.act ?? act.act ?? {}).filter(([name]) => name !== "kind").map(([name, value]) => [words(name), shown(name, value)]),
      ["Maker", act.maker], ["Checker", act.checker]], { columns: true }),
    act.state === "PROPOSED" && may(visit, "checker") && h("div", { class: "card-does" },
      button("Release", () => check(visit, act, "release"), { kind: "main", small: true }),
      button("Reject", () => check(visit, act, "reject"), { kind: "danger", small: true })))));
}

const kindOf = (act) => (act.proposal?.act ?? act.act)?.kind ?? "";
const shown = (name, value) => (name === "amount" ? rupees(value) : /date$|^on$/i.test(name) ? day(value) : String(value));

function check(visit, act, verb) {
  ask({
    title: verb === "release" ? "Release the act" : "Reject the act",
    text: verb === "release" ? "It is done at once and booked." : "Nothing happens to the loan.",
    fields: nameField(visit, "checker"),
    action: verb === "release" ? "Release" : "Reject",
    danger: verb === "reject",
    submit: async (read) => {
      await api.post(`/admin/acts${api.path(act.actId)}/${verb}`, named(read, "checker"));
      say(verb === "release" ? "Done and booked" : "Rejected", "good");
      await visit.reload();
    },
  });
}
