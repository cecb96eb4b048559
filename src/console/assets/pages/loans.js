// All loans: filtered, searched, newest first.
import * as api from "../lib/api.js";
import { ago, day, words } from "../lib/format.js";
import { rupees } from "../lib/money.js";
import { h } from "../lib/vdom.js";
import { chip, empty, journey, mono, to } from "../parts/basics.js";
import { filters } from "../parts/filters.js";
import { pages } from "../parts/pages.js";
import { more, table } from "../parts/table.js";

const STATUSES = ["GRANTED", "RUNNING", "CLOSED", "WRITTEN_OFF", "WITHDRAWN"];

export default {
  title: "Loans",
  topics: ["loans"],
  load: (visit, options) => pages(visit, "/admin/loans", { orgId: visit.query.org, status: visit.query.status, q: visit.query.q }, options),
  view(list, visit) {
    return [
      filters(visit, {
        search: "Id of loan, application, request or message, PAN, phone",
        selects: [{ name: "status", label: "Status", options: [["", "All statuses"], ...STATUSES.map((status) => [status, words(status)])] }],
        texts: visit.shell.who?.orgId ? [] : [{ name: "org", label: "LSP", placeholder: "LSP id" }],
      }),
      list.items.length === 0 ? nothing(visit) : table({
        caption: "Loans, newest first",
        rows: list.items,
        key: (row) => row.loanId,
        href: (row) => `/console/loans${api.path(row.loanId)}`,
        columns: [
          { name: "Loan", cell: (row) => mono(row.loanId) },
          { name: "Status", cell: (row) => chip(row.status) },
          { name: "Overdue", cell: overdue },
          { name: "Outstanding", right: true, cell: (row) => h("span", { class: "money" }, rupees(row.principalOutstanding)) },
          { name: "Next event", right: true, hide: "narrow", cell: (row) => day(row.nextEventOn) },
          { name: "Application", hide: "narrow", cell: (row) => to(`/console/applications${api.path(row.orgId, row.loanApplicationId)}`, { class: "mono above" }, row.loanApplicationId) },
          { name: "LSP", hide: "middle", cell: (row) => h("span", { class: "cut" }, row.orgId) },
          { name: "Granted", right: true, cell: (row) => ago(row.createdAt) },
        ],
      }),
      more(list, () => list.more(visit)),
    ];
  },
};

function overdue(row) {
  if (row.npaSince) return chip("NPA", "bad", `NPA since ${day(row.npaSince)}`);
  return row.oldestDue ? chip("due", "warn", `since ${day(row.oldestDue)}`) : h("span", { class: "muted" }, "–");
}

function nothing({ query, shell }) {
  if (query.q || query.status || query.org) return empty("No loan is like that.", h("p", null, "Ids, PANs and phone numbers are found when they are whole; an LSP has a filter of its own."));
  return empty("No loans yet.",
    h("p", null, "A loan begins when the lender grants an application and the borrower's account is verified."),
    shell.who?.mode !== "serve" && journey(shell.who));
}
