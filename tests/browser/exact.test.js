// What needs no browser: money to the paisa, JSON to the digit.
import assert from "node:assert/strict";
import { test } from "node:test";

import { payload, pretty } from "../../src/console/assets/lib/json.js";
import { briefly, grouped, ofPaise, paise, rupees, share, sum } from "../../src/console/assets/lib/money.js";

const text = (shown) => shown.map((part) => (typeof part === "string" ? part : part.children.join(""))).join("");

test("rupees are written the Indian way, to the paisa", () => {
  const written = { 0: "₹0.00", "999.5": "₹999.50", 1000: "₹1,000.00", "1234567.80": "₹12,34,567.80", "-100000.01": "−₹1,00,000.01" };
  for (const [amount, word] of Object.entries(written)) assert.equal(rupees(amount), word);
  assert.equal(grouped("123456789012345"), "12,34,56,78,90,12,345");
  assert.equal(rupees(null), "–");
  assert.equal(rupees("masked"), "masked", "what is no amount is shown as it is");
});

test("sums are exact where floats are not", () => {
  assert.equal(ofPaise(sum(["0.10", "0.20", "90071992547409.91", "0.01"])), "₹9,00,71,99,25,47,410.22");
  assert.equal(paise("1.005"), null, "nobody rounds a paisa away");
  assert.equal(share(1n, 3n), 0.3333);
});

test("amounts are shortened to lakh and crore", () => {
  assert.deepEqual(["950", "93750.00", "1234567.50", "250000000"].map(briefly), ["₹950", "₹93.7 K", "₹12.3 L", "₹25 Cr"]);
});

test("JSON is laid out and stays what it was", () => {
  const wire = '{"a":1.50,"b":[1e3,"x\\u0041,{}"],"c":{},"d":null,"e":12345678901234567890}';
  const laid = text(pretty(wire));
  assert.equal(laid.replaceAll(/\n\s*/g, "").replaceAll('": ', '":'), wire, "no digit and no escape is changed");
  assert.match(laid, /\n {2}"b": \[\n {4}1e3,/);
  assert.deepEqual(pretty("<html>"), ["<html>"]);
});

test("the payload of a signed message is what it says", () => {
  const signed = JSON.stringify({ payload: Buffer.from('{"name":"आशा"}').toString("base64url"), protected: "e30", signature: "x" });
  assert.equal(payload(signed), '{"name":"आशा"}');
  assert.equal(payload('{"plain":1}'), '{"plain":1}');
});
