// All applications: filtered, searched, newest first.
import * as api from "../lib/api.js";
import { ago, words } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { chip, empty, journey, mono, to } from "../parts/basics.js";
import { filters } from "../parts/filters.js";
import { more, table } from "../parts/table.js";
import { pages } from "../parts/pages.js";

const STAGES = ["RECEIVED", "PROCESSING", "UNDERWRITING", "OFFERED", "OFFER_ACCEPTED", "OTP_SENT", "AGREED", "GRANTING",
  "GRANTED", "REJECTED", "ACTION_REQUIRED", "EXPIRED"];

export default {
  title: "Applications",
  topics: ["applications"],
  load: (visit, options) => pages(visit, "/admin/applications", { orgId: visit.query.org, stage: visit.query.stage, q: visit.query.q }, options),
  view(list, visit) {
    return [
      filters(visit, {
        search: "Id of application, loan, request or message, PAN, phone",
        selects: [{ name: "stage", label: "Stage", options: [["", "All stages"], ...STAGES.map((stage) => [stage, words(stage)])] }],
        texts: visit.shell.who?.orgId ? [] : [{ name: "org", label: "LSP", placeholder: "LSP id" }],
      }),
      list.items.length === 0 ? nothing(visit) : table({
        caption: "Applications, newest first",
        rows: list.items,
        key: (row) => row.applicationId,
        href: (row) => `/console/applications${api.path(row.orgId, row.loanApplicationId)}`,
        columns: [
          { name: "Application", cell: (row) => mono(row.loanApplicationId) },
          { name: "Stage", cell: (row) => chip(row.stage) },
          { name: "LSP", cell: (row) => h("span", { class: "cut" }, row.orgId) },
          { name: "Consent", hide: "narrow", cell: (row) => chip(row.dataConsent) },
          { name: "Agreement", hide: "narrow", cell: (row) => chip(row.agreement) },
          { name: "Loan", cell: (row) => (row.loanId ? to(`/console/loans${api.path(row.loanId)}`, { class: "mono above" }, row.loanId) : h("span", { class: "muted" }, "–")) },
          { name: "Changed", right: true, cell: (row) => ago(row.updatedAt) },
        ],
      }),
      more(list, () => list.more(visit)),
    ];
  },
};

function nothing({ query, ask, shell }) {
  if (query.q || query.stage || query.org) {
    return empty("No application is like that.", h("p", null, "Ids, PANs and phone numbers are found when they are whole; an LSP has a filter of its own."));
  }
  return empty("No applications yet.",
    h("p", null, shell.who?.mode === "serve" ? "The first request of an LSP shows here." : "Drive one through every stage:"),
    shell.who?.mode !== "serve" && journey(shell.who));
}
