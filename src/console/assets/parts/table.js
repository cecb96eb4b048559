// Tables that become cards on a narrow screen.
import { h } from "../lib/vdom.js";
import { button } from "./basics.js";

/**
 * A table. Columns: `{name, cell(row), right?, wide?, hide?}`; the first one holds the row's link.
 * `href(row)` makes the whole row lead there.
 */
export function table({ caption, columns, rows, key, href, onopen, label, current }) {
  // The roles are said again: a table that is laid out as cards is none to some browsers.
  return h("div", { class: "table-wrap" },
    h("table", { class: "table", role: "table" },
      h("caption", { class: "unseen" }, caption),
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, columns.map((column) =>
        h("th", { role: "columnheader", scope: "col", class: classes(column), key: column.name }, column.name)))),
      h("tbody", { role: "rowgroup" }, rows.map((row) => {
        const leads = href || onopen;
        return h("tr", { role: "row", key: key(row), class: leads ? "leads" : null, "aria-current": current?.(row) ? "true" : null },
          columns.map((column, i) => h("td", { role: "cell", class: classes(column), "data-label": column.name, key: column.name },
            i === 0 && leads ? lead(row, column, { href, onopen, label }) : column.cell(row))));
      }))));
}

function lead(row, column, { href, onopen, label }) {
  const said = label ? { "aria-label": label(row) } : {};
  return href
    ? h("a", { class: "row-link", href: href(row), ...said }, column.cell(row))
    : h("button", { class: "row-link", type: "button", onclick: () => onopen(row), ...said }, column.cell(row));
}

const classes = ({ right, wide, hide }) =>
  [right && "right", wide && "wide", hide && `hide-${hide}`].filter(Boolean).join(" ") || null;

/** The way to the next page of a list, under the list. */
export function more(list, onmore) {
  return list?.nextCursor ? h("div", { class: "more" }, button("Load more", onmore)) : null;
}
