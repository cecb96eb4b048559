// Rupees as the server writes them: exact decimal strings. Reckoned in whole paise, never in floats.

/** Paise of `"12345.60"`, or null for what is no amount. */
export function paise(text) {
  const found = /^(-?)(\d+)(?:\.(\d{1,2}))?$/.exec(String(text ?? "").trim());
  if (!found) return null;
  const whole = BigInt(found[2]) * 100n + BigInt((found[3] ?? "").padEnd(2, "0"));
  return found[1] ? -whole : whole;
}

/** The sum of amounts, in paise; what is no amount counts nothing. */
export const sum = (amounts) => amounts.reduce((total, amount) => total + (paise(amount) ?? 0n), 0n);

/** Digits in the Indian way: the last three, then pairs. */
export function grouped(digits) {
  if (digits.length <= 3) return digits;
  const head = digits.slice(0, -3).replace(/\B(?=(\d\d)+$)/g, ",");
  return `${head},${digits.slice(-3)}`;
}

/** `₹12,34,567.80` of paise. */
export function ofPaise(amount) {
  const sign = amount < 0n ? "−" : "";
  const positive = amount < 0n ? -amount : amount;
  const decimals = String(positive % 100n).padStart(2, "0");
  return `${sign}₹${grouped(String(positive / 100n))}.${decimals}`;
}

/** `₹12,34,567.80` of the server's text; what is no amount is shown as it is, nothing as a dash. */
export function rupees(text) {
  if (text === null || text === undefined || text === "") return "–";
  const amount = paise(text);
  return amount === null ? String(text) : ofPaise(amount);
}

/** `₹12.3 L` for where there is little room. */
export function briefly(text) {
  const amount = paise(text);
  if (amount === null) return rupees(text);
  const whole = (amount < 0n ? -amount : amount) / 100n;
  const sign = amount < 0n ? "−" : "";
  for (const [unit, word] of [[10_000_000n, "Cr"], [100_000n, "L"], [1_000n, "K"]]) {
    if (whole >= unit) {
      const tenths = (whole * 10n) / unit;
      const decimal = tenths % 10n === 0n || tenths >= 1000n ? "" : `.${tenths % 10n}`;
      return `${sign}₹${grouped(String(tenths / 10n))}${decimal} ${word}`;
    }
  }
  return `${sign}₹${whole}`;
}

/** For pixels only: how much of `whole` a part is, from 0 to 1. */
export function share(part, whole) {
  return whole === 0n ? 0 : Number((part * 10_000n) / whole) / 10_000;
}
