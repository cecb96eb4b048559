// Check my signature: paste what was sent; the first mismatch is named.
import * as api from "../lib/api.js";
import { words } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { notice, panel, trouble } from "../parts/basics.js";
import { code } from "../parts/code.js";
import { field } from "../parts/form.js";
import { checks } from "../parts/message.js";

export default {
  title: "Check a signature",
  still: true,
  load: async () => ({}),
  view(_, visit) {
    const { state } = visit;
    const { who } = visit.shell;
    const send = async (event) => {
      event.preventDefault();
      const read = event.currentTarget.elements;
      const [body, pem, org] = [read.body.value, read.publicKeyPem.value.trim(), who?.orgId ?? read.orgId?.value.trim()];
      state.busy = true;
      state.error = null;
      visit.update();
      try {
        state.answer = await api.post("/admin/signature-check", { body, ...(org ? { orgId: org } : {}), ...(pem ? { publicKeyPem: pem } : {}) });
      } catch (error) {
        state.error = error;
        state.answer = null;
      }
      state.busy = false;
      visit.update();
      document.getElementById("verdict")?.focus();
    };
    return h("div", { class: "grid", key: "grid" },
      h("div", { class: "span-6" }, panel("What you sent", {},
        h("form", { class: "form", onsubmit: send },
          h("p", { class: "muted" }, "Paste the whole body byte for byte, as your program sent it: the JWS with its payload, header and signature. Nothing is stored or applied."),
          field({ name: "body", label: "Body", type: "textarea", rows: 14, mono: true, required: true, placeholder: '{"payload":"eyJ…","protected":"eyJ…","signature":"…"}' }),
          !who?.orgId && field({ name: "orgId", label: "LSP", mono: true, placeholder: "LSP-DEMO", hint: "Whose registered keys to try. Blank: as the message says." }),
          field({ name: "publicKeyPem", label: "Public key, if it is not registered", type: "textarea", rows: 4, mono: true, placeholder: "-----BEGIN PUBLIC KEY-----" }),
          h("div", null, h("button", { type: "submit", class: "button button-main", disabled: state.busy }, h("span", null, state.busy ? "Checking…" : "Check it"))),
        ))),
      h("div", { class: "span-6" }, panel("Verdict", {}, state.error ? trouble(state.error) : state.answer ? verdict(state.answer) : waitingText())));
  },
};

const waitingText = () => [
  h("p", { key: "p" }, "The checks run in the order in which the server makes them; the first that fails is named:"),
  h("ol", { class: "steps", key: "ol" },
    h("li", null, "The body is a flattened JWS with ", h("code", null, "payload"), ", ", h("code", null, "protected"), " and ", h("code", null, "signature"), "."),
    h("li", null, "The header names an allowed algorithm and no key of its own."),
    h("li", null, "The key id is registered for the LSP and not revoked."),
    h("li", null, "The signature fits the bytes as received: a changed blank or a line break at the end is a mismatch."),
    h("li", null, "The LSP in the message is the one whose key signed it.")),
];

const detail = ({ checks: all, firstMismatch }) => all.find((one) => one.name === firstMismatch)?.detail;

function verdict(answer) {
  return h("div", { id: "verdict", class: "stack", tabindex: -1, key: "verdict", role: "status" },
    answer.verified
      ? notice("good", h("p", null, h("strong", null, "The signature is right."), " The server would take this message."))
      : notice("bad", h("p", null, h("strong", null, "First mismatch: "), words(answer.firstMismatch ?? ""), ". ", detail(answer))),
    answer.variant && notice("warn", h("p", null, h("strong", null, "What you signed: "), answer.variant)),
    checks(answer.checks),
    answer.header && code("Protected header, decoded", JSON.stringify(answer.header), { json: true }));
}
