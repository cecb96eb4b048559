// Sandbox: states to come back to.
import * as api from "../lib/api.js";
import { ago, day } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { button, empty, mono, notice, panel, say } from "./basics.js";
import { ask } from "./form.js";

/** Snapshots, with ways to take and restore one. */
export function snapshotsPanel(visit, list) {
  const all = list?.items ?? [];
  return panel("Snapshots", { aside: button("Take a snapshot", () => take(visit), { small: true }) },
    list?.error && notice("plain", h("p", null, list.error.status === 404 ? "This server keeps no snapshots." : list.error.message)),
    !list?.error && all.length === 0 && empty("No snapshot yet.", h("p", null, "Take one before you move the clock: restoring it is the only way back.")),
    all.length > 0 && h("ul", { class: "acts", key: "all" }, all.map((one) => h("li", { key: one.name ?? one.id },
      h("div", null, h("strong", null, one.name ?? mono(one.id)), h("p", { class: "muted" }, one.businessDate && `${day(one.businessDate)}, `, "taken ", ago(one.takenAt ?? one.createdAt))),
      button("Restore", () => restore(visit, one), { small: true, kind: "danger" })))));
}

function take(visit) {
  ask({
    title: "Take a snapshot",
    text: "Everything as it is now: applications, loans, messages, the clock.",
    fields: [{ name: "name", label: "Name", required: true, placeholder: "before-the-first-due" }],
    action: "Take it",
    submit: async ({ name }) => {
      await api.post("/sandbox/snapshots", { name });
      say("Taken", "good");
      await visit.reload();
    },
  });
}

function restore(visit, one) {
  const name = one.name ?? one.id;
  ask({
    title: `Restore ${name}`,
    text: "What happened since is gone, and the clock stands where it stood.",
    action: "Restore",
    danger: true,
    submit: async () => {
      await api.post(`/sandbox/snapshots${api.path(String(name))}/restore`);
      say(`Restored ${name}`, "good");
      await visit.reload();
    },
  });
}
