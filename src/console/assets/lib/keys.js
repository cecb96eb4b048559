// Keyboard shortcuts: single keys and `g` chords; silent while somebody types.

const CHORD = 1_200;

/** Listens; `bindings` maps `"/"`, `"?"`, `"g a"` to what they do. */
export function shortcuts(bindings) {
  let began = null;
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    const chord = began && event.timeStamp - began < CHORD ? `g ${event.key}` : event.key;
    began = null;
    if (bindings[chord]) {
      event.preventDefault();
      bindings[chord]();
    } else if (event.key === "g") {
      began = event.timeStamp;
    }
  });
}

const typing = (target) =>
  target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
