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

// All checks, named as the server names them, in its order; a test holds both against each other.
const CHECKS = [
  ["json", "the body is JSON, and not nested too deeply"],
  ["envelope", "a flattened JWS: payload, protected (or header) and signature, each a text"],
  ["headerEncoding", "the protected header is base64url without padding"],
  ["header", "it decodes to a JSON object in which no member is there twice"],
  ["critical", "it brings no key of its own and no extension that we do not know"],
  ["alg", "RS512"],
  ["payloadEncoding", "the payload is base64url without padding"],
  ["signatureEncoding", "and so is the signature"],
  ["kid", "the header names a key that is registered for the LSP"],
  ["key", "that key counts: it is one, and it was not revoked"],
  ["signature", "it fits the bytes as received: a changed blank or a line break at the end is a mismatch"],
  ["payload", "the payload is a message"],
  ["orgId", "the LSP in the message is the one whose key signed it"],
  ["timestamp", "it is fresh, with an offset"],
  ["metadata", "metadata has what it needs"],
  ["requestId", "the message has one"],
];

const waitingText = () => [
  h("p", { key: "p" }, "The checks run in the order in which the server makes them; the first that fails is named:"),
  h("ol", { class: "steps", key: "ol" }, CHECKS.map(([name, what]) => h("li", { key: name }, h("strong", null, words(name)), `: ${what}`))),
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
