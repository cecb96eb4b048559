// Line icons on a 20 by 20 grid; decoration only, the words stand beside them.
import { h } from "./vdom.js";

const PATHS = {
  overview: "M3 11h5V3H3zM12 17h5V9h-5zM3 17h5v-3H3zM12 6h5V3h-5z",
  applications: "M5 2.5h7l3.5 3.5v11.5h-10.5zM12 2.5V6h3.5M7.5 10h5M7.5 13.5h5",
  loans: "M6 4h8M6 8h8M6 4c7 0 7 7 0 7l6 6M6 11h2",
  decisions: "M10 3v14M4 6l6-3 6 3M4 6l-2 6a2.6 2.6 0 0 0 4 0zM16 6l-2 6a2.6 2.6 0 0 0 4 0zM7 17h6",
  disputes: "M3 4h14v9H9l-4 3.5V13H3zM10 6.5v3M10 11v.2",
  callbacks: "M4 8h9a3.5 3.5 0 0 1 0 7H9M7 5 4 8l3 3",
  lsps: "M3 17V8l7-5 7 5v9zM8 17v-5h4v5",
  signature: "M3 15c3-8 5-11 6-10s-2 8-1 9 2-4 4-4 0 4 1.5 4S16 13 17 12M3 17.5h14",
  sandbox: "M8 3v5L3.5 15.5A1.3 1.3 0 0 0 4.7 17.5h10.6a1.3 1.3 0 0 0 1.2-2L12 8V3M6.5 3h7M6 12.5h8",
  search: "M8.5 14a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM12.5 12.5 17 17",
  close: "M5 5l10 10M15 5 5 15",
  copy: "M7 7h9v9H7zM4 13V4h9",
  check: "M4 10.5 8 14.5 16 6",
  cross: "M5.5 5.5l9 9M14.5 5.5l-9 9",
  dash: "M5 10h10",
  sun: "M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM10 1.5v2M10 16.5v2M1.5 10h2M16.5 10h2M4 4l1.4 1.4M14.6 14.6 16 16M16 4l-1.4 1.4M5.4 14.6 4 16",
  moon: "M16.5 11.5A7 7 0 0 1 8.5 3.5a7 7 0 1 0 8 8z",
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  help: "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15zM7.8 7.8A2.2 2.2 0 1 1 10 10.5v1.2M10 14v.2",
  right: "M7.5 4.5 13 10l-5.5 5.5",
  left: "M12.5 4.5 7 10l5.5 5.5",
  clock: "M10 17.5a7.5 7.5 0 1 0 0-15 7.5 7.5 0 0 0 0 15zM10 5.5V10l3 2",
  key: "M12.5 3a4.5 4.5 0 1 0-3.6 7.2L3 16v1.5h3V15h2v-2h2l1-2A4.5 4.5 0 0 0 12.5 3zM13 7v.2",
  link: "M8.5 11.5l3-3M9 6l2-2a3.5 3.5 0 0 1 5 5l-2 2M11 14l-2 2a3.5 3.5 0 0 1-5-5l2-2",
  pause: "M7 4v12M13 4v12",
  play: "M6 4l10 6-10 6z",
  again: "M16 10a6 6 0 1 1-2-4.5M16 3v3.5h-3.5",
  download: "M10 3v9M6 8.5 10 12.5l4-4M4 16.5h12",
  out: "M8 4H4v12h4M12 6.5 15.5 10 12 13.5M15 10H8",
  eye: "M2 10s3-5 8-5 8 5 8 5-3 5-8 5-8-5-8-5zM10 12.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5z",
  spark: "M10 2.5v4M10 13.5v4M2.5 10h4M13.5 10h4M5 5l2 2M13 13l2 2M15 5l-2 2M7 13l-2 2",
};

/** An icon by name. */
export function icon(name, size = 18) {
  return h("svg", {
    class: "icon", viewBox: "0 0 20 20", width: size, height: size, fill: "none", stroke: "currentColor",
    "stroke-width": 1.5, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true",
  }, h("path", { d: PATHS[name] ?? PATHS.dash }));
}
