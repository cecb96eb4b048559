// What borrowers complain about.
import { words } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { disputeList } from "../parts/disputes.js";
import { filters } from "../parts/filters.js";
import { pages } from "../parts/pages.js";
import { more } from "../parts/table.js";

const STATUSES = ["NEW", "PROCESSING", "NEED_MORE_INFO", "RESOLVED", "CLOSED"];

export default {
  title: "Disputes",
  personal: () => true,
  topics: ["disputes"],
  load: (visit, options) => pages(visit, "/admin/disputes", { status: visit.query.status, loanId: visit.query.loan }, options),
  view: (list, visit) => [
    filters(visit, {
      selects: [{ name: "status", label: "Status", options: [["", "All statuses"], ...STATUSES.map((status) => [status, words(status)])] }],
      texts: [{ name: "loan", label: "Loan", placeholder: "Loan id" }],
    }),
    h("div", { key: "list" }, disputeList(list.items, visit)),
    more(list, () => list.more(visit)),
  ],
};
