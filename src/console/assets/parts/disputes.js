// Disputes with the lender's moves.
import * as api from "../lib/api.js";
import { ago, words } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { button, chip, empty, may, mono, say, to } from "./basics.js";
import { ask } from "./form.js";

/** Where a dispute may go from where it is. */
const MOVES = {
  NEW: ["PROCESSING", "NEED_MORE_INFO", "RESOLVED"],
  PROCESSING: ["NEED_MORE_INFO", "RESOLVED"],
  NEED_MORE_INFO: ["PROCESSING", "RESOLVED"],
  RESOLVED: ["CLOSED"],
  CLOSED: [],
};

/** Disputes as cards. */
export function disputeList(disputes, visit, { ofLoan } = {}) {
  if (disputes.length === 0) return empty("No disputes.", h("p", null, ofLoan ? "The borrower has not complained about this loan." : "A borrower's complaint that an LSP raises shows here."));
  return h("ul", { class: "cards" }, disputes.map((one) => h("li", { class: "card", key: one.id },
    h("div", { class: "card-head" }, chip(one.status), mono(one.id, { class: "mono cut" }), h("span", { class: "muted" }, "raised ", ago(one.raisedAt))),
    h("p", { class: "said" }, one.description),
    one.note && h("p", { class: "note" }, h("strong", null, "Our reply: "), one.note),
    h("div", { class: "card-does" },
      !ofLoan && to(`/console/loans${api.path(one.loanId)}`, { class: "mono" }, one.loanId),
      !ofLoan && h("span", { class: "muted" }, one.orgId),
      may(visit, "operator") && (MOVES[one.status] ?? []).length > 0 && button("Move", () => move(visit, one), { small: true })))));
}

function move(visit, dispute) {
  ask({
    title: "Move the dispute",
    text: dispute.description,
    fields: [
      { name: "status", label: "To", options: MOVES[dispute.status].map((status) => [status, words(status)]) },
      { name: "note", label: "Reply to the borrower", type: "textarea", value: dispute.note ?? "", hint: "The LSP reads it when it asks for the status. A dispute ends with a reply only." },
    ],
    action: "Move",
    submit: async ({ status, note }) => {
      await api.post(`/admin/disputes${api.path(dispute.id)}`, { status, ...(note ? { note } : {}) });
      say(`The dispute is ${words(status).toLowerCase()}`, "good");
      await visit.reload();
    },
  });
}
