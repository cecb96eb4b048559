// Sandbox: rules that break deliveries and answers on purpose; what they did is marked as injected wherever it shows.
import * as api from "../lib/api.js";
import { count, exactly } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { button, chip, empty, mono, panel, say } from "./basics.js";
import { ask } from "./form.js";

/** Rules that are at work, with a way to make one. */
export function faultsPanel(visit, { items: rules, faults }, lsps) {
  return panel("Faults", { aside: button("Inject a fault", () => inject(visit, faults, lsps), { small: true, glyph: "spark" }) },
    rules.length === 0 && empty("Nothing is broken on purpose."),
    rules.length > 0 && h("ul", { class: "acts", key: "rules" }, rules.map((rule) => h("li", { key: rule.id },
      h("div", null, chip(rule.fault, "bad"), " ", mono(fits(rule.match)), h("p", { class: "muted" }, told(rule))),
      button("Remove", () => remove(visit, rule), { small: true, kind: "danger" })))));
}

const fits = ({ orgId, operation, loanApplicationId, nth }) =>
  [orgId, operation, loanApplicationId, nth && `number ${nth}`].filter(Boolean).join(" · ") || "every message";

const told = (rule) => [
  `struck ${count(rule.injected)} ${rule.injected === 1 ? "time" : "times"}${rule.count ? ` of ${count(rule.count)}` : ""}`,
  rule.until && `until ${exactly(rule.until)}`,
].filter(Boolean).join(", ");

async function remove(visit, rule) {
  try {
    await api.del(`/sandbox/faults${api.path(rule.id)}`);
    say("Removed", "good");
    await visit.reload();
  } catch (error) {
    say(error.message, "bad");
  }
}

function inject(visit, faults, lsps) {
  ask({
    title: "Inject a fault",
    text: "It shows as injected on the timeline, so that nobody chases it as a bug.",
    fields: [
      { name: "fault", label: "Fault", options: faults.map((one) => [one.fault, `${one.fault}: ${one.meaning} (${one.direction})`]) },
      { name: "orgId", label: "LSP", options: [["", "All LSPs"], ...lsps.map((lsp) => [lsp.orgId, lsp.orgId])] },
      { name: "operation", label: "Operation", placeholder: "setOffer", hint: "Blank: all.", mono: true },
      { name: "loanApplicationId", label: "Application", hint: "Blank: all.", mono: true },
      { name: "count", label: "How often", type: "number", value: "1", hint: "Blank: until it is removed." },
      { name: "delay", label: "How late, in milliseconds", type: "number", hint: "For delays only. Blank: ten seconds." },
    ],
    action: "Inject",
    submit: async ({ fault, orgId, operation, loanApplicationId, count: most, delay }) => {
      const match = Object.fromEntries(Object.entries({ orgId, operation, loanApplicationId }).filter(([, value]) => value));
      await api.post("/sandbox/faults", { fault, match, ...(most ? { count: Number(most) } : {}), ...(delay ? { delayMs: Number(delay) } : {}) });
      say("The fault is at work", "good");
      await visit.reload();
    },
  });
}
