//! The JavaScript of the collection.

use std::fmt::Write as _;

use serde_json::{Value, json};

/// What the collection says of itself.
pub(super) const DESCRIPTION: &str = "A loan service provider's side of a loan, against `ocen-lender dev`. Run the \
    collection from top to bottom, or send one request after the other.\n\nRequests with an arrow to the right go to \
    the lender. A pre-request script gives each a fresh requestId and timestamp and has the sandbox sign it with \
    LSP-DEMO's key (`POST /sandbox/sign`); your own LSP signs for itself. Requests with an arrow to the left look for \
    the callback in the sandbox's inbox, which stands for your endpoint.\n\nWritten by `ocen-lender openapi --postman`.";

/// Before each request: ids and time, then the signature.
pub(super) const SIGN: &str = r#"
const path = pm.request.url.getPath();
if (path.startsWith('/v3/')) {
  const fresh = (prefix) => prefix + '-' + pm.variables.replaceIn('{{$guid}}');
  pm.collectionVariables.set('requestId', fresh('REQ'));
  pm.collectionVariables.set('traceId', fresh('T'));
  pm.collectionVariables.set('timestamp', new Date().toISOString());
  if (path.endsWith('/createLoanApplicationsRequest')) pm.collectionVariables.set('run', String(Date.now()));
  const body = pm.variables.replaceIn(pm.request.body.raw);
  if (pm.variables.get('sign') === 'false') {
    pm.request.body.update({ mode: 'raw', raw: body });
  } else {
    pm.sendRequest({
      url: pm.variables.replaceIn('{{adminUrl}}/sandbox/sign'),
      method: 'POST',
      header: { 'Content-Type': 'application/json' },
      // The body is signed byte for byte as it stands here.
      body: { mode: 'raw', raw: `{"orgId":${JSON.stringify(pm.variables.get('orgId'))},"body":${body}}` },
    }, (error, response) => {
      if (error || response.code !== 200) throw new Error(`not signed: ${error || response.text()}`);
      pm.request.body.update({ mode: 'raw', raw: response.text() });
    });
  }
}
"#;

/// After each request to the lender: the ack, which is signed as the request was.
pub(super) const ACKNOWLEDGED: &str = r"
if (pm.request.url.getPath().startsWith('/v3/')) {
  const base64url = (text) => atob(text.replace(/-/g, '+').replace(/_/g, '/'));
  const envelope = pm.response.json();
  const ack = envelope.payload ? JSON.parse(base64url(envelope.payload)) : envelope;
  pm.test('acknowledged', () => {
    pm.expect(ack.error, ack.detail).to.eql('0');
    pm.expect(pm.response.code).to.eql(200);
    pm.expect(ack.traceId).to.eql(pm.collectionVariables.get('traceId'));
  });
}
";

/// After a call of the sandbox.
pub(super) const SUCCEEDED: &str = r"
pm.test('done', () => pm.expect(pm.response.code, pm.response.text()).to.be.within(200, 299));
";

/// The test script that looks for a callback, repeats its request while there is none, and keeps what is needed.
pub(super) fn wait(answer_path: &str, when: &str, saves: &[(&str, &str)]) -> String {
    let when = if when.is_empty() { "true" } else { when };
    let mut script = format!(
        r"
const isIt = (item) => item.path === '{answer_path}' && ((callback) => {when})(item.body);
const found = pm.response.json().items.find(isIt);
const tries = Number(pm.collectionVariables.get('tries')) + 1;
if (!found && tries < 120) {{
  pm.collectionVariables.set('tries', tries);
  pm.execution.setNextRequest(pm.info.requestName);
  setTimeout(() => {{}}, 250);
}} else {{
  pm.collectionVariables.set('tries', 0);
  const callback = found && found.body;
  pm.test('the callback came and says yes', () => {{
    pm.expect(found, 'a callback').to.be.an('object');
    pm.expect(callback.response.error, callback.response.detail).to.eql('0');
  }});
  pm.test('its signature verifies', () => pm.expect(found.verified || !found.signed).to.eql(true));
"
    );
    keep(&mut script, "callback", saves);
    script.push_str("}\n");
    script
}

/// The test script that keeps what an answer of the sandbox says.
pub(super) fn saves_of_answer(saves: &[(&str, &str)]) -> String {
    let mut script = format!("{SUCCEEDED}const answer = pm.response.json();\n{{\n");
    keep(&mut script, "answer", saves);
    script.push_str("}\n");
    script
}

fn keep(script: &mut String, from: &str, saves: &[(&str, &str)]) {
    for (variable, place) in saves {
        // Writing to a String cannot fail.
        let _ = writeln!(script, "  pm.collectionVariables.set('{variable}', {from}.{place});");
    }
}

/// A script where Postman looks for it.
pub(super) fn event(listen: &str, script: &str) -> Value {
    let lines: Vec<String> = script.trim().lines().map(str::to_owned).collect();
    json!({"listen": listen, "script": {"type": "text/javascript", "exec": lines}})
}
