// The list of keyboard shortcuts.
import { h } from "../lib/vdom.js";
import { lay } from "./layer.js";

const KEYS = [
  ["/", "Search applications, loans and pages"],
  ["?", "This list"],
  ["Esc", "Close a drawer or dialog"],
  ["t", "Light or dark"],
  ["g o", "Overview"],
  ["g a", "Applications"],
  ["g l", "Loans"],
  ["g h", "Decisions that wait for a human"],
  ["g d", "Disputes"],
  ["g c", "Callbacks"],
  ["g p", "LSPs (partners)"],
  ["g k", "Check a signature"],
  ["g s", "Sandbox controls"],
];

/** Shows them. */
export const help = (state) => {
  const known = KEYS.filter(([key]) => key !== "g s" || state.who?.mode !== "serve");
  return lay({
    kind: "dialog",
    title: "Keyboard shortcuts",
    body: () => h("dl", { class: "keys" }, known.map(([key, meaning]) => h("div", { key },
      h("dt", null, key.split(" ").map((one, i) => [i > 0 && " then ", h("kbd", null, one)])), h("dd", null, meaning)))),
  });
};
