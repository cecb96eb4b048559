// Sandbox: rules that break deliveries and answers on purpose; what they did is marked as injected wherever it shows.
import * as api from "../lib/api.js";
import { words } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { button, chip, empty, mono, notice, panel, say } from "./basics.js";
import { ask } from "./form.js";

const FAULTS = ["delay", "drop", "duplicate", "reorder", "wrong-key", "altered-byte", "missing-header", "slow-body", "wrong-content-type", "connection-reset",
  "429", "500-before", "500-after", "slow-ack"];

/** Rules that are at work, with a way to make one. */
export function faultsPanel(visit, list, lsps) {
  const rules = list?.items ?? [];
  return panel("Faults", { aside: button("Inject a fault", () => inject(visit, list?.kinds ?? FAULTS, lsps), { small: true, glyph: "spark" }) },
    list?.error && notice("plain", h("p", null, list.error.status === 404 ? "This server has no fault rules." : list.error.message)),
    !list?.error && rules.length === 0 && empty("Nothing is broken on purpose."),
    rules.length > 0 && h("ul", { class: "acts", key: "rules" }, rules.map((rule) => h("li", { key: rule.id },
      h("div", null, chip(rule.fault, "bad"), " ", mono([rule.match?.orgId, rule.match?.operation, rule.match?.loanApplicationId].filter(Boolean).join(" ") || "everything"),
        h("p", { class: "muted" }, [rule.count !== undefined && rule.count !== null && `${rule.count} left`, rule.until && `until ${rule.until}`].filter(Boolean).join(", "))),
      button("Remove", () => remove(visit, rule), { small: true, kind: "danger" })))));
}

async function remove(visit, rule) {
  try {
    await api.del(`/sandbox/faults${api.path(String(rule.id))}`);
    say("Removed", "good");
    await visit.reload();
  } catch (error) {
    say(error.message, "bad");
  }
}

function inject(visit, kinds, lsps) {
  ask({
    title: "Inject a fault",
    text: "It shows as injected on the timeline, so that nobody chases it as a bug.",
    fields: [
      { name: "fault", label: "Fault", options: kinds.map((kind) => [kind, words(kind).replaceAll("-", " ")]) },
      { name: "orgId", label: "LSP", options: [["", "All LSPs"], ...lsps.map((lsp) => [lsp.orgId, lsp.orgId])] },
      { name: "operation", label: "Operation", placeholder: "setOffer", hint: "Blank: all.", mono: true },
      { name: "count", label: "How often", type: "number", value: "1", hint: "Blank: until it is removed." },
    ],
    action: "Inject",
    submit: async ({ fault, orgId, operation, count }) => {
      const match = { ...(orgId ? { orgId } : {}), ...(operation ? { operation } : {}) };
      await api.post("/sandbox/faults", { fault, match, ...(count ? { count: Number(count) } : {}) });
      say("The fault is at work", "good");
      await visit.reload();
    },
  });
}
