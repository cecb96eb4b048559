// What operators do.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { BASE, TOKEN, call, granted, open } from "./setup.js";

let visitor;
let page;

before(async () => {
  visitor = await open();
  page = visitor.page;
});
after(() => visitor?.close());

const dialog = () => page.getByRole("dialog");

test("a wrong token is refused with words, the right one is not shown to anybody", async () => {
  const other = await open({ signedIn: false });
  await other.page.getByLabel("Operator token").fill("not the token");
  await other.page.getByRole("button", { name: "Sign in" }).click();
  await other.page.getByRole("alert").waitFor();
  other.forgive();
  await other.keeps("sign in");
  await other.signIn();
  assert.ok(!other.page.url().includes(TOKEN));
  assert.equal(await other.page.evaluate(() => Object.values(localStorage).join()), "", "nothing outlives the tab");
  await other.close();
});

test("an LSP is registered, stopped, and runs again", async () => {
  const org = `LSP-BROWSER-${Date.now()}`;
  await visitor.go("/console/lsps");
  await page.getByRole("button", { name: "Register an LSP" }).first().click();
  await dialog().getByLabel("LSP id").fill(org);
  await dialog().getByLabel("Name").fill("Browser's LSP");
  await dialog().getByLabel("Callback address").fill("ftp://nowhere");
  await dialog().getByRole("button", { name: "Register" }).click();
  await dialog().getByRole("alert").waitFor();
  visitor.forgive();
  await dialog().getByLabel("Callback address").fill("http://127.0.0.1:9/ocen");
  await dialog().getByRole("button", { name: "Register" }).click();
  await page.getByRole("heading", { level: 1, name: "Browser's LSP" }).waitFor();

  await page.getByRole("button", { name: "Stop", exact: true }).click();
  await dialog().getByLabel("Why?").fill("It floods us.");
  await dialog().getByLabel("Your name").fill("asha");
  await dialog().getByRole("button", { name: "Stop at once" }).click();
  await page.getByText("It floods us.").first().waitFor();
  assert.ok((await call("GET", "/admin/switches")).items.some((one) => one.subject === org));

  await page.getByRole("button", { name: "Let it run again" }).click();
  await dialog().getByLabel("Why?").fill("Mended.");
  await dialog().getByRole("button", { name: "Release" }).click();
  await page.getByRole("button", { name: "Stop", exact: true }).waitFor();
  assert.ok(!(await call("GET", "/admin/switches")).items.some((one) => one.subject === org));
  visitor.quiet("switches");
});

test("a dispute moves on, and only as it may", async () => {
  await visitor.go("/console/disputes");
  const card = page.locator(".card").first();
  await card.getByRole("button", { name: "Move" }).click();
  await dialog().getByLabel("To", { exact: true }).selectOption("RESOLVED");
  await dialog().getByLabel("Reply to the borrower").fill("");
  await dialog().getByRole("button", { name: "Move" }).click();
  await dialog().getByRole("alert").filter({ hasText: "reply" }).waitFor();
  visitor.forgive();
  await dialog().getByLabel("To", { exact: true }).selectOption("PROCESSING");
  await dialog().getByLabel("Reply to the borrower").fill("We look into it.");
  await dialog().getByRole("button", { name: "Move" }).click();
  await page.locator(".card").filter({ hasText: "We look into it." }).waitFor();
  visitor.quiet("disputes");
});

test("a callback is sent again", async () => {
  await visitor.go("/console/callbacks?state=delivered");
  await page.getByRole("button", { name: "Redeliver", exact: true }).first().click();
  await page.locator("#said").filter({ hasText: "Queued again" }).waitFor({ state: "attached" });
  visitor.quiet("redeliver");
});

test("the clock goes on by a day, and what happened is told", async () => {
  const before = await call("GET", "/sandbox/clock");
  await visitor.go("/console/sandbox");
  await page.getByRole("button", { name: "+ 1 day" }).click();
  await page.locator("#said").filter({ hasText: "happened" }).waitFor({ state: "attached" });
  const now = await call("GET", "/sandbox/clock");
  assert.ok(now.businessDate > before.businessDate);
  visitor.quiet("clock");
});

test("a scenario is set and taken back", async () => {
  await visitor.go("/console/sandbox");
  const panel = page.locator(".panel").filter({ has: page.getByRole("heading", { name: "Default scenario" }) });
  await panel.getByRole("button", { name: "Set codes" }).click();
  await dialog().getByLabel("Codes").fill("0302, 0801");
  await dialog().getByRole("button", { name: "Set", exact: true }).click();
  await panel.getByText("0801").waitFor();
  await panel.getByRole("button", { name: "Set codes" }).click();
  await dialog().getByLabel("Codes").fill("");
  await dialog().getByRole("button", { name: "Set", exact: true }).click();
  await panel.getByText("No code is at work").waitFor();
  visitor.quiet("scenario");
});

test("a fault is injected and removed", async () => {
  await visitor.go("/console/sandbox");
  const panel = page.locator(".panel").filter({ has: page.getByRole("heading", { name: "Faults" }) });
  await panel.getByRole("button", { name: "Inject a fault" }).click();
  await dialog().getByLabel("Operation").fill("setOffer");
  await dialog().getByRole("button", { name: "Inject" }).click();
  await panel.getByText("setOffer").waitFor();
  await visitor.keeps("sandbox with a fault");
  await panel.getByRole("button", { name: "Remove" }).click();
  await panel.getByText("Nothing is broken on purpose.").waitFor();
  visitor.quiet("faults");
});

test("a snapshot is taken, restored and deleted", async () => {
  await visitor.go("/console/sandbox");
  const panel = page.locator(".panel").filter({ has: page.getByRole("heading", { name: "Snapshots" }) });
  await panel.getByRole("button", { name: "Take a snapshot" }).click();
  await dialog().getByLabel("Name").fill("browser");
  await dialog().getByRole("button", { name: "Take it" }).click();
  await panel.getByText("browser").waitFor();
  await panel.getByRole("button", { name: "Restore" }).click();
  await dialog().getByRole("button", { name: "Restore" }).click();
  await page.locator("#said").filter({ hasText: "Restored browser" }).waitFor({ state: "attached" });
  await panel.getByRole("button", { name: "Delete" }).click();
  await panel.getByText("No snapshot yet.").waitFor();
  visitor.quiet("snapshots");
});

test("a referred application is claimed and rejected by one person, handed back once, and released by another", async () => {
  const id = await refer();
  await visitor.go("/console/decisions");
  await page.getByRole("link", { name: id }).click();
  await propose("Income is not proven.");
  await visitor.keeps("decision proposed");
  await page.getByRole("button", { name: "Hand back" }).click();
  await dialog().getByLabel("What is to be done about it").fill("Ask for the salary slips.");
  await dialog().getByLabel("Your name").fill("ravi");
  await dialog().getByRole("button", { name: "Hand back" }).click();
  await page.getByText("Returned: Ask for the salary slips.").waitFor();
  await propose("Still not proven.");
  await page.getByRole("button", { name: "Release" }).click();
  await dialog().getByRole("button", { name: "Release" }).click();
  await dialog().getByRole("alert").waitFor();
  visitor.forgive();
  await dialog().getByLabel("Your name").fill("ravi");
  await dialog().getByRole("button", { name: "Release" }).click();
  await page.locator(".summary").getByText("Rejected").waitFor();
  await visitor.keeps("decision released");
});

/** Claims the decision that is open and proposes to reject it. */
async function propose(reason) {
  await page.getByRole("button", { name: "Claim" }).click();
  await dialog().getByLabel("Your name").fill("asha");
  await dialog().getByRole("button", { name: "Claim" }).click();
  await page.getByRole("button", { name: "Reject…" }).click();
  await dialog().getByLabel("What the borrower is told").fill("We cannot lend to you now.");
  await dialog().getByLabel("Reason, for the file").fill(reason);
  await dialog().getByRole("button", { name: "Propose" }).click();
  await page.getByText(`Proposed: ${reason}`).waitFor();
}

/** Files an application that is left to a person. */
async function refer() {
  const run = Date.now();
  const id = `APP-BROWSER-${run}`;
  const answer = await fetch(`${process.env.LSP_URL}/v3/loanApplication/createLoanApplicationsRequest`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      metadata: { version: "1.0", orgId: "LSP-DEMO", timestamp: new Date().toISOString(), traceId: `T-${run}` },
      requestId: `REQ-${run}`,
      loanApplications: [{
        createdDate: new Date().toISOString(), loanApplicationId: id, type: "PERSONAL",
        borrower: {
          primaryId: "AAAPL1234C", primaryIdType: "PAN", name: "Asha Rao", category: "INDIVIDUAL",
          contactDetails: [{ type: "PRIMARY", phone: "9000000001" }],
        },
        collaterals: [], guarantors: [], applicants: [],
        terms: { requestedAmount: "950000.00", currency: "INR" },
      }],
    }),
  });
  assert.equal(answer.status, 200, await answer.text());
  return id;
}

test("a message of our own passes the check of its signature, an altered one is named", async () => {
  const signed = await fetch(`${BASE}/sandbox/sign`, {
    method: "POST",
    headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json" },
    body: JSON.stringify({ orgId: "LSP-DEMO", body: { metadata: { version: "1.0", orgId: "LSP-DEMO", traceId: crypto.randomUUID(), timestamp: new Date().toISOString() }, requestId: crypto.randomUUID() } }),
  }).then((response) => response.text());
  await visitor.go("/console/signature");
  await page.getByLabel("Body").fill(signed);
  await page.getByRole("button", { name: "Check it" }).click();
  await page.getByText("The signature is right.").waitFor();
  await visitor.keeps("signature right");
  const envelope = JSON.parse(signed);
  envelope.payload = `${envelope.payload.slice(0, -4)}AAAA`;
  await page.getByLabel("Body").fill(JSON.stringify(envelope));
  await page.getByRole("button", { name: "Check it" }).click();
  await page.getByText("First mismatch:").waitFor();
  await page.getByRole("button", { name: "Check it", disabled: false }).waitFor();
  await visitor.keeps("signature wrong");
});

test("an LSP sees its own traffic through its link, and nobody else's", async () => {
  const own = await granted();
  await visitor.go(`/console/lsps/${own.orgId}`);
  await page.getByRole("button", { name: "Share a link" }).click();
  await dialog().getByRole("button", { name: "Make the link" }).click();
  const made = page.getByRole("dialog", { name: "The link" });
  const address = (await made.locator("pre").textContent()).trim();
  await visitor.keeps("link made");
  await page.keyboard.press("Escape");

  const lsp = await open({ signedIn: false, at: address.slice(address.indexOf("/console")) });
  await lsp.shown();
  assert.doesNotMatch(lsp.page.url(), /link=/, "the key does not stay in the address");
  await lsp.keeps("link overview");
  await lsp.go("/console/applications");
  const orgs = await lsp.page.locator('td[data-label="LSP"]').allTextContents();
  assert.deepEqual([...new Set(orgs)], [own.orgId]);
  await lsp.go(`/console/applications/${own.orgId}/${own.loanApplicationId}`);
  await lsp.page.locator(".sequence").waitFor();
  await lsp.keeps("link timeline");
  await lsp.go("/console/callbacks");
  assert.equal(await lsp.page.getByRole("button", { name: "Redeliver" }).count(), 0, "it changes nothing");
  await lsp.page.goto(`${BASE}/console/lsps`);
  await lsp.page.getByText("There is no such page.").waitFor();
  await lsp.close();
});
