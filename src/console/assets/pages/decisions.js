// What the rules left to a human, oldest first.
import * as api from "../lib/api.js";
import { ago, day, words } from "../lib/format.js";
import { rupees } from "../lib/money.js";
import { h } from "../lib/vdom.js";
import { actsPane } from "../parts/acts.js";
import { button, chip, empty, may, mono, panel, say } from "../parts/basics.js";
import { filters } from "../parts/filters.js";
import { ask as form } from "../parts/form.js";
import { pages } from "../parts/pages.js";
import { more, table } from "../parts/table.js";

const STATES = [["", "Open"], ["WAITING", "Waiting"], ["PROPOSED", "Proposed"], ["APPROVED", "Approved"], ["REJECTED", "Rejected"], ["STALE", "Stale"]];

/** What is asked, in words. */
export const QUESTION = { eligibility: "May it go on?", offers: "Which offers?", "final-check": "May it be granted?" };

export default {
  title: "Decisions",
  personal: () => true,
  topics: ["decisions", "asks", "loans"],
  async load(visit, options) {
    const [list, acts, asks] = await Promise.all([
      pages(visit, "/admin/decisions", { state: visit.query.state }, options),
      api.get("/admin/acts", options), api.get("/admin/asks", options),
    ]);
    return Object.assign(list, { acts: acts.items, asks: asks.items });
  },
  view: (list, visit) => [
    filters(visit, { selects: [{ name: "state", label: "State", options: STATES }] }),
    list.items.length === 0
      ? empty(visit.query.state ? "No decision is like that." : "No decision waits.", h("p", null, "Where the rules refer an application to a human, it waits here: one person claims and proposes, another releases."))
      : table({
        caption: "Decisions, oldest first",
        rows: list.items,
        key: (row) => row.decisionId,
        href: (row) => `/console/decisions${api.path(row.decisionId)}`,
        columns: [
          { name: "Application", cell: (row) => mono(row.loanApplicationId ?? row.applicationId) },
          { name: "State", cell: (row) => (row.stale ? chip("Stale") : chip(row.state)) },
          { name: "Question", cell: (row) => QUESTION[row.question] ?? words(row.question) },
          { name: "Amount", right: true, cell: (row) => h("span", { class: "money" }, rupees(row.requestedAmount)) },
          { name: "Why", hide: "narrow", cell: (row) => h("span", null, row.codes.map((one) => h("span", { key: one }, chip(one, "warn"), " "))) },
          { name: "With", cell: (row) => row.claimedBy ?? row.maker ?? h("span", { class: "muted" }, "nobody") },
          { name: "Waits", right: true, cell: (row) => ago(row.createdAt) },
        ],
      }),
    more(list, () => list.more(visit)),
    list.acts?.length > 0 && panel("Acts that wait for release", {}, actsPane(list.acts, visit)),
    list.asks?.length > 0 && panel("Questions that are stuck", {}, stuck(list.asks, visit)),
  ],
};

/** Of which money a question is. */
const money = (ask) => [
  ask.loanId && h("a", { key: "loan", href: `/console/loans${api.path(ask.loanId)}` }, ask.loanId), " ",
  ask.paymentId && `payment ${ask.paymentId}`, ask.refund && `refund ${ask.refund}`, ask.attempt && `, attempt ${ask.attempt}`, " ", rupees(ask.amount),
  ask.utr && `, UTR ${ask.utr} of ${day(ask.valueDate)}`,
];

/** What only a person gets going again. */
function stuck(asks, visit) {
  const again = async (ask) => {
    try {
      await api.post(`/admin/asks${api.path(ask.askId)}/retry`);
      say("Asked again", "good");
      await visit.reload();
    } catch (error) {
      say(error.message, "bad");
    }
  };
  const close = (ask) => form({
    title: "Close the question",
    text: "Nothing waits for its answer. What was done about it goes to the audit log.",
    fields: [{ name: "reason", label: "Reason", type: "textarea", required: true }],
    action: "Close",
    submit: async ({ reason }) => {
      await api.post(`/admin/asks${api.path(ask.askId)}/close`, { reason });
      say("Closed", "good");
      await visit.reload();
    },
  });
  return [
    h("p", { class: "muted", key: "about" }, "Mend the system first. Money that may have left is asked about, never sent again. A payout of which the bank has told two things, and a payout, debit or refund that nobody ever answers for, is resolved by an act on its loan."),
    h("ul", { class: "acts", key: "asks" }, asks.map((ask) => h("li", { key: ask.askId },
      h("div", null, mono(`${ask.port}.${ask.method}`), ask.loanApplicationId && h("span", { class: "muted" }, ` ${ask.loanApplicationId}`),
        ask.reason && h("p", { class: "muted" }, ask.reason),
        ask.bankKey && h("p", { class: "muted" }, money(ask))),
      may(visit, "operator") && ask.mayBeRetried && button("Ask again", () => again(ask), { small: true, glyph: "again" }),
      may(visit, "operator") && ask.mayBeClosed && button("Close", () => close(ask), { small: true })))),
  ];
}
