// Before the first paint, so that nobody's eyes are hurt by the other theme.
(() => {
  let chosen = null;
  try {
    chosen = localStorage.getItem("ocen.theme");
  } catch {
    // Storage is off: the system's theme counts.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
})();
