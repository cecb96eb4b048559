// Plots: shapes in an SVG that stretches, words in HTML that do not, and the numbers as a table for whoever reads.
import { h } from "./vdom.js";
import { count } from "./format.js";

const WIDTH = 1000;
const HEIGHT = 100;

/** A round number that is not below `most`. */
function above(most) {
  if (most <= 4) return 4;
  const unit = 10 ** Math.floor(Math.log10(most));
  for (const step of [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]) {
    if (step * unit >= most && Number.isInteger((step * unit) / 2)) return step * unit;
  }
  return 10 * unit;
}

/**
 * A plot over columns. `labels[i]` names column i, `ticks` are the columns that get a word below, `series` are
 * `{name, tone, values, kind: "area" | "line" | "bar", faint?(i)}`; bars are stacked. `show` writes a value.
 */
export function plot({ title, labels, ticks, series, show = count, axis = show, height = 180, mark, top: given }) {
  const bars = series.filter((one) => one.kind === "bar");
  const lines = series.filter((one) => one.kind !== "bar");
  const stacked = labels.map((_, i) => bars.reduce((total, one) => total + (one.values[i] ?? 0), 0));
  const top = given ?? above(Math.max(0, ...stacked, ...lines.flatMap((one) => one.values)));
  const step = WIDTH / Math.max(1, labels.length);
  const y = (value) => HEIGHT - (value / top) * HEIGHT;
  return h("figure", { class: "plot" },
    legend(series),
    h("div", { class: "plot-area", style: { "--plot-height": `${height}px` } },
      [1, 0.5, 0].map((part) => h("span", { class: "plot-y", key: part, "aria-hidden": "true", style: { top: `${(1 - part) * 100}%` } },
        h("i", null, axis(top * part)))),
      h("svg", { class: "plot-shapes", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title },
        bars.length > 0 && stack(bars, labels, step, y),
        // A line that is nothing everywhere would only hide the axis.
        lines.filter((one) => one.values.some((value) => value !== 0)).map((one) => curve(one, labels, step, y)),
        mark !== undefined && mark >= 0 && h("line", { class: "plot-mark", x1: mark * step, x2: mark * step, y1: 0, y2: HEIGHT })),
      h("div", { class: "plot-hits", "aria-hidden": "true" }, labels.map((label, i) => hit(label, i, labels.length, series, show)))),
    h("div", { class: "plot-x", "aria-hidden": "true" }, ticks.map(({ at, text }) =>
      h("span", { key: at, class: edge(at, labels.length), style: { left: `${((at + 0.5) / labels.length) * 100}%` } }, text))),
    numbers(title, labels, series, show));
}

const edge = (at, all) => (at === 0 ? "first" : at === all - 1 ? "last" : null);

function legend(series) {
  return series.length < 2 ? null : h("ul", { class: "legend" }, series.map((one) =>
    h("li", { key: one.name }, h("i", { class: `swatch tone-${one.tone}` }), one.name)));
}

function curve(one, labels, step, y) {
  const points = labels.map((_, i) => `${((i + 0.5) * step).toFixed(1)},${y(one.values[i] ?? 0).toFixed(2)}`);
  const first = (0.5 * step).toFixed(1);
  const last = ((labels.length - 0.5) * step).toFixed(1);
  return h("g", { key: one.name, class: `tone-${one.tone}` },
    one.kind === "area" && h("polygon", { class: "plot-fill", points: `${first},${HEIGHT} ${points.join(" ")} ${last},${HEIGHT}` }),
    h("polyline", { class: "plot-line", points: points.join(" ") }));
}

function stack(bars, labels, step, y) {
  const wide = Math.max(step * 0.68, step - 14);
  return h("g", { key: "bars" }, labels.map((_, i) => {
    let below = 0;
    return bars.map((one) => {
      const value = one.values[i] ?? 0;
      const bottom = y(below);
      below += value;
      if (value === 0) return null;
      const classes = `plot-bar tone-${one.tone}${one.faint?.(i) ? " faint" : ""}`;
      return h("rect", {
        key: `${i} ${one.name}`, class: classes, x: (i * step + (step - wide) / 2).toFixed(1), width: wide.toFixed(1),
        y: y(below).toFixed(2), height: Math.max(0, bottom - y(below)).toFixed(2),
      });
    });
  }));
}

function hit(label, i, all, series, show) {
  const side = i < all / 2 ? "tip-right" : "tip-left";
  return h("div", { class: `plot-hit ${side}`, key: i }, h("div", { class: "tip" }, h("strong", null, label),
    series.map((one) => h("span", { key: one.name }, h("i", { class: `swatch tone-${one.tone}` }), one.name, h("b", null, show(one.values[i] ?? 0, i, one))))));
}

function numbers(title, labels, series, show) {
  return h("details", { class: "numbers" },
    h("summary", null, "Numbers", h("span", { class: "unseen" }, ` of ${title}`)),
    h("div", { class: "numbers-table", tabindex: 0, role: "region", "aria-label": `Numbers of ${title}` }, h("table", null,
      h("thead", null, h("tr", null, h("th", { scope: "col" }, ""), series.map((one) => h("th", { scope: "col", key: one.name }, one.name)))),
      h("tbody", null, labels.map((label, i) => h("tr", { key: i }, h("th", { scope: "row" }, label),
        series.map((one) => h("td", { key: one.name }, show(one.values[i] ?? 0, i, one)))))))));
}

/** Bars that lie, each with its words: `items` are `{name, value, tone?, href?}`. */
export function bars(items, { show = count } = {}) {
  const most = Math.max(1, ...items.map((item) => item.value));
  return h("ul", { class: "bars" }, items.map((item) => {
    const inside = [
      h("span", { class: "bars-name" }, item.name),
      h("span", { class: "bars-track", "aria-hidden": "true" },
        h("i", { class: `bars-fill tone-${item.tone ?? "1"}`, style: { width: `${item.value === 0 ? 0 : Math.max(1.5, (item.value / most) * 100)}%` } })),
      h("span", { class: "bars-value" }, show(item.value)),
    ];
    return h("li", { key: item.name }, item.href ? h("a", { class: "bars-row", href: item.href }, inside) : h("span", { class: "bars-row" }, inside));
  }));
}

/** One bar of several parts: `parts` are `{name, value, tone, text?}`; says nothing of empty ones. */
export function parts(title, all) {
  const total = all.reduce((sum, part) => sum + part.value, 0);
  return h("div", { class: "parts" },
    h("div", { class: "parts-bar", role: "img", "aria-label": `${title}: ${all.map((part) => `${part.name} ${part.text ?? count(part.value)}`).join(", ")}` },
      total === 0
        ? h("i", { key: "none", class: "parts-none" })
        : all.filter((part) => part.value > 0).map((part) => h("i", { key: part.name, class: `tone-${part.tone}`, style: { "flex-grow": String(part.value) } }))),
    h("ul", { class: "legend" }, all.map((part) => h("li", { key: part.name }, h("i", { class: `swatch tone-${part.tone}` }), part.name, h("b", null, part.text ?? count(part.value))))));
}
