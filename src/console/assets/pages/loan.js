// One loan: terms, schedule, payments, book, delinquency, disputes, and what is done to it by hand.
import * as api from "../lib/api.js";
import { plot } from "../lib/chart.js";
import { ago, count, day, many, month, shortDay, words } from "../lib/format.js";
import { briefly, ofPaise, paise, rupees, share, sum } from "../lib/money.js";
import { h } from "../lib/vdom.js";
import { button, chip, empty, facts, may, mono, notice, panel, say, to } from "../parts/basics.js";
import { actsPane, proposeAct } from "../parts/acts.js";
import { tell } from "../parts/outcomes.js";
import { disputeList } from "../parts/disputes.js";
import { reveal } from "../parts/reveal.js";
import { table } from "../parts/table.js";
import { tabs } from "../parts/tabs.js";

const OPEN = new Set(["OPENING", "OPEN", "PRESENTING"]);

export default {
  title: (visit) => visit.params.id,
  trail: () => ["/console/loans", "Loans"],
  personal: () => true,
  topics: ["loans", "disputes"],
  load: (visit, options) => api.get(api.withQuery(`/admin/loans${api.path(visit.params.id)}`, { reveal: visit.state.reason ? "true" : null }),
    { ...options, reason: visit.state.reason }),
  view(loan, visit) {
    const linked = Boolean(visit.shell.who?.orgId);
    return [
      h("div", { class: "summary", key: "summary" },
        h("div", { class: "summary-head" },
          chip(loan.status), loan.delinquency?.class && chip(loan.delinquency.class, loan.delinquency.daysPastDue > 0 ? "bad" : "good"),
          h("span", null, "Application ", to(`/console/applications${api.path(loan.orgId, loan.loanApplicationId)}`, { class: "mono" }, loan.loanApplicationId)),
          h("span", { class: "muted" }, linked ? loan.orgId : to(`/console/lsps${api.path(loan.orgId)}`, {}, loan.orgId)),
          h("span", { class: "summary-tools" },
            may(visit, "maker") && button("Propose an act", () => proposeAct(visit, loan), { small: true }), reveal(visit))),
        overdue(loan),
        figures(loan)),
      sandbox(visit) && ["GRANTED", "RUNNING"].includes(loan.status) && clockRow(visit, loan),
      panel("Schedule", { aside: h("span", { class: "muted" }, loan.schedule.length ? `${loan.schedule.length} instalments` : "") }, schedulePlot(loan)),
      tabs("Loan", [
        { id: "schedule", name: "Instalments", view: () => schedule(loan) },
        { id: "payments", name: "Payments", count: loan.payments.length, view: () => payments(loan, visit) },
        { id: "book", name: "Book", count: loan.book.length, view: () => book(loan) },
        { id: "terms", name: "Terms and payouts", view: () => terms(loan, visit) },
        { id: "disputes", name: "Disputes", count: loan.disputes.length, view: () => disputeList(loan.disputes, visit, { ofLoan: true }) },
        !linked && { id: "acts", name: "Acts by hand", count: loan.acts.length, view: () => actsPane(loan.acts, visit) },
      ], visit.query.pane ?? "schedule", (pane) => { visit.note({ pane: pane === "schedule" ? "" : pane }); visit.update(); }),
    ];
  },
};

function overdue({ delinquency }) {
  if (!delinquency || !(delinquency.daysPastDue > 0)) return null;
  return notice("bad", h("p", null, h("strong", null, `${delinquency.daysPastDue} days past due`), ` since ${day(delinquency.oldestDue)}. `,
    delinquency.borrowerNpaSince && `The borrower is NPA since ${day(delinquency.borrowerNpaSince)}, all loans included.`));
}

function figures({ account, terms }) {
  const all = account ? [
    ["Principal outstanding", account.principalOutstanding], ["Due now", account.due], ["Interest accrued", account.interestAccrued],
    ["Penal charges", account.penalRunning], ["Other charges", account.charges], ["Held for the borrower", account.excess],
    ["Received", account.received], ["Pay-off today", account.payOff],
  ] : [["Sanctioned", terms.sanctionedAmount], ["To be paid out", terms.netDisbursedAmount]];
  return h("dl", { class: "figures", key: "figures" }, all.filter(([, amount]) => amount !== null && amount !== undefined)
    .map(([name, amount]) => h("div", { key: name, class: paise(amount) === 0n ? "zero" : null }, h("dt", null, name), h("dd", { class: "money" }, rupees(amount)))));
}

function schedulePlot({ schedule, businessDate }) {
  if (schedule.length === 0) return empty("The schedule begins with the payout.");
  const most = schedule.reduce((top, row) => { const amount = paise(row.instalment) ?? 0n; return amount > top ? amount : top; }, 1n);
  // Pixels are counted in shares of the largest instalment; the amounts shown are the exact ones.
  const scaled = (text) => share(paise(text) ?? 0n, most);
  const paid = (row) => row.settledOn !== null;
  const every = Math.max(1, Math.ceil(schedule.length / 8));
  const today = schedule.findIndex((row) => row.dueDate > businessDate);
  const exact = { "Principal paid": "principalPaid", "Interest paid": "interestPaid" };
  const left = (row, whole, part) => ofPaise((paise(row[whole]) ?? 0n) - (paise(row[part]) ?? 0n));
  const show = (value, i, one) => {
    const row = schedule[i];
    if (!row) return briefly(ofText(most, value));
    return exact[one.name] ? rupees(row[exact[one.name]]) : one.name === "Principal to pay" ? left(row, "principal", "principalPaid") : left(row, "interest", "interestPaid");
  };
  const minus = (row, whole, part) => share((paise(row[whole]) ?? 0n) - (paise(row[part]) ?? 0n), most);
  return [
    plot({
      title: "Principal and interest of each instalment, paid and to pay",
      labels: schedule.map((row) => `${row.number}. ${day(row.dueDate)}${paid(row) ? ", paid" : row.due ? ", due" : ""}`),
      ticks: schedule.map((row, at) => ({ at, text: schedule.length > 40 ? month(row.dueDate) : shortDay(row.dueDate) })).filter(({ at }) => at % every === 0),
      series: [
        { name: "Principal paid", tone: "1", kind: "bar", values: schedule.map((row) => scaled(row.principalPaid)) },
        { name: "Interest paid", tone: "2", kind: "bar", values: schedule.map((row) => scaled(row.interestPaid)) },
        { name: "Principal to pay", tone: "1-faint", kind: "bar", values: schedule.map((row) => minus(row, "principal", "principalPaid")) },
        { name: "Interest to pay", tone: "2-faint", kind: "bar", values: schedule.map((row) => minus(row, "interest", "interestPaid")) },
      ],
      show,
      top: 1,
      axis: (value) => briefly(ofText(most, value)),
      mark: today,
      height: 220,
    }),
    today >= 0 && h("p", { class: "muted small", key: "mark" }, `The dashed line is the business date, ${day(businessDate)}.`),
  ];
}

const UNTIL = [["nextEvent", "the next event"], ["firstBounce", "the first bounce"], ["npa", "NPA"], ["closed", "closed"]];

/** Sandbox: time goes on until something happens to this loan. */
function clockRow(visit, loan) {
  const move = async (until) => {
    visit.state.moving = true;
    visit.update();
    try {
      const { businessDate, happened } = await api.post("/sandbox/clock", { until, loanId: loan.loanId });
      say(`It is ${day(businessDate)} now; ${many(happened?.length ?? 0, "thing")} happened`, "good");
    } catch (error) {
      say(error.message, "bad");
    }
    visit.state.moving = false;
    await visit.reload();
  };
  return h("div", { class: "notice notice-plain", key: "clock" }, h("p", null, visit.state.moving ? "Running the days…" : "Test clock: go on until"),
    h("div", { class: "card-does" }, UNTIL.map(([until, name]) => button(name, () => move(until), { small: true, key: until, disabled: visit.state.moving }))));
}

/** The amount at a share of the largest instalment, for the axis. */
const ofText = (most, value) => {
  const amount = (most * BigInt(Math.round(value * 1000))) / 1000n;
  return `${amount / 100n}.${String(amount % 100n).padStart(2, "0")}`;
};

function schedule({ schedule: rows }) {
  if (rows.length === 0) return empty("The schedule begins with the payout.");
  const money = (name, member) => ({ name, right: true, cell: (row) => h("span", { class: "money" }, rupees(row[member])) });
  const total = (member) => ofPaise(sum(rows.map((row) => row[member])));
  return [
    table({
      caption: "Instalments",
      rows,
      key: (row) => row.number,
      columns: [
        { name: "No.", cell: (row) => String(row.number) },
        { name: "Due", cell: (row) => day(row.dueDate) },
        money("Instalment", "instalment"), money("Principal", "principal"), money("Interest", "interest"), money("Left", "left"),
        { ...money("Penal", "penal"), hide: "narrow" }, { ...money("Closing", "closing"), hide: "narrow" },
        { name: "State", cell: (row) => (row.settledOn ? chip("Paid", "good", `Paid ${shortDay(row.settledOn)}`) : row.due ? chip("Due", "warn") : chip("Ahead", "plain")) },
      ],
    }),
    h("p", { class: "muted small" }, `Instalments ${total("instalment")}, of it interest ${total("interest")}; left to pay ${total("left")}.`),
  ];
}

function payments(loan, visit) {
  const dev = sandbox(visit);
  if (loan.payments.length === 0) return empty("Nothing was paid yet.");
  const act = (row, outcome, done, kind) => button(words(outcome.toUpperCase()), () =>
    tell(visit, api.withQuery(`/sandbox/payments${api.path(row.paymentId)}`, { loanId: loan.loanId }), { outcome }, done), { small: true, kind });
  return table({
    caption: "Payments by the borrower",
    rows: loan.payments,
    key: (row) => `${row.paymentId} ${row.attempt}`,
    columns: [
      { name: "Payment", cell: (row) => h("div", { class: "two" }, mono(row.paymentId, { class: "mono money" }), row.utr ? mono(row.utr, { class: "mono muted cut", title: `UTR ${row.utr}` }) : row.reason && h("span", { class: "muted" }, row.reason)) },
      { name: "State", cell: (row) => chip(row.state) },
      { name: "For", cell: (row) => `${words(row.purpose)}${row.instalment ? ` ${row.instalment}` : ""} by ${words(row.channel).toLowerCase()}` },
      { name: "Amount", right: true, cell: (row) => h("span", { class: "money" }, rupees(row.received ?? row.amount)) },
      { name: "Went to", hide: "narrow", cell: (row) => split(row.split) },
      { name: "Value date", right: true, cell: (row) => h("span", { class: "money" }, day(row.valueDate)) },
      dev && { name: "Sandbox", cell: (row) => h("span", { class: "acts-does" },
        OPEN.has(row.state) && act(row, "succeed", "It is paid"),
        OPEN.has(row.state) && act(row, "fail", "It failed", "danger"),
        row.state === "SETTLED" && act(row, "return", "The bank takes it back", "danger")) },
    ].filter(Boolean),
  });
}

const split = (of) => {
  if (!of) return h("span", { class: "muted" }, "–");
  const parts = Object.entries(of).filter(([, amount]) => paise(amount) !== 0n);
  return h("span", { class: "split" }, parts.map(([name, amount]) => h("span", { key: name }, `${words(name)} ${rupees(amount)}`)));
};

function book({ book: journals }) {
  if (journals.length === 0) return empty("Nothing is booked yet.");
  return h("div", { class: "table-wrap" }, h("table", { class: "table book" },
    h("caption", { class: "unseen" }, "Journals, oldest first"),
    h("thead", null, h("tr", null, ["Day", "What", "Account", "Debit", "Credit"].map((name, i) => h("th", { scope: "col", key: name, class: i > 2 ? "right" : null }, name)))),
    journals.map((journal) => h("tbody", { key: journal.journalId }, journal.postings.map((posting, i) => {
      const credit = posting.amount.startsWith("-");
      return h("tr", { key: `${posting.account} ${i}` },
        h("td", { "data-label": "Day" }, i === 0 ? day(journal.valueDate) : ""),
        h("td", { "data-label": "What", title: journal.reference }, i === 0 ? words(journal.kind) : ""),
        h("td", { "data-label": "Account" }, words(posting.account)),
        h("td", { "data-label": "Debit", class: "right money" }, credit ? "" : rupees(posting.amount)),
        h("td", { "data-label": "Credit", class: "right money" }, credit ? rupees(posting.amount.slice(1)) : ""));
    })))));
}

const sandbox = (visit) => visit.shell.who?.mode !== "serve" && may(visit, "operator");

function terms({ terms: of, payouts, loanId }, visit) {
  const dev = sandbox(visit);
  return [
    facts([
      ["Product", of.product], ["Sanctioned", rupees(of.sanctionedAmount)], ["Paid to the borrower", rupees(of.netDisbursedAmount)],
      ["Annual rate", `${of.annualRate} %`], ["Annual percentage rate", `${of.annualPercentageRate} %`],
      ["Instalments", `${of.installments} of ${rupees(of.installmentAmount)}`], ["Total interest", rupees(of.totalInterest)],
      ["Cooling-off", `${count(of.coolingOffDays)} days`], ["Offer", mono(of.offerId, { class: "mono break" })],
    ], { columns: true }),
    payouts.length === 0 ? empty("Nothing is paid out yet.") : table({
      caption: "Payouts",
      rows: payouts,
      key: (row) => `${row.paymentId} ${row.attempt}`,
      columns: [
        { name: "Payout", cell: (row) => mono(row.paymentId) },
        { name: "State", cell: (row) => chip(row.state) },
        { name: "Tranche", cell: (row) => `${row.tranche}, attempt ${row.attempt}` },
        { name: "UTR", cell: (row) => (row.utr ? mono(row.utr, { class: "mono cut" }) : "–") },
        { name: "Changed", right: true, cell: (row) => ago(row.updatedAt) },
        dev && { name: "Sandbox", cell: (row) => h("span", { class: "acts-does" }, ["succeed", "fail", "return"].map((outcome) =>
          button(words(outcome.toUpperCase()), () => tell(visit, api.withQuery(`/sandbox/payments${api.path(row.paymentId)}`, { loanId }), { outcome }, `Told: ${outcome}`), { small: true, key: outcome, kind: outcome === "succeed" ? "plain" : "danger" }))) },
      ].filter(Boolean),
    }),
  ];
}
