// Which page an address means.
import overview from "./pages/overview.js";
import applications from "./pages/applications.js";
import application from "./pages/application.js";
import loans from "./pages/loans.js";
import loan from "./pages/loan.js";
import callbacks from "./pages/callbacks.js";
import lsps from "./pages/lsps.js";
import lsp from "./pages/lsp.js";
import decisions from "./pages/decisions.js";
import decision from "./pages/decision.js";
import disputes from "./pages/disputes.js";
import sandbox from "./pages/sandbox.js";
import signature from "./pages/signature.js";
import { empty, to } from "./parts/basics.js";

const ROUTES = [
  ["/console", overview],
  ["/console/applications", applications],
  ["/console/applications/:org/:id", application],
  ["/console/loans", loans],
  ["/console/loans/:id", loan],
  ["/console/callbacks", callbacks],
  ["/console/lsps", lsps],
  ["/console/lsps/:org", lsp],
  ["/console/decisions", decisions],
  ["/console/decisions/:id", decision],
  ["/console/disputes", disputes],
  ["/console/sandbox", sandbox],
  ["/console/signature", signature],
];

/** What an LSP sees through its link. */
const LINKED = new Set([overview, applications, application, loans, loan, disputes, callbacks]);

const nowhere = {
  title: "Not found",
  load: async () => ({}),
  view: () => empty("There is no such page.", to("/console", {}, "Go to the overview")),
};

/** The page of an address, with what stands in the address. */
export function find(path, state) {
  const segments = split(path);
  const linked = Boolean(state.who?.orgId);
  for (const [pattern, page] of ROUTES) {
    const params = match(split(pattern), segments);
    if (params && (!linked || LINKED.has(page))) return { page, params };
  }
  return { page: nowhere, params: {} };
}

const split = (path) => path.split("/").filter((segment) => segment !== "");

function match(pattern, segments) {
  if (pattern.length !== segments.length) return null;
  const params = {};
  for (const [i, want] of pattern.entries()) {
    if (want.startsWith(":")) params[want.slice(1)] = decoded(segments[i]);
    else if (want !== segments[i]) return null;
  }
  return params;
}

function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
