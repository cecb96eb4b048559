// Each page, light and dark, on a phone and on a desk.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";

import { NARROW, WIDE, call, granted, open } from "./setup.js";

for (const theme of ["light", "dark"]) {
  for (const size of [WIDE, NARROW]) {
    describe(`pages, ${theme}, ${size.width} pixels`, () => walk(theme, size));
  }
}

function walk(theme, size) {
  let visitor;
  let row;

  before(async () => {
    row = await granted();
    visitor = await open({ theme, size });
  });
  after(() => visitor?.close());

  const page = (name, at, more) => test(name, async () => {
    await visitor.go(typeof at === "function" ? at() : at);
    await visitor.keeps(name);
    await more?.(visitor.page);
  });
  const application = () => `/console/applications/${encodeURIComponent(row.orgId)}/${encodeURIComponent(row.loanApplicationId)}`;
  const loan = () => `/console/loans/${row.loanId}`;

  page("overview", "/console");
  page("applications", "/console/applications");
  page("applications that are none", "/console/applications?q=nothing-is-called-so");
  page("timeline", application);
  for (const pane of ["state", "asks", "sandbox"]) page(`application ${pane}`, () => `${application()}?pane=${pane}`);
  page("loans", "/console/loans");
  page("loan", loan);
  for (const pane of ["payments", "book", "terms", "disputes", "acts"]) page(`loan ${pane}`, () => `${loan()}?pane=${pane}`);
  page("callbacks", "/console/callbacks", async (shown) => {
    const beyond = await shown.locator(".table-wrap").evaluate((wrap) => wrap.scrollWidth - wrap.clientWidth);
    assert.ok(beyond <= 0, `what can be done stands in view, not ${beyond} pixels beside it`);
  });
  page("callbacks that are parked", "/console/callbacks?state=parked");
  page("lsps", "/console/lsps");
  page("lsp", "/console/lsps/LSP-DEMO");
  page("decisions", "/console/decisions");
  page("disputes", "/console/disputes");
  page("sandbox", "/console/sandbox");
  page("signature", "/console/signature");
  page("a page that is none", "/console/nowhere/at/all");

  test("decision", async (t) => {
    const { items } = await call("GET", "/admin/decisions?limit=1");
    if (items.length === 0) return t.skip("no decision waits here");
    await visitor.go(`/console/decisions/${items[0].decisionId}`);
    await visitor.keeps("decision");
  });

  test("message drawer, each tab", async () => {
    await visitor.go(application());
    const { page: browser } = visitor;
    await browser.locator(".step-callback button.step-body").first().click();
    const drawer = browser.getByRole("dialog");
    await drawer.getByRole("tab").first().waitFor();
    for (const name of await drawer.getByRole("tab").evaluateAll((all) => all.map((tab) => tab.id))) {
      await drawer.locator(`#${name}`).click();
      await visitor.keeps(`message ${name}`);
    }
    await browser.keyboard.press("Escape");
    await drawer.waitFor({ state: "detached" });
  });

  test("search, help and a form", async () => {
    await visitor.go("/console/lsps");
    const { page: browser } = visitor;
    await browser.keyboard.press("/");
    await browser.getByRole("combobox", { name: "Search" }).fill(row.loanApplicationId);
    await browser.locator("#found li").first().waitFor();
    await visitor.keeps("search");
    await browser.keyboard.press("Escape");
    await browser.keyboard.press("?");
    await browser.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await visitor.keeps("help");
    await browser.keyboard.press("Escape");
    await browser.getByRole("button", { name: "Register an LSP" }).click();
    await browser.getByRole("dialog", { name: "Register an LSP" }).waitFor();
    await visitor.keeps("form");
    await browser.keyboard.press("Escape");
    if (size === NARROW) {
      await browser.getByRole("button", { name: "More" }).click();
      await browser.getByRole("button", { name: "Close the menu" }).waitFor();
      await visitor.keeps("menu");
    }
  });
}
