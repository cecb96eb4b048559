//! Signing keys change on both sides with an overlap, and nothing that is under way is lost.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use ocen_lender::app::OurKeys;
use ocen_lender::clock::{Clock, Ids};
use ocen_lender::jose::{HeaderMember, Incoming, OCEN_V3_ALGORITHMS, SigningKey, sign_flattened};
use ocen_lender::seal::MasterKey;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::support::bodies::{self, path};
use crate::support::database;
use crate::support::lsp;
use crate::support::server::Server;

/// How long the program may take to start, or to read its keys.
const PATIENCE: Duration = Duration::from_secs(30);

/// `ocen-lender serve` with the example configuration and keys of its own.
struct Program {
    dir: PathBuf,
    child: Child,
    lsp: String,
    admin: String,
    http: reqwest::Client,
}

impl Program {
    async fn start() -> Self {
        let dir = std::env::temp_dir().join(format!("ocen-serve-{}", Ids.uuid().simple()));
        std::fs::create_dir_all(&dir).unwrap();
        let master = MasterKey::generate().unwrap().to_base64();
        std::fs::write(dir.join("master.key"), master.expose_secret()).unwrap();
        for kid in ["k1", "k2"] {
            let key = SigningKey::generate(kid).unwrap().to_pkcs8_pem().unwrap();
            std::fs::write(dir.join(format!("{kid}.pem")), key.expose_secret()).unwrap();
        }
        let [lsp, admin, borrower] = free_addresses();
        configure(&dir, "k1", &[]);
        let child = Command::new(env!("CARGO_BIN_EXE_ocen-lender"))
            .args(["serve", "--listen", &lsp, "--admin-listen", &admin, "--borrower-listen", &borrower])
            .arg("--config")
            .arg(dir.join("lender.toml"))
            .env("DATABASE_URL", database::fresh().await)
            .env("OCEN_ADMIN_TOKEN", "token")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
        let program = Self { dir, child, lsp: format!("http://{lsp}"), admin: format!("http://{admin}"), http };
        program.until("it serves", || async { !program.published().await.is_empty() }).await;
        program
    }

    async fn until<F: Future<Output = bool>>(&self, what: &str, holds: impl Fn() -> F) {
        let waiting = async {
            while !holds().await {
                tokio::time::timeout(Duration::from_millis(20), std::future::pending::<()>()).await.ok();
            }
        };
        assert!(tokio::time::timeout(PATIENCE, waiting).await.is_ok(), "waited in vain until {what}");
    }

    /// Kids at `/.well-known/jwks.json`, the signing one first.
    async fn published(&self) -> Vec<String> {
        let Ok(answer) = self.http.get(format!("{}/.well-known/jwks.json", self.lsp)).send().await else {
            return Vec::new();
        };
        let keys: Value = answer.json().await.unwrap();
        keys["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    /// The kid that signs the ack of a heartbeat.
    async fn signs_with(&self, key: &SigningKey) -> String {
        let message = json!({
            "metadata": {
                "version": "1.0", "orgId": "LSP-TEST", "traceId": Ids.uuid().to_string(),
                "timestamp": Clock::default().wall().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            },
            "requestId": Ids.uuid().to_string(),
        });
        let body = sign_flattened(key, HeaderMember::Header, message.to_string().as_bytes()).unwrap();
        let request = self.http.post(format!("{}{}", self.lsp, path::HEARTBEAT)).body(body);
        let answer = request.header("content-type", "application/json").send().await.unwrap();
        assert_eq!(answer.status(), 200);
        match Incoming::parse(&answer.bytes().await.unwrap(), OCEN_V3_ALGORITHMS).unwrap() {
            Incoming::Signed(ack) => ack.kid().unwrap().to_owned(),
            Incoming::Plain => panic!("a plain ack"),
        }
    }

    fn hang_up(&self) {
        let id = self.child.id().unwrap().to_string();
        assert!(std::process::Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    }

    async fn until_published(&self, kids: &[&str]) {
        self.until(&format!("{kids:?} are published"), || async { self.published().await == kids }).await;
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Addresses that were free a moment ago.
fn free_addresses() -> [String; 3] {
    let listeners = [0; 3].map(|_| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    listeners.map(|listener| listener.local_addr().unwrap().to_string())
}

/// Writes the example configuration with these keys, at once as a whole.
fn configure(dir: &std::path::Path, signing: &str, published: &[&str]) {
    let example: toml::Table = include_str!("../../../deploy/ocen-lender.example.toml").parse().unwrap();
    let file = |kid: &str| dir.join(format!("{kid}.pem")).display().to_string();
    let key = |kid: &str| format!("{{ kid = \"{kid}\", file = \"{}\" }}", file(kid));
    let keys = format!(
        "masterKeyFile = \"{}\"\nsigning = {}\npublished = [{}]\n",
        dir.join("master.key").display(),
        key(signing),
        published.iter().map(|kid| key(kid)).collect::<Vec<_>>().join(", "),
    );
    let mut changed = example;
    changed.insert("keys".to_owned(), toml::Value::Table(keys.parse().unwrap()));
    std::fs::write(dir.join("next.toml"), changed.to_string()).unwrap();
    std::fs::rename(dir.join("next.toml"), dir.join("lender.toml")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_publishes_signs_and_retires_keys_without_a_restart() {
    let program = Program::start().await;
    let key = lsp::key().await;
    let put = program.http.put(format!("{}/admin/lsps/LSP-TEST", program.admin)).bearer_auth("token");
    let body = json!({
        "name": "Test", "callbackBaseUrl": "https://lsp.example", "settings": {},
        "keys": [{"kid": key.kid(), "publicKeyPem": key.public_key_pem()}],
    });
    assert!(put.json(&body).send().await.unwrap().status().is_success());
    assert_eq!(program.signs_with(&key).await, "k1");

    configure(&program.dir, "k1", &["k2"]);
    program.hang_up();
    program.until_published(&["k1", "k2"]).await;
    assert_eq!(program.signs_with(&key).await, "k1", "published first, so that LSPs know it in time");

    configure(&program.dir, "k2", &["k1"]);
    program.hang_up();
    program.until_published(&["k2", "k1"]).await;
    assert_eq!(program.signs_with(&key).await, "k2");

    // A broken file changes nothing; the next good one is found without a signal.
    std::fs::write(program.dir.join("k2.pem"), "not a key").unwrap();
    configure(&program.dir, "k2", &[]);
    program.hang_up();
    let fresh = SigningKey::generate("k3").unwrap().to_pkcs8_pem().unwrap();
    std::fs::write(program.dir.join("k3.pem"), fresh.expose_secret()).unwrap();
    assert_eq!((program.published().await.len(), program.signs_with(&key).await), (2, "k2".to_owned()));
    configure(&program.dir, "k3", &["k1"]);
    program.until_published(&["k3", "k1"]).await;
    assert_eq!(program.signs_with(&key).await, "k3");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callback_under_way_is_signed_by_whichever_key_is_in_use_when_it_leaves() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let key = lsp::key().await;
    let inbox = format!("{}/sandbox/inbox/{}", server.admin, lsp.org_id);
    let register = async |callback: &str| {
        let keys = [json!({"kid": key.kid(), "publicKeyPem": key.public_key_pem()})];
        let body = json!({"name": "Test", "callbackBaseUrl": callback, "keys": keys, "settings": {}});
        let put = server.http.put(format!("{}/admin/lsps/{}", server.admin, lsp.org_id));
        assert!(put.json(&body).send().await.unwrap().status().is_success());
    };
    // The LSP is down; the callback's first try was signed with the old key.
    register("http://127.0.0.1:9").await;
    let item = bodies::application(&bodies::id(), &bodies::pan());
    let (request_id, ack) = lsp.send(path::CREATE, json!({"loanApplications": [item]})).await;
    assert_eq!(ack.error(), "0");
    let tried = format!("/admin/callbacks?requestId={request_id}");
    let was_tried = || async { server.get(&tried).await["items"][0]["attempts"].as_i64() > Some(0) };
    server.until("the callback was tried", was_tried).await;

    let old = server.app.keys.signing();
    let new = Arc::new(SigningKey::generate("lender-2").unwrap());
    let keys = OurKeys { signing: Arc::clone(&new), published: vec![Arc::clone(&new), Arc::clone(&old)] };
    assert!(!server.app.keys.replace(keys).unwrap(), "the new key was not published before");
    let impostor = Arc::new(SigningKey::generate("lender-2").unwrap());
    assert!(server.app.keys.replace(OurKeys { signing: impostor, published: vec![old] }).is_err());

    register(&inbox).await;
    let callback = server.get(&tried).await["items"][0]["id"].as_str().unwrap().to_owned();
    server.post(&format!("/admin/callbacks/{callback}/redeliver"), &json!({})).await;
    let got = format!("/sandbox/inbox/{}?requestId={request_id}", lsp.org_id);
    server.until("it arrived", || async { !server.get(&got).await["items"][0].is_null() }).await;
    let arrived = server.get(&got).await["items"][0].clone();
    assert_eq!((&arrived["signed"], &arrived["verified"]), (&json!(true), &json!(true)), "{arrived}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_lsp_changes_its_key_with_an_overlap_and_a_request_under_way_is_answered() {
    let server = Server::start().await;
    let mut lsp = server.lsp().await;
    let (old, new) = (lsp::key().await, Arc::new(SigningKey::generate("lsp-key-2").unwrap()));
    let base = server.get(&format!("/admin/lsps/{}", lsp.org_id)).await["callbackBaseUrl"].clone();
    let register = async |keys: &[&SigningKey]| {
        let keys: Vec<Value> =
            keys.iter().map(|key| json!({"kid": key.kid(), "publicKeyPem": key.public_key_pem()})).collect();
        let body = json!({"name": "Test", "callbackBaseUrl": base, "keys": keys, "settings": {}});
        let put = server.http.put(format!("{}/admin/lsps/LSP-TEST", server.admin)).json(&body).send().await.unwrap();
        assert!(put.status().is_success());
    };
    let filed = |lsp: &lsp::TestLsp| {
        let item = bodies::application(&bodies::id(), &bodies::pan());
        lsp.complete(json!({"loanApplications": [item]}))
    };
    let first = filed(&lsp);
    let signed_before = lsp.seal(&first);
    register(&[&*old, &*new]).await;
    assert_eq!(lsp.post(path::CREATE, signed_before.clone()).await.error(), "0", "signed before, sent after");
    lsp.key = Some(Arc::clone(&new));
    let second = filed(&lsp);
    assert_eq!(lsp.post(path::CREATE, lsp.seal(&second)).await.error(), "0");
    register(&[&*new]).await;
    for body in [&first, &second] {
        lsp.callback(body["requestId"].as_str().unwrap()).await;
    }
    let late = lsp.post(path::CREATE, signed_before).await;
    assert_eq!(late.status, 401, "{}", late.body);
    assert_eq!(lsp.post(path::CREATE, lsp.seal(&first)).await.error(), "0", "a retry with the new key is a retry");
}
