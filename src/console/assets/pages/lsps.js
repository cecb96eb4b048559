// Who may send: registered LSPs.
import * as api from "../lib/api.js";
import { many } from "../lib/format.js";
import { h } from "../lib/vdom.js";
import { button, chip, empty, may, mono } from "../parts/basics.js";
import { pages } from "../parts/pages.js";
import { register } from "../parts/register.js";
import { more, table } from "../parts/table.js";

export default {
  title: "LSPs",
  topics: ["lsps"],
  async load(visit, options) {
    const [list, switches] = await Promise.all([pages(visit, "/admin/lsps", {}, options), api.get("/admin/switches", options)]);
    return Object.assign(list, { stopped: new Set(switches.items.filter((one) => one.kind === "LSP").map((one) => one.subject)) });
  },
  view: (list, visit) => [
    h("div", { class: "filters", key: "tools" }, h("p", { class: "muted" }, many(list.items.length, "LSP"), list.nextCursor ? " and more" : ""),
      may(visit, "operator") && h("div", { class: "filters-extra" }, button("Register an LSP", () => register(visit), { kind: "main", small: true }))),
    list.items.length === 0 ? empty("No LSP is registered.", h("p", null, "Until one is, every request is refused."), may(visit, "operator") && button("Register an LSP", () => register(visit), { kind: "main" })) : table({
      caption: "LSPs",
      rows: list.items,
      key: (row) => row.orgId,
      href: (row) => `/console/lsps${api.path(row.orgId)}`,
      columns: [
        { name: "LSP", cell: (row) => mono(row.orgId) },
        { name: "Name", cell: (row) => row.name },
        { name: "State", cell: (row) => (list.stopped?.has(row.orgId) ? chip("Stopped", "bad") : chip("Active", "good")) },
        { name: "Keys", cell: (row) => keys(row) },
        { name: "Callbacks to", wide: true, hide: "narrow", cell: (row) => h("span", { class: "mono cut-wide" }, row.callbackBaseUrl) },
      ],
    }),
    more(list, () => list.more(visit)),
  ],
};

function keys({ keys: all, settings }) {
  const active = all.filter((key) => !key.revokedAt).length;
  if (active > 0) return `${active} active`;
  return settings?.allowUnsigned ? chip("unsigned", "warn", "Unsigned only") : chip("none", "bad", "No key");
}
