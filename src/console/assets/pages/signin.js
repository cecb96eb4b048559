// Who has no token signs in with one.
import { h } from "../lib/vdom.js";
import { notice } from "../parts/basics.js";

/** The page before the console. */
export function signInPage(state, does) {
  const send = (event) => {
    event.preventDefault();
    const token = event.currentTarget.elements.token.value.trim();
    if (token) does.signIn(token);
  };
  return h("main", { class: "signin", key: "signin", id: "main" },
    h("form", { class: "signin-box", onsubmit: send },
      h("img", { src: "/console/assets/icon.svg", alt: "", width: 40, height: 40 }),
      h("h1", null, "Sign in to the console"),
      h("p", { class: "muted" }, "With your operator token: the one whose digest stands in the server's configuration, or the administrator's."),
      state.refused && notice("bad", h("p", { role: "alert" }, state.refused)),
      h("div", { class: "field" }, h("label", { for: "token" }, "Operator token"),
        h("input", { id: "token", name: "token", type: "password", required: true, autocomplete: "current-password", ref: (element) => requestAnimationFrame(() => element.focus()) })),
      h("button", { class: "button button-main button-wide", type: "submit" }, h("span", null, "Sign in")),
      h("p", { class: "hint" }, "It is kept in this tab until you close it, and sent to this server only.")));
}
