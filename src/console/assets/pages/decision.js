// One decision: facts, reasons, amounts; claimed, proposed by one person and released by another.
import * as api from "../lib/api.js";
import { ago, exactly, words } from "../lib/format.js";
import { rupees } from "../lib/money.js";
import { h } from "../lib/vdom.js";
import { nameField, named } from "../parts/acts.js";
import { button, chip, empty, facts, may, mono, notice, panel, say, to } from "../parts/basics.js";
import { ask } from "../parts/form.js";
import { QUESTION } from "./decisions.js";

const REASONS = ["LOW_CREDIT_SCORE", "FRAUD", "DOC_IRREGULARITIES", "OTHERS"];

export default {
  title: (visit) => (visit.data ? `Decision on ${visit.data.loanApplicationId ?? visit.data.applicationId}` : "Decision"),
  trail: () => ["/console/decisions", "Decisions"],
  personal: () => true,
  topics: ["decisions"],
  load: (visit, options) => api.get(`/admin/decisions${api.path(visit.params.id)}`, options),
  view(decision, visit) {
    const { application } = decision;
    return [
      decision.stale && notice("warn", h("p", null, "The application has gone on; this question no longer matters.")),
      h("div", { class: "summary", key: "summary" },
        h("div", { class: "summary-head" }, chip(decision.stale ? "STALE" : decision.state), h("strong", null, QUESTION[decision.question] ?? words(decision.question)),
          decision.loanApplicationId && to(`/console/applications${api.path(decision.orgId, decision.loanApplicationId)}`, { class: "mono" }, decision.loanApplicationId),
          h("span", { class: "muted" }, decision.orgId), h("span", { class: "summary-tools" }, does(decision, visit))),
        facts([
          ["Asked for", rupees(decision.requestedAmount)], ["Product", decision.product], ["Claimed by", decision.claimedBy && `${decision.claimedBy}, until ${exactly(decision.claimedUntil)}`],
          ["Maker", decision.maker], ["Checker", decision.checker], ["Waits since", ago(decision.createdAt)], ["Decided", decision.decidedAt && ago(decision.decidedAt)],
        ], { columns: true })),
      decision.proposal && panel("Proposed", {}, proposal(decision.proposal)),
      h("div", { class: "grid", key: "grid" },
        h("div", { class: "span-6" }, panel("Why a human decides", {}, reasons(decision.reasons)), panel("Exposure", {}, exposure(decision.exposure))),
        h("div", { class: "span-6" }, panel("Application", {}, application ? borrower(application) : empty("It is no longer kept.")))),
      panel("What was done", {}, decision.acts?.length ? h("ol", { class: "feed" }, decision.acts.map((act, i) => h("li", { key: i },
        h("span", { class: "feed-detail" }, words(act.what), act.reason && `: ${act.reason}`), h("span", { class: "muted" }, act.who ?? ""), ago(act.happenedAt)))) : empty("Nothing yet: claim it.")),
    ];
  },
};

function does(decision, visit) {
  const path = `/admin/decisions${api.path(decision.decisionId)}`;
  const simple = (verb, title, label, member, said, danger) => button(label, () => ask({
    title, fields: nameField(visit, member), action: label, danger,
    submit: async (read) => { await api.post(`${path}/${verb}`, named(read, member)); say(said, "good"); await visit.reload(); },
  }), { small: true, kind: danger ? "danger" : verb === "release" || verb === "claim" ? "main" : "plain" });
  if (decision.stale) return null;
  if (decision.state === "WAITING" && may(visit, "maker")) {
    return decision.claimedBy
      ? [button("Approve…", () => approve(decision, visit), { small: true, kind: "main" }), button("Reject…", () => reject(decision, visit), { small: true, kind: "danger" }),
        simple("unclaim", "Give the claim up", "Give up", "by", "The claim is given up")]
      : simple("claim", "Claim the decision", "Claim", "by", "It is yours");
  }
  if (decision.state === "PROPOSED" && may(visit, "checker")) {
    return [simple("release", "Release the verdict", "Release", "checker", "Released; the borrower's LSP is told"),
      handBack(path, visit)];
  }
  return null;
}

function handBack(path, visit) {
  return button("Hand back", () => ask({
    title: "Hand it back to the maker", action: "Hand back", danger: true,
    fields: [{ name: "reason", label: "What is to be done about it", type: "textarea", required: true }, ...nameField(visit, "checker")],
    submit: async (read) => {
      await api.post(`${path}/return`, { reason: read.reason, ...named(read, "checker") });
      say("Handed back", "good");
      await visit.reload();
    },
  }), { small: true, kind: "danger" });
}

async function propose(decision, visit, body, read) {
  await api.post(`/admin/decisions${api.path(decision.decisionId)}/propose`, { ...body, reason: read.reason, ...named(read, "maker") });
  say("Proposed; another person releases it", "good");
  await visit.reload();
}

function approve(decision, visit) {
  const offers = decision.question === "offers";
  ask({
    title: "Propose to approve",
    text: offers ? "On which terms? What is left blank is the product's own." : "It goes on when another person releases it.",
    fields: [
      ...(offers ? [
        { name: "amount", label: "Amount in rupees", value: decision.requestedAmount ?? "", required: true },
        { name: "installments", label: "Instalments", type: "number" },
        { name: "annualRate", label: "Annual rate in percent", placeholder: "16.00" },
      ] : []),
      { name: "reason", label: "Reason, for the file", type: "textarea", required: true }, ...nameField(visit, "maker"),
    ],
    action: "Propose",
    submit: (read) => {
      const terms = { amount: read.amount, ...(read.installments ? { installments: Number(read.installments) } : {}), ...(read.annualRate ? { annualRate: read.annualRate } : {}) };
      return propose(decision, visit, { verdict: "approve", ...(offers ? { offers: [terms] } : {}) }, read);
    },
  });
}

function reject(decision, visit) {
  ask({
    title: "Propose to reject",
    text: "The borrower is told these words by the LSP.",
    fields: [
      { name: "code", label: "Class of reason", options: REASONS.map((reason) => [reason, words(reason)]) },
      { name: "description", label: "What the borrower is told", type: "textarea", required: true },
      { name: "reason", label: "Reason, for the file", type: "textarea", required: true }, ...nameField(visit, "maker"),
    ],
    action: "Propose",
    danger: true,
    submit: (read) => propose(decision, visit, { verdict: "reject", rejection: { reason: read.code, description: read.description } }, read),
  });
}

function proposal(of) {
  return [
    h("p", { key: "verdict" }, chip(of.verdict, of.verdict === "approve" ? "good" : "bad"), " ", of.reason),
    of.rejection && facts([["Reason", words(of.rejection.reason)], ["The borrower is told", of.rejection.description]]),
    of.offers?.map((offer, i) => facts([["Amount", rupees(offer.amount)], ["Instalments", offer.installments ?? "the product's"], ["Annual rate", offer.annualRate ? `${offer.annualRate} %` : "the product's"]], { columns: true, key: i })),
  ];
}

const reasons = (all) => (all?.length ? h("ul", { class: "acts" }, all.map((one, i) =>
  h("li", { key: i }, h("div", null, chip(one.code, "warn"), h("p", null, one.description))))) : empty("No reason was given."));

const exposure = (of) => (of ? facts([["Committed with us", rupees(of.committed)], ["Granted", rupees(of.granted)], ["Limit", of.limit ? rupees(of.limit) : "none"]], { columns: true }) : empty("–"));

function borrower(of) {
  return facts([
    ["Stage", chip(of.stage)], ["Asked for", rupees(of.requestedAmount)], ["Loan type", words(of.loanType)],
    ["Tenure", of.requestedTenure && tenure(of.requestedTenure)], ["Borrower", of.borrower?.name], ["PAN", of.borrower?.pan && mono(of.borrower.pan)], ["Phone", of.borrower?.phone && mono(of.borrower.phone)],
    ["Data consent", chip(of.dataConsent)], ["Documents", of.documents?.length ? of.documents.map(words).join(", ") : "none"],
    ["Collateral", of.collaterals?.length ? of.collaterals.map((one) => `${words(one.idType)} ${one.primaryId}${one.value ? `, ${rupees(one.value)}` : ""}`).join("; ") : "none"],
    ["Offer", of.offer && `${rupees(of.offer.sanctionedAmount)} at ${of.offer.annualRate} % (APR ${of.offer.annualPercentageRate} %)`],
  ]);
}

const tenure = (of) => (typeof of === "object" ? `${of.duration ?? ""} ${words(of.unit ?? "").toLowerCase()}` : String(of));
