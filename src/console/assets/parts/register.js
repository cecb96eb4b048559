// Registering an LSP, or changing what is known of it.
import * as api from "../lib/api.js";
import { h } from "../lib/vdom.js";
import { say } from "./basics.js";
import { ask } from "./form.js";

/** Asks for a new LSP. */
export function register(visit) {
  ask({
    title: "Register an LSP",
    wide: true,
    text: "Its requests are taken from then on, when they are signed with this key.",
    fields: [
      { name: "orgId", label: "LSP id", required: true, hint: "As it stands in metadata.orgId.", mono: true },
      { name: "name", label: "Name", required: true },
      { name: "callbackBaseUrl", label: "Callback address", required: true, placeholder: "https://lsp.example/ocen", hint: "The answer paths are put behind it, e.g. /v3/offer/setOfferResponse.", mono: true },
      { name: "kid", label: "Key id", hint: "As it stands in kid of the JWS header.", mono: true },
      { name: "publicKeyPem", label: "Public key", type: "textarea", rows: 6, placeholder: "-----BEGIN PUBLIC KEY-----", mono: true },
    ],
    action: "Register",
    submit: async ({ orgId, name, callbackBaseUrl, kid, publicKeyPem }) => {
      const keys = publicKeyPem ? [{ kid, publicKeyPem }] : [];
      await api.put(`/admin/lsps${api.path(orgId)}`, { name, callbackBaseUrl, keys });
      say(`${orgId} is registered`, "good");
      visit.go(`/console/lsps${api.path(orgId)}`);
    },
  });
}

/** Asks for changes. A setting that is taken out of the text gets its usual value back: what is left out would stay. */
export function edit(visit, lsp) {
  ask({
    title: `Change ${lsp.orgId}`,
    wide: true,
    fields: [
      { name: "name", label: "Name", required: true, value: lsp.name },
      { name: "callbackBaseUrl", label: "Callback address", required: true, value: lsp.callbackBaseUrl, mono: true },
      { name: "settings", label: "Settings", type: "textarea", rows: 14, value: JSON.stringify(lsp.settings, null, 2), mono: true, hint: "How this LSP likes to be answered; the API guide explains each." },
    ],
    action: "Save",
    submit: async ({ name, callbackBaseUrl, settings }) => {
      await save(lsp, { name, callbackBaseUrl, settings: { ...withoutMembers(lsp.settings), ...parsed(settings) } });
      await visit.reload();
    },
  });
}

/** Null for each member. */
const withoutMembers = (settings) => Object.fromEntries(Object.keys(settings).map((member) => [member, null]));

/** Asks for another key beside those that count. */
export function addKey(visit, lsp) {
  ask({
    title: "Add a key",
    wide: true,
    text: "Two keys may count at one time: add the next one, let the LSP change over, then revoke the old one.",
    fields: [
      { name: "kid", label: "Key id", required: true, mono: true },
      { name: "publicKeyPem", label: "Public key", type: "textarea", rows: 8, required: true, placeholder: "-----BEGIN PUBLIC KEY-----", mono: true },
    ],
    action: "Add",
    submit: async (key) => {
      await save(lsp, { keys: [...active(lsp), key] });
      await visit.reload();
    },
  });
}

/** Asks before a key is revoked. */
export function revoke(visit, lsp, key) {
  ask({
    title: "Revoke the key",
    text: h("p", null, "From this moment requests signed with ", h("code", null, key.kid), " are refused on every replica. It cannot be taken back: a revoked key id never returns."),
    action: "Revoke at once",
    danger: true,
    submit: async () => {
      await api.del(`/admin/lsps${api.path(lsp.orgId)}/keys${api.path(key.kid)}`);
      say(`${key.kid} is revoked`, "good");
      await visit.reload();
    },
  });
}

const active = (lsp) => lsp.keys.filter((key) => !key.revokedAt).map(({ kid, publicKeyPem }) => ({ kid, publicKeyPem }));

async function save(lsp, change) {
  const { name, callbackBaseUrl, settings } = lsp;
  await api.put(`/admin/lsps${api.path(lsp.orgId)}`, { name, callbackBaseUrl, settings, keys: active(lsp), ...change });
  say("Saved", "good");
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`The settings are no JSON: ${error.message}`);
  }
}
