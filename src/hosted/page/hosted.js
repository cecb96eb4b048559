"use strict";
// The form of an invite: sends it as JSON, shows what is wrong at the member that is, and what came of it.
const $ = (id) => document.getElementById(id);

const NAMES = [
  ["token", "Token"], ["namespace", "Namespace"], ["lspUrl", "For your messages"], ["adminUrl", "For your operators"],
  ["borrowerUrl", "For your borrowers"], ["jwksUrl", "The lender's keys"], ["callbackBaseUrl", "Your callbacks"],
  ["consoleUrl", "Console"],
];

const make = (name, text, attributes = {}) => {
  const element = document.createElement(name);
  element.textContent = text;
  Object.entries(attributes).forEach(([key, value]) => element.setAttribute(key, value));
  return element;
};

const registration = () => {
  const text = (id) => $(id).value.trim();
  const body = { invite: text("invite"), orgId: text("orgId"), name: text("name") };
  if (text("callbackBaseUrl")) body.callbackBaseUrl = text("callbackBaseUrl");
  if (text("pem") || text("kid")) body.keys = [{ kid: text("kid"), publicKeyPem: text("pem") }];
  return body;
};

// Which field a JSON pointer of the answer speaks of.
const field = (pointer) => {
  if (!pointer) return null;
  if (pointer.endsWith("/kid")) return $("kid");
  if (pointer.startsWith("/keys")) return $("pem");
  return $(pointer.slice(1));
};

const trouble = (text, at) => {
  document.querySelectorAll("[aria-invalid]").forEach((element) => element.removeAttribute("aria-invalid"));
  $("trouble").textContent = text;
  $("trouble").hidden = !text;
  if (at) {
    at.setAttribute("aria-invalid", "true");
    at.focus();
  }
};

const entry = (label, value) => {
  const copy = make("button", "Copy", { type: "button", class: "copy", "aria-label": `Copy ${label}` });
  copy.addEventListener("click", async () => {
    await navigator.clipboard.writeText(value);
    copy.textContent = "Copied";
  });
  const shown = document.createElement("dd");
  shown.append(make("code", value), copy);
  return [make("dt", label), shown];
};

const show = (told) => {
  $("told").replaceChildren(...NAMES.filter(([key]) => told[key]).flatMap(([key, label]) => entry(label, told[key])));
  const metadata = `"version": "1.0", "orgId": "${told.orgId}", "timestamp": "'"$(date -u +%FT%TZ)"'", "traceId": "T-1"`;
  $("curl").textContent = [
    `curl -sS ${told.lspUrl}/v3/meta/heartbeatRequest -H 'content-type: application/json' -d '{`,
    `  "metadata": {${metadata}}, "requestId": "R-1"}'`,
  ].join("\n");
  $("journey").textContent = [
    "ocen-lender journey \\",
    `  --url ${told.lspUrl} \\`,
    `  --admin-url ${told.adminUrl} \\`,
    `  --token ${told.token}`,
  ].join("\n");
  $("ask").hidden = true;
  $("done").hidden = false;
  $("done-title").focus();
};

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  trouble("");
  const empty = ["invite", "orgId", "name"].find((id) => !$(id).value.trim());
  if (empty) {
    trouble("Invite, orgId and name are needed.", $(empty));
    return;
  }
  $("send").disabled = true;
  try {
    const answered = await fetch("hosted/register", {
      method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(registration()),
    });
    const told = await answered.json();
    if (answered.ok) show(told);
    else trouble(told.detail || `The server answered ${answered.status}.`, field(told.pointer) || (answered.status === 403 ? $("invite") : null));
  } catch {
    trouble("The server did not answer. Try again in a moment.");
  } finally {
    $("send").disabled = false;
  }
});
