//! The client snippets of `tests/clients/` sign what the server accepts, verify what it sends, and refuse what was
//! altered. A client whose runtime is not installed is left out and named.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use crate::support::bodies::{self, path};
use crate::support::server::Server;
use crate::support::skip;

/// What a snippet's usage ends with.
const USAGE: i32 = 2;

struct Client {
    command: Vec<String>,
}

impl Client {
    async fn run(&self, arguments: &[&str], input: &[u8]) -> std::io::Result<Output> {
        let (program, first) = self.command.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(first).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn()?;
        // One that prints its usage reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input).await;
        child.wait_with_output().await
    }

    /// Whether its runtime is there.
    async fn is_at_hand(&self) -> bool {
        self.run(&[], b"").await.is_ok_and(|ended| ended.status.code() == Some(USAGE))
    }

    async fn sign(&self, key: &Path, kid: &str, body: &[u8]) -> Vec<u8> {
        let ended = self.run(&["sign", key.to_str().unwrap(), kid], body).await.unwrap();
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        ended.stdout
    }

    async fn verify(&self, jwks: &Path, envelope: &[u8]) -> Result<Value, String> {
        let ended = self.run(&["verify", jwks.to_str().unwrap()], envelope).await.unwrap();
        match ended.status.code() {
            Some(0) => Ok(serde_json::from_slice(&ended.stdout).unwrap()),
            Some(1) => Err(String::from_utf8_lossy(&ended.stderr).into_owned()),
            _ => panic!("{ended:?}"),
        }
    }
}

fn folder(name: &str) -> String {
    format!("{}/tests/clients/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn scratch(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("clients-{}-{name}", std::process::id()))
}

/// The client, or `None` when it is left out.
async fn at_hand(name: &str, command: &[&str]) -> Option<Client> {
    let client = Client { command: command.iter().map(|&word| word.to_owned()).collect() };
    if client.is_at_hand().await {
        return Some(client);
    }
    skip(&format!("the {name} client, whose runtime is not installed here"));
    None
}

/// One filing, signed by the client; then its ack and its callback, and the callback altered.
async fn holds(client: Client) {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let (key_file, jwks_file) = (scratch(&bodies::id()), scratch(&bodies::id()));
    let key = lsp.key.as_ref().unwrap();
    tokio::fs::write(&key_file, key.to_pkcs8_pem().unwrap().expose_secret()).await.unwrap();
    let jwks = server.http.get(format!("{}/.well-known/jwks.json", server.url)).send().await.unwrap();
    tokio::fs::write(&jwks_file, jwks.bytes().await.unwrap()).await.unwrap();

    let message = lsp.complete(json!({"loanApplications": [bodies::application(&bodies::id(), &bodies::pan())]}));
    let pretty = serde_json::to_vec_pretty(&message).unwrap();
    let envelope = client.sign(&key_file, key.kid(), &pretty).await;
    let post = server.http.post(format!("{}{}", server.url, path::CREATE)).header("content-type", "application/json");
    let ack = post.body(envelope).send().await.unwrap().bytes().await.unwrap();

    let told = client.verify(&jwks_file, &ack).await.unwrap();
    assert_eq!((&told["error"], &told["traceId"]), (&json!("0"), &message["metadata"]["traceId"]), "{told}");
    let came = lsp.callback_that("answers", |callback| callback.body["requestId"] == message["requestId"]).await;
    assert_eq!(client.verify(&jwks_file, &came.raw).await.as_ref(), Ok(&came.body));

    let mut altered: Value = serde_json::from_slice(&came.raw).unwrap();
    altered["payload"] = json!(altered["payload"].as_str().unwrap().replacen("ey", "ez", 1));
    client.verify(&jwks_file, altered.to_string().as_bytes()).await.unwrap_err();
    let other: Value = json!({"keys": []});
    tokio::fs::write(&jwks_file, other.to_string()).await.unwrap();
    client.verify(&jwks_file, &came.raw).await.unwrap_err();
    for file in [key_file, jwks_file] {
        tokio::fs::remove_file(file).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_signs_and_verifies() {
    let script = folder("python/ocen_jws.py");
    if let Some(client) = at_hand("Python", &["python3", &script]).await {
        holds(client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn node_signs_and_verifies() {
    let script = folder("node/ocen-jws.mjs");
    if let Some(client) = at_hand("Node", &["node", &script]).await {
        holds(client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn java_signs_and_verifies() {
    let source = folder("java/OcenJws.java");
    if let Some(client) = at_hand("Java", &["java", &source]).await {
        holds(client).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn go_signs_and_verifies() {
    let program = scratch("go");
    let built =
        Command::new("go").current_dir(folder("go")).arg("build").arg("-o").arg(&program).arg(".").output().await;
    if let Ok(ended) = &built {
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    }
    if let Some(client) = at_hand("Go", &[program.to_str().unwrap()]).await {
        holds(client).await;
        tokio::fs::remove_file(program).await.unwrap();
    }
}
