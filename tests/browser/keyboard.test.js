// With the keyboard alone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { granted, open } from "./setup.js";

let visitor;
let page;

before(async () => {
  visitor = await open();
  page = visitor.page;
});
after(() => visitor?.close());

const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent?.trim().slice(0, 60));

test("the first stop skips to the content", async () => {
  await visitor.go("/console");
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await focused(), "main");
});

test("what has the focus can be seen", async () => {
  await visitor.go("/console/applications");
  for (let stop = 0; stop < 25; stop += 1) {
    await page.keyboard.press("Tab");
    const seen = await page.evaluate(() => {
      const at = document.activeElement;
      const outlined = (style) => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
      return at === document.body || outlined(getComputedStyle(at)) || outlined(getComputedStyle(at, "::after"));
    });
    assert.ok(seen, `stop ${stop}: ${await focused()} has no outline`);
  }
});

test("g and a letter lead to every page", async () => {
  await visitor.go("/console");
  const titles = { a: "Applications", l: "Loans", h: "Decisions", d: "Disputes", c: "Callbacks", p: "LSPs", k: "Check a signature", s: "Sandbox controls", o: "Overview" };
  for (const [key, title] of Object.entries(titles)) {
    await page.keyboard.press("g");
    await page.keyboard.press(key);
    await page.getByRole("heading", { level: 1, name: title, exact: true }).waitFor();
    assert.equal(await focused(), "title", "the new page's title has the focus");
  }
  visitor.quiet("chords");
});

test("search finds an application and opens it", async () => {
  const { loanApplicationId } = await granted();
  await visitor.go("/console");
  await page.keyboard.press("/");
  await page.keyboard.type(loanApplicationId);
  await page.getByRole("option", { name: loanApplicationId }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: loanApplicationId }).waitFor();
});

test("typing is no shortcut", async () => {
  await visitor.go("/console/applications");
  await page.getByRole("searchbox", { name: "Search" }).focus();
  await page.keyboard.type("g?/t");
  assert.equal(await page.getByRole("dialog").count(), 0);
  assert.equal(await page.getByRole("searchbox", { name: "Search" }).inputValue(), "g?/t");
});

test("the drawer keeps the focus and gives it back", async () => {
  const { orgId, loanApplicationId } = await granted();
  await visitor.go(`/console/applications/${orgId}/${loanApplicationId}`);
  const step = page.locator(".step-request button.step-body").first();
  await step.focus();
  await page.keyboard.press("Enter");
  const drawer = page.getByRole("dialog");
  await drawer.getByRole("tab").first().waitFor();
  for (let stop = 0; stop < 20; stop += 1) {
    await page.keyboard.press("Tab");
    const inside = await page.evaluate(() => document.activeElement === document.body || Boolean(document.activeElement.closest("dialog")));
    assert.ok(inside, `stop ${stop} is outside`);
  }
  await drawer.getByRole("tab").first().focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await drawer.getByRole("tab").nth(1).getAttribute("aria-selected"), "true");
  assert.match(page.url(), /message=/, "the drawer has an address");
  await page.keyboard.press("Escape");
  await drawer.waitFor({ state: "detached" });
  assert.ok(await step.evaluate((element) => element === document.activeElement), "the focus is back");
  assert.doesNotMatch(page.url(), /message=/);
});

test("t changes the theme, and it stays", async () => {
  await visitor.go("/console");
  const theme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  assert.equal(await theme(), "light");
  await page.keyboard.press("t");
  assert.equal(await theme(), "dark");
  await page.reload();
  await visitor.shown();
  assert.equal(await theme(), "dark");
  await page.keyboard.press("t");
});

test("the way back leads back", async () => {
  await visitor.go("/console/applications");
  await page.locator(".row-link").first().press("Enter");
  await page.locator(".sequence").waitFor();
  await page.goBack();
  await page.getByRole("heading", { level: 1, name: "Applications" }).waitFor();
  visitor.quiet("history");
});
