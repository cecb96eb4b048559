// A browser on a console, and what every page has to keep: no error in its log, no finding of axe, no sideways scrolling.
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";

import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);

/** The operators' listener of a sandbox that asks for a token. */
export const BASE = process.env.CONSOLE_URL ?? "http://127.0.0.1:8081";
export const TOKEN = process.env.OCEN_ADMIN_TOKEN ?? "";
const SHOTS = process.env.CONSOLE_SHOTS;
const AXE = await readFile(require.resolve("axe-core/axe.min.js"), "utf8");

const ARGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync"];

export const WIDE = { width: 1280, height: 900 };
export const NARROW = { width: 390, height: 844 };

/** What the server refuses on purpose is written into the log by the browser; only the tests that ask for it expect it. */
const REFUSED = /^Failed to load resource: the server responded with a status of 4\d\d/;

/** Opens a browser with a profile of its own; signed in unless told otherwise. */
export async function open({ theme = "light", size = WIDE, signedIn = true, at = "/console", reducedMotion = "reduce" } = {}) {
  const profile = await mkdtemp(path.join(tmpdir(), "ocen-console-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: ARGS,
    viewport: size,
    colorScheme: theme,
    reducedMotion,
    hasTouch: size === NARROW,
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = context.pages()[0] ?? await context.newPage();
  page.setDefaultTimeout(20_000);
  const errors = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) errors.push(message.text());
  });
  page.on("pageerror", (error) => errors.push(String(error.stack ?? error)));
  const visitor = new Visitor({ page, context, errors, name: `${theme}-${size.width}` });
  visitor.close = async () => {
    await context.close();
    await rm(profile, { recursive: true, force: true });
  };
  await page.goto(`${BASE}${at}`);
  if (signedIn) await visitor.signIn();
  return visitor;
}

class Visitor {
  constructor(parts) {
    Object.assign(this, parts);
  }

  /** Signs in where the server asks for it: on loopback it does not. */
  async signIn(token = TOKEN) {
    await this.page.locator(".signin, main .page").first().waitFor();
    if (await this.page.locator(".signin").count() === 0) return this.shown();
    await this.page.getByLabel("Operator token").fill(token);
    await this.page.getByRole("button", { name: "Sign in" }).click();
    await this.shown();
    // Whoever is not signed in yet is told so.
    this.errors.splice(0, this.errors.length, ...this.errors.filter((text) => !REFUSED.test(text)));
  }

  /** Goes to a page within the console, as a link does. */
  async go(to) {
    await this.page.goto(`${BASE}${to}`);
    await this.shown();
  }

  /** Waits until the page has its data. */
  async shown() {
    await this.page.locator("main .page").waitFor();
    await this.page.locator(".waiting").first().waitFor({ state: "detached" });
  }

  /** What the page must keep, and a picture of it. */
  async keeps(what) {
    const { page } = this;
    await this.picture(what);
    if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ["violations"] }));
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    const told = serious.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.slice(0, 4).map((node) => `${node.target} ${node.html.slice(0, 160)} ${node.any[0]?.message ?? ""}`).join("\n  ")}`);
    assert.deepEqual(told, [], `${what} ${this.name}: findings of axe`);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${what} ${this.name}: scrolls sideways by ${over}`);
    this.quiet(what);
  }

  /** Nothing went wrong so far. */
  quiet(what) {
    assert.deepEqual(this.errors.splice(0), [], `${what} ${this.name}: errors in the log`);
  }

  /** Takes refusals that a test provoked out of the log. */
  forgive() {
    const rest = this.errors.filter((text) => !REFUSED.test(text));
    this.errors.splice(0, this.errors.length, ...rest);
  }

  async picture(what) {
    if (!SHOTS) return;
    await mkdir(SHOTS, { recursive: true });
    await this.page.screenshot({ path: path.join(SHOTS, `${what.replaceAll(/[^a-z0-9]+/gi, "-")}-${this.name}.png`) });
  }
}

/** A call of the operators' API. */
export async function call(method, at, body) {
  const response = await fetch(`${BASE}${at}`, {
    method,
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${at}: ${response.status} ${text}`);
  return text ? JSON.parse(text) : null;
}

/** The newest application that has a loan. */
export async function granted() {
  const { items } = await call("GET", "/admin/applications?stage=GRANTED&limit=1");
  assert.equal(items.length, 1, "`ocen-lender journey` has made a loan");
  return items[0];
}
