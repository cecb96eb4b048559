// Calls of the operators' API. The token stays in this tab's session storage and goes out as a header only.

const TOKEN = "ocen.token";
const ACTING = "ocen.acting";
const LINK = "ocen.link";

let link = null;

/** A failed call, with the server's words. */
export class Failed extends Error {
  constructor(status, problem) {
    super(problem?.detail ?? problem?.title ?? `The server answered ${status}.`);
    this.status = status;
    this.problem = problem;
    /** JSON pointer of the member that is wrong. */
    this.pointer = problem?.pointer;
  }
}

const stored = (name) => {
  try {
    return sessionStorage.getItem(name);
  } catch {
    return null;
  }
};

const store = (name, value) => {
  try {
    if (value === null) sessionStorage.removeItem(name);
    else sessionStorage.setItem(name, value);
  } catch {
    // Storage is off: it holds for this page only.
  }
};

/** Uses an LSP's link instead of a token, until the tab closes. */
export function useLink(token) {
  link = token;
  store(LINK, token);
}

/** Uses again the link that this tab had. */
export function resume() {
  link ??= stored(LINK);
}

/** The operator's token, if there is one. */
export const token = () => link ?? stored(TOKEN);

/** Whether this tab came by an LSP's link. */
export const isLink = () => link !== null;

/** Keeps the operator's token until the tab closes; null forgets it, and a link too. */
export function keepToken(value) {
  link = null;
  store(LINK, null);
  store(TOKEN, value);
}

/** Under which name this person acts where the token does not say. */
export const actingAs = () => stored(ACTING) ?? "";

/** Remembers that name. */
export const actAs = (name) => store(ACTING, name || null);

const listeners = new Set();
/** Calls `heard` when the server wants another token. */
export const onUnauthorized = (heard) => listeners.add(heard);

/** The headers that say who calls. */
export function credentials() {
  const shown = token();
  return shown ? { authorization: `Bearer ${shown}` } : {};
}

/** One call; the answer's JSON, or null when there is none. */
export async function call(method, path, { body, signal, reason, raw } = {}) {
  const headers = { accept: "application/json", ...credentials() };
  if (body !== undefined) headers["content-type"] = "application/json";
  if (reason) headers["ocen-reason"] = asBytes(reason);
  let response;
  try {
    response = await fetch(path, {
      method, headers, signal, cache: "no-store",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Failed(0, { detail: "The server cannot be reached. It is tried again when you reload." });
  }
  if (response.status === 401) for (const heard of listeners) heard();
  if (raw && response.ok) return response;
  const text = await response.text();
  const value = parsed(text);
  if (!response.ok) throw new Failed(response.status, value ?? { detail: text.slice(0, 300) || undefined });
  return value;
}

/** UTF-8, byte for byte: a header takes nothing else. */
const asBytes = (text) => String.fromCharCode(...new TextEncoder().encode(text));

function parsed(text) {
  try {
    return text === "" ? null : JSON.parse(text);
  } catch {
    return null;
  }
}

/** GET. */
export const get = (path, options) => call("GET", path, options);
/** POST. */
export const post = (path, body, options) => call("POST", path, { body: body ?? {}, ...options });
/** PUT. */
export const put = (path, body, options) => call("PUT", path, { body, ...options });
/** DELETE. */
export const del = (path, options) => call("DELETE", path, options);

/** A path with a query; empty values are left out. */
export function withQuery(path, query) {
  const text = Object.entries(query ?? {})
    .filter(([, value]) => value !== null && value !== undefined && value !== "")
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join("&");
  return text ? `${path}?${text}` : path;
}

/** Segments of a path, each encoded. */
export const path = (...segments) => `/${segments.map(encodeURIComponent).join("/")}`;
