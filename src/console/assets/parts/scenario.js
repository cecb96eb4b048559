// Sandbox: scenario codes of an application, or of all that an LSP files.
import * as api from "../lib/api.js";
import { h } from "../lib/vdom.js";
import { button, mono, notice, panel, say } from "./basics.js";
import { ask } from "./form.js";

let known = null;

/** All codes with what they force. */
export async function codes() {
  known ??= (await api.get("/sandbox/scenarios")).items;
  return known;
}

/** What is set, with a way to set it. `id` is an application, or nothing for the LSP's default. */
export function scenarioPanel(visit, org, id) {
  const key = `${org}/${id ?? ""}`;
  const held = ((visit.state.scenarios ??= {})[key] ??= { set: null, error: null, asked: false });
  const read = async () => {
    held.asked = true;
    try {
      held.set = await api.get(api.withQuery("/sandbox/scenario", { orgId: org, loanApplicationId: id }));
      held.error = null;
    } catch (error) {
      held.error = error;
    }
    visit.update();
  };
  if (!held.asked) read();
  const set = held.set?.codes ?? [];
  return panel(id ? "Scenario" : "Default scenario", {
    aside: button("Set codes", () => change(org, id, set, read), { small: true }),
  },
  held.error && notice("bad", h("p", null, held.error.message)),
  h("p", { class: "muted", key: "about" }, id
    ? "Four-digit codes that force an outcome; one of each family (the first two digits) is at work."
    : "At work for every application that this LSP files and whose data carries no code of its own."),
  set.length === 0 && !held.error && h("p", { key: "none" }, "No code is at work: the happy path."),
  set.length > 0 && h("ul", { class: "acts", key: "codes" }, set.map((one) => {
    const line = typeof one === "string" ? { code: one } : one;
    return h("li", { key: line.code }, h("div", null, mono(line.code), " ", line.meaning), h("div", { class: "muted" }, line.from ? `from ${line.from.toLowerCase()}` : ""));
  })));
}

async function change(org, id, set, done) {
  const all = await codes();
  ask({
    title: id ? `Scenario of ${id}` : `Default scenario of ${org}`,
    wide: true,
    text: h("div", null,
      h("p", { class: "muted" }, "Blank takes back what was set here. A code in the data itself stays."),
      all.length > 0 && h("details", { class: "numbers" }, h("summary", null, "All codes"), h("dl", { class: "codes" }, all.map((one) =>
        h("div", { key: one.code }, h("dt", null, mono(one.code)), h("dd", null, one.meaning)))))),
    fields: [{ name: "codes", label: "Codes", hint: "Separated by commas, e.g. 0302, 0801", value: set.map((one) => one.code ?? one).join(", "), mono: true }],
    action: "Set",
    submit: async ({ codes: text }) => {
      const wanted = text.split(/[\s,;]+/).filter(Boolean);
      await api.post("/sandbox/scenario", { orgId: org, ...(id ? { loanApplicationId: id } : {}), codes: wanted });
      say(wanted.length ? `At work: ${wanted.join(", ")}` : "No code is at work", "good");
      await done();
    },
  });
}
