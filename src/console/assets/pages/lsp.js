// One LSP: its keys, its switches, how it likes to be answered, and a link that lets it see its own traffic.
import * as api from "../lib/api.js";
import { ago, exactly } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { button, chip, copy, empty, facts, may, mono, notice, panel, say, to } from "../parts/basics.js";
import { code } from "../parts/code.js";
import { ask } from "../parts/form.js";
import { lay } from "../parts/layer.js";
import { addKey, edit, revoke } from "../parts/register.js";
import { scenarioPanel } from "../parts/scenario.js";
import { release, stop, stopped } from "../parts/switches.js";

export default {
  title: (visit) => visit.data?.lsp.name ?? visit.params.org,
  trail: () => ["/console/lsps", "LSPs"],
  topics: ["lsps"],
  async load(visit, options) {
    const [lsp, switches, meanings] = await Promise.all([
      api.get(`/admin/lsps${api.path(visit.params.org)}`, options), api.get("/admin/switches", options), meant(options),
    ]);
    return { lsp, switches: switches.items, meanings };
  },
  view({ lsp, switches, meanings }, visit) {
    const operates = may(visit, "operator");
    const off = switches.find((one) => one.kind === "LSP" && one.subject === lsp.orgId);
    return [
      off && notice("bad", h("p", null, h("strong", null, "Stopped: "), `${off.reason} (${off.setBy}, `, ago(off.setAt), ")"),
        operates && button("Let it run again", () => release(visit, "lsp", lsp.orgId), { small: true })),
      h("div", { class: "summary", key: "summary" },
        h("div", { class: "summary-head" }, off ? chip("Stopped", "bad") : chip("Active", "good"), mono(lsp.orgId),
          to(api.withQuery("/console/applications", { org: lsp.orgId }), {}, "Applications"),
          to(api.withQuery("/console/callbacks", { org: lsp.orgId }), {}, "Callbacks"),
          operates && h("span", { class: "summary-tools" },
            button("Share a link", () => share(lsp), { small: true, glyph: "link" }),
            button("Revoke links", () => revokeLinks(lsp), { small: true, kind: "quiet" }),
            button("Change", () => edit(visit, lsp), { small: true }),
            !off && button("Stop", () => stop(visit, "lsp", lsp.orgId), { small: true, kind: "danger", glyph: "pause" }))),
        facts([["Callbacks go to", mono(lsp.callbackBaseUrl, { class: "mono break" })]])),
      panel("Keys", { aside: operates && button("Add a key", () => addKey(visit, lsp), { small: true, glyph: "key" }) }, keys(visit, lsp)),
      h("div", { class: "grid", key: "grid" },
        h("div", { class: "span-6" }, panel("How it is answered", {}, settings(lsp.settings, meanings))),
        h("div", { class: "span-6" },
          visit.shell.who?.mode !== "serve" && operates && scenarioPanel(visit, lsp.orgId),
          panel("Everything that is stopped", {}, stopped(visit, switches)))),
    ];
  },
};

function keys(visit, lsp) {
  if (lsp.keys.length === 0) return empty("No key yet.", h("p", null, lsp.settings.allowUnsigned ? "The sandbox takes its unsigned messages." : "Every request is refused until it has one."));
  return h("ul", { class: "acts" }, lsp.keys.map((key) => h("li", { key: key.kid },
    h("div", null, mono(key.kid), " ", key.revokedAt ? chip("Revoked", "bad") : chip("Active", "good"),
      key.revokedAt && h("span", { class: "muted" }, " ", ago(key.revokedAt)),
      h("details", { class: "numbers" }, h("summary", null, "Public key"), code(key.kid, key.publicKeyPem.trim()))),
    !key.revokedAt && may(visit, "operator") && button("Revoke", () => revoke(visit, lsp, key), { small: true, kind: "danger" }))));
}

// What the description of this API says of each setting; read once, and not missed when it cannot be had.
let known = null;

async function meant(options) {
  try {
    known ??= (await api.get("/admin/openapi.json", options)).components.schemas.Settings.properties;
  } catch {
    return {};
  }
  return known;
}

function settings(all, meanings) {
  const show = (value) => {
    if (typeof value === "boolean") return value ? "yes" : "no";
    if (Array.isArray(value)) return value.length ? value.map((one) => (typeof one === "object" ? JSON.stringify(one) : String(one))).join(", ") : "–";
    if (value && typeof value === "object") return Object.keys(value).length ? mono(JSON.stringify(value), { class: "mono break" }) : "–";
    return String(value);
  };
  return h("dl", { class: "facts facts-told" }, Object.entries(all).map(([name, value]) => h("div", { key: name },
    h("dt", null, mono(name), h("p", { class: "small" }, meanings[name]?.description?.replaceAll("`", ""))), h("dd", null, show(value)))));
}

/** All links of an LSP end at once. */
function revokeLinks(lsp) {
  ask({
    title: `Revoke the links of ${lsp.name}`,
    text: "Every link that was made for it stops working at once.",
    action: "Revoke all",
    danger: true,
    submit: async () => {
      const { revoked } = await api.del(`/admin/lsps${api.path(lsp.orgId)}/links`);
      say(revoked === 1 ? "One link is revoked" : `${revoked} links are revoked`, "good");
    },
  });
}

/** A signed link under which an LSP sees its own traffic and nothing else. */
function share(lsp) {
  ask({
    title: `Share with ${lsp.name}`,
    text: "Whoever has the link sees this LSP's own applications, messages and callbacks, changes nothing, and sees nobody else's.",
    fields: [{ name: "validFor", label: "Valid for", options: [["P1D", "One day"], ["P7D", "A week"], ["P30D", "30 days"]], value: "P7D" }],
    action: "Make the link",
    submit: async ({ validFor }) => {
      const made = await api.post(`/admin/lsps${api.path(lsp.orgId)}/links`, { validFor });
      // A listener on every address is reached by the one that led here.
      const address = made.url.replace(/^https?:\/\/(0\.0\.0\.0|\[::\])(:\d+)?/, location.origin);
      setTimeout(() => lay({
        kind: "dialog dialog-wide",
        title: "The link",
        body: () => [
          notice("warn", h("p", null, "It is shown once. Send it to the LSP only.", made.expiresAt && ` It ends on ${exactly(made.expiresAt)}.`)),
          code("Link", address, { wrap: true }),
        ],
        foot: (layer) => [button("Close", () => layer.close(), { kind: "quiet" }), button("Copy the link", () => copy(address), { kind: "main", glyph: "copy" })],
      }), 0);
    },
  });
}
