// How things are written: times, words, sizes.
import { h } from "./vdom.js";

const EXACT = new Intl.DateTimeFormat("en-IN", {
  day: "2-digit", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
  hour12: false, timeZone: "Asia/Kolkata",
});
const CLOCK = new Intl.DateTimeFormat("en-IN", {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false, timeZone: "Asia/Kolkata",
});
const HOUR = new Intl.DateTimeFormat("en-IN", {
  hour: "2-digit", minute: "2-digit", hour12: false, timeZone: "Asia/Kolkata",
});
const DAY = new Intl.DateTimeFormat("en-IN", { day: "2-digit", month: "short", year: "numeric", timeZone: "UTC" });
const SHORT_DAY = new Intl.DateTimeFormat("en-IN", { day: "numeric", month: "short", timeZone: "UTC" });
const MONTH = new Intl.DateTimeFormat("en-IN", { month: "short", year: "2-digit", timeZone: "UTC" });

/** Where the server's clock stands against this one's: the sandbox moves its own. */
let ahead = 0;

/** Tells what the server's clock says now. */
export function serverSays(instant) {
  const at = Date.parse(instant ?? "");
  if (!Number.isNaN(at)) ahead = at - Date.now();
}

/** The server's now, in milliseconds. */
export const now = () => Date.now() + ahead;

/** `26 Nov 2026, 19:20:11 IST`. */
export const exactly = (at) => `${EXACT.format(new Date(at))} IST`;

/** `19:20:11`, in India. */
export const clock = (at) => CLOCK.format(new Date(at));

/** `19:20`, in India. */
export const hour = (at) => HOUR.format(new Date(at));

const DATE = new Intl.DateTimeFormat("en-CA", { year: "numeric", month: "2-digit", day: "2-digit", timeZone: "Asia/Kolkata" });

/** The day in India on which something was: `2026-11-27`. */
export const dateOf = (at) => DATE.format(new Date(at));

/** `26 Nov 2026` of `2026-11-26`. */
export const day = (date) => (date ? DAY.format(new Date(`${String(date).slice(0, 10)}T00:00:00Z`)) : "–");

/** `26 Nov`. */
export const shortDay = (date) => SHORT_DAY.format(new Date(`${String(date).slice(0, 10)}T00:00:00Z`));

/** `Nov 26`: the month. */
export const month = (date) => MONTH.format(new Date(`${String(date).slice(0, 10)}T00:00:00Z`));

/** `3 min ago`, `in 2 h`, `just now`. */
export function relatively(at) {
  const away = Date.parse(at) - now();
  const seconds = Math.round(Math.abs(away) / 1000);
  if (seconds < 5) return "just now";
  const word = span(seconds);
  return away > 0 ? `in ${word}` : `${word} ago`;
}

/** `45 s`, `3 min`, `2 h`, `5 d`, `4 mo`, `2 y`. */
export function span(seconds) {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3_600) return `${Math.round(seconds / 3_600)} h`;
  if (seconds < 60 * 86_400) return `${Math.round(seconds / 86_400)} d`;
  if (seconds < 730 * 86_400) return `${Math.round(seconds / (30.44 * 86_400))} mo`;
  return `${Math.round(seconds / (365.25 * 86_400))} y`;
}

/** `12 ms`, `1.4 s`. */
export function took(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

/** A time as an element: relative, the exact one on hover and while its row has the focus. */
export function ago(at) {
  if (!at) return h("span", { class: "muted" }, "–");
  return h("time", { datetime: at, class: "ago" },
    h("span", { class: "ago-near" }, relatively(at)),
    h("span", { class: "ago-exact" }, exactly(at)));
}

/** `Offer accepted` of `OFFER_ACCEPTED`, `setOffer` stays. */
export function words(code) {
  const text = String(code ?? "–");
  if (!/^[A-Z0-9_]+$/.test(text) || /^\d+$/.test(text)) return text;
  if (/^(NPA|KYC|OTP|PAN|ERROR)$/.test(text)) return text === "ERROR" ? "Error" : text;
  const sentence = text.toLowerCase().replaceAll("_", " ");
  return (sentence.charAt(0).toUpperCase() + sentence.slice(1))
    .replace(/\b(npa|kyc|otp|sma|emi|upi)\b/gi, (word) => word.toUpperCase());
}

/** `1,234`. */
export const count = (number) => (number === null || number === undefined ? "–" : Number(number).toLocaleString("en-IN"));

/** `1 loan`, `2 loans`. */
export const many = (number, one, more = `${one}s`) => `${count(number)} ${number === 1 ? one : more}`;

/** The head and tail of a long id. */
export const brief = (id, length = 22) => {
  const text = String(id ?? "");
  return text.length <= length ? text : `${text.slice(0, length - 9)}…${text.slice(-8)}`;
};

/** `1.2 kB`. */
export const bytes = (size) => (size < 1_000 ? `${size} B` : `${(size / 1_000).toFixed(1)} kB`);
