//! `serve`, the real program, with every port connected to the example of a lender's systems, which was written from the
//! README and `openapi/ports.json`.

use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use ocen_lender::clock::Ids;
use ocen_lender::jose::SigningKey;
use ocen_lender::lender::PORTS;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::database;
use crate::support::server::{Server, TEST_MASTER_KEY};
use crate::support::skip;
use crate::support::system::{self, SECRET, System, Told};

const PROGRAM: &str = env!("CARGO_BIN_EXE_ocen-lender");
const TOKEN: &str = "operators-token-of-a-test";

/// The example backend; ends when dropped.
struct Backend {
    url: String,
    _child: Child,
}

impl Backend {
    /// None where there is no Python to run it.
    async fn start() -> Option<Self> {
        Self::start_with(&[]).await
    }

    async fn start_with(args: &[&str]) -> Option<Self> {
        if Command::new("python3").arg("--version").stdout(Stdio::null()).status().await.is_err() {
            skip("python3 is not installed");
            return None;
        }
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/backend/backend.py");
        let mut child = Command::new("python3")
            .arg(file)
            .args(["--listen", "127.0.0.1:0", "--secret", &format!("whsec_{SECRET}")])
            .args(args)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let line = BufReader::new(child.stdout.take().unwrap()).lines().next_line().await.unwrap().unwrap();
        Some(Self { url: line.trim_start_matches("listening on ").to_owned(), _child: child })
    }
}

/// `ocen-lender serve` with a folder of its own; ends when dropped.
struct Serve {
    lsp: String,
    admin: String,
    http: reqwest::Client,
    _child: Child,
    folder: PathBuf,
}

impl Drop for Serve {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// A port that nobody listens on just now.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Serve {
    async fn start(backend: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("ocen-serve-{}", Ids.uuid().simple()));
        std::fs::create_dir_all(&folder).unwrap();
        let (lsp, admin, borrower) = (free_port(), free_port(), free_port());
        let key = SigningKey::generate("lender").unwrap();
        std::fs::write(folder.join("signing.pem"), key.to_pkcs8_pem().unwrap().expose_secret()).unwrap();
        std::fs::write(folder.join("master.key"), TEST_MASTER_KEY).unwrap();
        std::fs::write(folder.join("lender.toml"), configuration(&folder, (admin, borrower), backend)).unwrap();
        let child = Command::new(PROGRAM)
            .arg("serve")
            .arg("--config")
            .arg(folder.join("lender.toml"))
            .args(["--listen", &format!("127.0.0.1:{lsp}"), "--admin-listen", &format!("127.0.0.1:{admin}")])
            .args(["--borrower-listen", &format!("127.0.0.1:{borrower}")])
            .env("DATABASE_URL", database::fresh().await)
            .env("OCEN_ADMIN_TOKEN", TOKEN)
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let serve = Self { lsp: url(lsp), admin: url(admin), http, _child: child, folder };
        let ready = async {
            while !serve
                .http
                .get(format!("{}/health/ready", serve.lsp))
                .send()
                .await
                .is_ok_and(|r| r.status().is_success())
            {
                tokio::time::timeout(Duration::from_millis(25), std::future::pending::<()>()).await.ok();
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.expect("serve becomes ready");
        serve
    }

    async fn get(&self, path: &str) -> Value {
        let answer = self.http.get(format!("{}{path}", self.admin)).bearer_auth(TOKEN).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn post(&self, path: &str, body: Value) -> Value {
        let sent = self.http.post(format!("{}{path}", self.admin)).bearer_auth(TOKEN).json(&body).send().await.unwrap();
        let (status, answer): (_, Value) = (sent.status(), sent.json().await.unwrap());
        assert_eq!(status, 200, "{path}: {answer}");
        answer
    }

    /// The scripted LSP takes a loan to its payout, reading the borrower's messages from the lender's SMS system.
    async fn journey(&self, backend: &Backend) -> Value {
        let phone = format!("{}/phone", backend.url);
        let where_to = ["--url", &self.lsp, "--admin-url", &self.admin, "--admin-token", TOKEN, "--otp-url", &phone];
        let ran = program(&[&["journey", "--json", "--until", "paid-out"], where_to.as_slice()].concat()).await;
        report(&ran)
    }

    async fn is_paid_out(&self, told: &Value) {
        assert_eq!(told["ok"], true, "{told}");
        let loan_id = told["loans"][0]["loanId"].as_str().unwrap();
        let loan = self.get(&format!("/admin/loans/{loan_id}")).await;
        assert_eq!(loan["payouts"].as_array().unwrap().len(), 1, "{loan}");
        assert_eq!(loan["payouts"][0]["state"], "PAID", "{loan}");
    }
}

/// What `dev` lends, by a lender whose systems are all connected.
fn configuration(folder: &Path, (admin, borrower): (u16, u16), backend: &str) -> String {
    let section = |port| format!("[ports.{port}]\nurl = \"{backend}\"\nsecret = \"whsec_{SECRET}\"\n");
    let ports = PORTS.map(section).concat();
    format!(
        "borrowerUrl = \"http://127.0.0.1:{borrower}\"\nportsUrl = \"http://127.0.0.1:{admin}\"\n{}\n\
        [keys]\nmasterKeyFile = \"{folder}/master.key\"\n\
        signing = {{ kid = \"lender\", file = \"{folder}/signing.pem\" }}\n\
        [delivery]\nallowPrivateAddresses = true\n{ports}",
        include_str!("../../src/config/dev.toml"),
        folder = folder.display(),
    )
}

async fn program(args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).output().await.unwrap()
}

/// The same where the environment names a proxy, at which nobody is.
async fn program_beside_a_proxy(args: &[&str]) -> Output {
    let proxy = format!("http://127.0.0.1:{}", free_port());
    let named = ["HTTP_PROXY", "http_proxy", "ALL_PROXY"].map(|name| (name, proxy.as_str()));
    Command::new(PROGRAM).args(args).envs(named).env_remove("NO_PROXY").env_remove("no_proxy").output().await.unwrap()
}

fn report(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {said}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loan_goes_from_application_to_payout_through_the_lenders_own_systems() {
    let Some(backend) = Backend::start().await else { return };
    let serve = Serve::start(&backend.url).await;

    let told = serve.journey(&backend).await;

    serve.is_paid_out(&told).await;
    // The general ledger is told a moment later, and nobody waits for it.
    let told = async {
        while serve.get("/admin/ledger").await["pending"] != 0 {
            tokio::time::timeout(Duration::from_millis(25), std::future::pending::<()>()).await.ok();
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.expect("the general ledger takes what was posted");
    let ports = serve.get("/admin/ports").await;
    let all = ports["items"].as_array().unwrap();
    assert_eq!(all.len(), PORTS.len());
    assert!(all.iter().all(|port| port["calls"].as_u64() > Some(0) && port["failures"] == 0), "{ports}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_lenders_system_refers_is_decided_by_two_people_and_paid_out() {
    let Some(backend) = Backend::start_with(&["--refer-above", "1000"]).await else { return };
    let serve = Serve::start(&backend.url).await;
    let desk = async {
        let open = async {
            loop {
                if let Some(decision) = serve.get("/admin/decisions").await["items"].get(0) {
                    return decision.clone();
                }
                tokio::time::timeout(Duration::from_millis(25), std::future::pending::<()>()).await.ok();
            }
        };
        let decision = tokio::time::timeout(Duration::from_secs(30), open).await.expect("a decision waits for people");
        let act = |what: &str| format!("/admin/decisions/{}/{what}", decision["decisionId"].as_str().unwrap());
        serve.post(&act("claim"), json!({"by": "asha"})).await;
        let approved = json!({"maker": "asha", "verdict": "approve", "reason": "statements seen"});
        serve.post(&act("propose"), approved).await;
        (decision.clone(), serve.post(&act("release"), json!({"checker": "ravi"})).await)
    };

    let (told, (waiting, decided)) = tokio::join!(serve.journey(&backend), desk);

    assert_eq!((&waiting["question"], &decided["state"]), (&json!("offers"), &json!("APPROVED")), "{decided}");
    serve.is_paid_out(&told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_suite_passes_the_example() {
    let Some(backend) = Backend::start().await else { return };
    let secret = format!("whsec_{SECRET}");

    let listen = format!("127.0.0.1:{}", free_port());
    let args = ["--url", &backend.url, "--secret", &secret, "--callback-listen", &listen];
    let ran = program(&[&["port-test", "--all", "--json"], args.as_slice()].concat()).await;

    let told = report(&ran);
    let bad: Vec<&Value> =
        told["checks"].as_array().unwrap().iter().filter(|check| check["verdict"] != "PASS").collect();
    assert!(bad.is_empty() && ran.status.success(), "{bad:#?}");
    for id in [
        "kyc.status.settles",
        "kyc.status.posts",
        "disbursement.pay.dead-key",
        "collections.cancel.repeat",
        "collections.notify.answers",
        "data.consent-status.answers",
        "data.consent-revoke.answers",
    ] {
        assert!(told["checks"].as_array().unwrap().iter().any(|check| check["id"] == id), "{id} was not tried");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_of_the_environment_stands_before_the_lenders_systems() {
    let bank: Arc<System> = System::start(|_| Told::Usual).await;
    let secret = format!("whsec_{SECRET}");
    let args = ["port-test", "--port", "disbursement", "--json", "--url", &bank.url, "--secret", &secret];
    let told = report(&program_beside_a_proxy(&args).await);
    let checks = told["checks"].as_array().unwrap();
    let verified = checks.iter().find(|check| check["id"] == "disbursement.verify-account.answers");
    assert_eq!(verified.unwrap_or_else(|| panic!("not tried: {told}"))["verdict"], "PASS", "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_of_the_environment_sees_the_operators_token_on_its_way_to_this_machine() {
    let server = Server::start().await;
    let ran = program_beside_a_proxy(&["lsp", "list", "--admin-url", &server.admin, "--admin-token", TOKEN]).await;
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_suite_finds_later_answers_that_the_server_would_not_take() {
    let identity: Arc<System> = System::start(|heard| match heard.method.as_str() {
        "start" => {
            let address = heard.body["context"]["callbackUrl"].as_str().map(str::to_owned);
            let unsigned = async move |address: String| {
                let body = system::done(json!({"finding": "kycDone", "reference": "K-1"})).to_string();
                system::call_back(&reqwest::Client::builder().build().unwrap(), &address, &body, &[]).await
            };
            address.map(|address| tokio::spawn(unsigned(address)));
            Told::Status(200, json!({"outcome": "pending", "reference": "R-1", "pollAfter": "2026-01-05T00:00:00Z"}))
        }
        "no-such-method" => Told::Status(404, json!({})),
        _ => Told::Usual,
    })
    .await;
    let secret = format!("whsec_{SECRET}");
    let listen = format!("127.0.0.1:{}", free_port());
    let args = ["--url", &identity.url, "--secret", &secret, "--callback-listen", &listen];
    let ran = program(&[&["port-test", "--port", "kyc", "--json"], args.as_slice()].concat()).await;

    let told = report(&ran);
    let posted = told["checks"].as_array().unwrap().iter().find(|check| check["id"] == "kyc.status.posts");
    let posted = posted.unwrap_or_else(|| panic!("not tried: {told}"));
    assert_eq!((&posted["verdict"], ran.status.code()), (&json!("FAIL"), Some(1)), "{told}");
    assert!(posted["detail"].as_str().unwrap().contains("webhook-timestamp is no time"), "{posted}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_contract_suite_finds_a_bank_that_calls_an_unknown_payment_failed() {
    let bank: Arc<System> = System::start(|heard| match heard.method.as_str() {
        "status" => Told::Status(200, json!({"outcome": "refused", "code": "FAILED"})),
        "no-such-method" => Told::Status(404, json!({})),
        "pay" => Told::Status(
            200,
            system::done(json!({"finding": "paid", "utr": format!("U{}", heard.number), "valueDate": "2026-01-05"})),
        ),
        _ => Told::Usual,
    })
    .await;
    let secret = format!("whsec_{SECRET}");

    let ran =
        program(&["port-test", "--port", "disbursement", "--json", "--url", &bank.url, "--secret", &secret]).await;

    let told = report(&ran);
    let verdict = |id: &str| {
        let found = told["checks"].as_array().unwrap().iter().find(|check| check["id"] == id);
        found.unwrap_or_else(|| panic!("{id} was not tried: {told}"))["verdict"].clone()
    };
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!(verdict("disbursement.status.pay-unknown-key"), "FAIL");
    assert_eq!(verdict("disbursement.pay.repeat"), "FAIL");
    assert_eq!(verdict("disbursement.verify-account.answers"), "PASS");
}
