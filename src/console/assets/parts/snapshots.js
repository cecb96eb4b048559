// Sandbox: states to come back to.
import * as api from "../lib/api.js";
import { count, dateOf, day, exactly, serverSays } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { button, empty, panel, say } from "./basics.js";
import { ask } from "./form.js";

/** Snapshots, with ways to take, restore and delete one. */
export function snapshotsPanel(visit, { items }) {
  return panel("Snapshots", { aside: button("Take a snapshot", () => take(visit), { small: true }) },
    items.length === 0 && empty("No snapshot yet.", h("p", null, "Take one before you move the clock: restoring it is the only way back.")),
    items.length > 0 && h("ul", { class: "acts", key: "all" }, items.map((one) => h("li", { key: one.id },
      h("div", null, h("strong", null, one.name || "Unnamed"), h("p", { class: "muted" }, `${day(dateOf(one.businessTime))}, ${count(one.rows)} rows, taken on ${exactly(one.takenAt)}`)),
      h("div", { class: "acts-does" },
        button("Restore", () => restore(visit, one), { small: true }),
        button("Delete", () => remove(visit, one), { small: true, kind: "danger" }))))));
}

function take(visit) {
  ask({
    title: "Take a snapshot",
    text: "Everything as it is now: applications, loans, messages, the clock.",
    fields: [{ name: "name", label: "Name", required: true, placeholder: "before the first due" }],
    action: "Take it",
    submit: async ({ name }) => {
      await api.post("/sandbox/snapshots", { name });
      say("Taken", "good");
      await visit.reload();
    },
  });
}

function restore(visit, one) {
  ask({
    title: `Restore ${one.name || "the snapshot"}`,
    text: "What happened since is gone, and the clock stands where it stood.",
    action: "Restore",
    danger: true,
    submit: async () => {
      const { now } = await api.post(`/sandbox/snapshots${api.path(one.id)}/restore`);
      serverSays(now);
      say(`Restored ${one.name}`, "good");
      await visit.reload();
    },
  });
}

async function remove(visit, one) {
  try {
    await api.del(`/sandbox/snapshots${api.path(one.id)}`);
    say("Deleted", "good");
    await visit.reload();
  } catch (error) {
    say(error.message, "bad");
  }
}
