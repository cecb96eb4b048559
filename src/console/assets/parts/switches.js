// Kill switches: stop an LSP, a product, an operation or payouts at once, on every replica.
import * as api from "../lib/api.js";
import { ago } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { button, chip, may, mono, say } from "./basics.js";
import { nameField, named } from "./acts.js";
import { ask } from "./form.js";

const EFFECT = {
  lsp: "Everything that it sends is answered 503 from now on. Callbacks that wait still go out.",
  product: "No new business of this product; what runs goes on.",
  operation: "This call is answered 503 for every LSP.",
  payouts: "No money leaves until it is released; payouts wait.",
};

/** Asks why, then stops. */
export function stop(visit, kind, subject) {
  ask({
    title: `Stop ${kind === "payouts" ? "payouts of " : ""}${subject}`,
    text: EFFECT[kind],
    fields: [{ name: "reason", label: "Why?", type: "textarea", required: true }, ...nameField(visit, "by")],
    action: "Stop at once",
    danger: true,
    submit: async (read) => {
      await api.put(`/admin/switches${api.path(kind, subject)}`, { reason: read.reason, ...named(read, "by") });
      say(`${subject} is stopped`, "good");
      await visit.reload();
    },
  });
}

/** Asks why, then lets it run again. */
export function release(visit, kind, subject) {
  ask({
    title: `Let ${subject} run again`,
    fields: [{ name: "reason", label: "Why?", type: "textarea", required: true }, ...nameField(visit, "by")],
    action: "Release",
    submit: async (read) => {
      await api.del(api.withQuery(`/admin/switches${api.path(kind, subject)}`, { reason: read.reason, ...named(read, "by") }));
      say(`${subject} runs again`, "good");
      await visit.reload();
    },
  });
}

/** Everything that is stopped, with a way to stop more. */
export function stopped(visit, switches) {
  return [
    switches.length === 0 ? h("p", { class: "muted", key: "none" }, "Nothing is stopped.") : h("ul", { class: "acts", key: "all" }, switches.map((one) =>
      h("li", { key: `${one.kind} ${one.subject}` },
        h("div", null, chip("stopped", "bad", one.kind.toLowerCase()), " ", mono(one.subject), h("p", { class: "muted" }, `${one.reason} (${one.setBy}, `, ago(one.setAt), ")")),
        may(visit, "operator") && button("Release", () => release(visit, one.kind.toLowerCase(), one.subject), { small: true })))),
    may(visit, "operator") && h("div", { class: "card-does", key: "does" },
      button("Stop all payouts", () => stop(visit, "payouts", "all"), { small: true, kind: "danger", glyph: "pause" }),
      button("Stop something else…", () => other(visit), { small: true })),
  ];
}

function other(visit) {
  ask({
    title: "Stop what?",
    fields: [
      { name: "kind", label: "Kind", options: [["operation", "An operation, for every LSP"], ["product", "New business of a product"], ["payouts", "Payouts of a product"], ["lsp", "An LSP"]] },
      { name: "subject", label: "Which", required: true, mono: true, hint: "E.g. setOffer, a product's id, or an LSP's id." },
    ],
    action: "Next",
    submit: async ({ kind, subject }) => setTimeout(() => stop(visit, kind, subject), 0),
  });
}
