// JSON as it was written, laid out for people: numbers and escapes stay to the digit, because nothing is parsed and
// written anew.
import { h } from "./vdom.js";

const TOKEN = /\s+|("(?:[^"\\]|\\.)*")(\s*:)?|[{}[\]]|,|:|-?\d[\d.eE+-]*|true|false|null|./gsy;
/** Larger texts are shown without colours. */
const MOST = 400_000;

/** Elements that show a text; one that is no JSON is shown as it is. */
export function pretty(text) {
  if (text.length > MOST || !isJson(text)) return [text];
  const shown = [];
  let depth = 0;
  let plain = "";
  const put = (kind, word) => {
    if (plain) shown.push(plain);
    plain = "";
    shown.push(h("span", { class: `json-${kind}` }, word));
  };
  const line = () => { plain += `\n${"  ".repeat(depth)}`; };
  let before = "";
  for (const [token, string, colon] of text.matchAll(TOKEN)) {
    if (/^\s+$/.test(token)) continue;
    const closes = token === "}" || token === "]";
    if (closes) {
      depth -= 1;
      if (before !== "{" && before !== "[") line();
    } else if (before === "{" || before === "[" || before === ",") line();
    if (string && colon) {
      put("name", string);
      plain += ": ";
    } else if (string) put("text", string);
    else if (token === "{" || token === "[") { plain += token; depth += 1; }
    else if (token === ":") plain += ": ";
    else if (/^[-\d]/.test(token)) put("number", token);
    else if (/^(true|false|null)$/.test(token)) put("word", token);
    else plain += token;
    before = token;
  }
  if (plain) shown.push(plain);
  return shown;
}

function isJson(text) {
  try {
    JSON.parse(text);
    return /^\s*[{[]/.test(text);
  } catch {
    return false;
  }
}

/** The text of base64url, or null when it is none. */
export function ofBase64url(text) {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (char) => char.charCodeAt(0));
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** What a message says: the payload of a signed one, else the text itself. */
export function payload(text) {
  try {
    const value = JSON.parse(text);
    if (typeof value?.payload === "string" && typeof value?.signature === "string") return ofBase64url(value.payload) ?? text;
  } catch {
    // No JSON: as it is.
  }
  return text;
}
