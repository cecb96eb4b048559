// Personal data is masked for a person with a token of his own until he says why he must see it; the audit log keeps it.
import { isShared } from "./acts.js";
import { button } from "./basics.js";
import { ask } from "./form.js";

/** The button that asks why; nothing where nothing is masked. */
export function reveal(visit) {
  const { who } = visit.shell;
  if (who?.mode !== "serve" || who?.orgId || isShared(who)) return null;
  if (visit.state.reason) return button("Mask again", () => { visit.state.reason = null; visit.reload(); }, { glyph: "eye", small: true, kind: "quiet" });
  return button("Show personal data", () => ask({
    title: "Show personal data",
    text: "Your name, the time and this reason go to the audit log.",
    fields: [{ name: "reason", label: "Why do you need to see it?", required: true }],
    action: "Show",
    submit: async ({ reason }) => { visit.state.reason = reason; await visit.load(); if (visit.error) { visit.state.reason = null; throw visit.error; } },
  }), { glyph: "eye", small: true, kind: "quiet" });
}
