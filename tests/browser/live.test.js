// Pages stay true without being loaded again.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

import { BASE, open } from "./setup.js";

const run = promisify(execFile);
let visitor;

before(async () => { visitor = await open(); });
after(() => visitor?.close());

test("an application that arrives is counted and listed by itself", async () => {
  const { page } = visitor;
  await visitor.go("/console/applications");
  await page.evaluate(() => { window.stayed = true; });
  await page.locator(".live-live").waitFor();
  const before = await page.locator("tbody tr").first().textContent();
  await run(process.env.PROGRAM, ["journey", "--until", "paid-out", "--url", process.env.LSP_URL, "--admin-url", BASE], { env: process.env });
  await page.waitForFunction((text) => document.querySelector("tbody tr").textContent !== text, before);
  assert.ok(await page.evaluate(() => window.stayed), "nothing was loaded again");
  visitor.quiet("live");
});
