//! The real program, killed again and again in the middle of its work: nothing is lost, nobody is paid twice.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use ocen_lender::clock::{Clock, Ids};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::watch;

use crate::support::bodies::{self, path};

/// The LSP that `dev` registers: plain JSON, callbacks to its built-in inbox.
const ORG_ID: &str = "LSP-DEMO";
/// A loan that takes longer than this after the last kill is lost; leases of 20 s have to run out before.
const PATIENCE: Duration = Duration::from_secs(100);
/// How long the program may take to end.
const DRAIN: Duration = Duration::from_secs(20);

/// Where the program listens now.
#[derive(Debug, Clone, Default)]
struct Addresses {
    lsp: String,
    admin: String,
}

/// `ocen-lender dev` with a data directory of its own, removed at the end.
struct Program {
    data_dir: PathBuf,
    child: Child,
    at: Arc<RwLock<Addresses>>,
}

impl Program {
    async fn start() -> Self {
        let data_dir = std::env::temp_dir().join(format!("ocen-crash-{}", Ids.uuid().simple()));
        let (child, addresses) = launch(&data_dir).await;
        Self { data_dir, child, at: Arc::new(RwLock::new(addresses)) }
    }

    /// SIGKILL, and a new one on the same data.
    async fn crash(&mut self) {
        self.child.kill().await.unwrap();
        let (child, addresses) = launch(&self.data_dir).await;
        self.child = child;
        *self.at.write().unwrap() = addresses;
    }

    /// SIGTERM ends the cluster too.
    async fn end(mut self) {
        terminate(&self.child);
        assert!(self.child.wait().await.unwrap().success());
    }
}

impl Drop for Program {
    /// Waits, after a failed test too, until the cluster has ended, and removes it wherever it lives.
    fn drop(&mut self) {
        terminate(&self.child);
        let begun = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && begun.elapsed() < DRAIN {
            std::thread::yield_now();
        }
        let record = std::fs::read_to_string(self.data_dir.join("cluster.toml")).unwrap_or_default();
        if let Some(home) = record.lines().find_map(|line| line.strip_prefix("home = ")) {
            let _ = std::fs::remove_dir_all(self.data_dir.join(home.trim_matches('"')));
        }
        let _ = std::fs::remove_dir_all(&self.data_dir);
    }
}

fn terminate(child: &Child) {
    if let Some(id) = child.id() {
        let _ = std::process::Command::new("kill").args(["-TERM", &id.to_string()]).status();
    }
}

/// Starts the program and reads from its banner where it listens.
async fn launch(data_dir: &std::path::Path) -> (Child, Addresses) {
    let any = "127.0.0.1:0";
    let mut child = Command::new(env!("CARGO_BIN_EXE_ocen-lender"))
        .args(["dev", "--listen", any, "--admin-listen", any, "--borrower-listen", any, "--data-dir"])
        .arg(data_dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut addresses = Addresses::default();
    while let Some(line) = lines.next_line().await.unwrap() {
        let origin = |url: &str| url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["LSPs", url] => addresses.lsp = origin(url),
            ["Operators", url] => addresses.admin = origin(url),
            ["End", ..] => break,
            _ => {}
        }
    }
    assert!(!addresses.admin.is_empty(), "the program did not start");
    // Its log goes on.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    (child, addresses)
}

/// An LSP that does not give up: it repeats what was not acknowledged, and looks for answers until they are there.
#[derive(Clone)]
struct Stubborn {
    at: Arc<RwLock<Addresses>>,
    http: reqwest::Client,
    steps: Arc<watch::Sender<usize>>,
    /// What has no answer yet, by its request id: where it was sent, and whether it is acknowledged.
    waits: Arc<Mutex<BTreeMap<String, (String, bool)>>>,
}

impl Stubborn {
    fn of(program: &Program) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(5)).build().unwrap();
        let (steps, waits) = (Arc::new(watch::Sender::new(0)), Arc::default());
        Self { at: Arc::clone(&program.at), http, steps, waits }
    }

    async fn get(&self, path: &str) -> Option<Value> {
        let url = format!("{}{path}", self.at.read().unwrap().admin);
        self.http.get(url).send().await.ok()?.json().await.ok()
    }

    /// Whether a request is accepted; not when it should be sent again.
    async fn is_accepted(&self, path: &str, body: &Value) -> bool {
        let url = format!("{}{path}", self.at.read().unwrap().lsp);
        let Ok(response) = self.http.post(url).json(body).send().await else { return false };
        let is_refused = response.status().is_client_error() && response.status() != 429;
        let Ok(ack) = response.json::<Value>().await else { return false };
        assert!(!is_refused, "{path}: {ack}");
        ack["error"] == "0"
    }

    /// Sends a request until it is acknowledged, and waits for its answer.
    async fn ask(&self, path: &str, body: Value) -> Value {
        self.ask_for(path, body, |_| true).await
    }

    /// The same, for an answer that fits: an interim one may come before.
    async fn ask_for(&self, path: &str, mut body: Value, fits: impl Fn(&Value) -> bool) -> Value {
        let request_id = format!("REQ-{}", Ids.uuid().simple());
        body["requestId"] = json!(request_id);
        body["metadata"] = json!({
            "version": "1.0",
            "orgId": ORG_ID,
            "timestamp": Clock::default().wall().format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
            "traceId": Ids.uuid().to_string(),
        });
        let note = |is_acked| self.waits.lock().unwrap().insert(request_id.clone(), (path.to_owned(), is_acked));
        note(false);
        while !self.is_accepted(path, &body).await {
            pause().await;
        }
        note(true);
        let answers = format!("/sandbox/inbox/{ORG_ID}?requestId={request_id}");
        let operation = path.rsplit('/').next().unwrap().replace("Request", "Response").to_ascii_lowercase();
        loop {
            let listed = self.get(&answers).await.unwrap_or_default();
            let fits = |item: &&Value| {
                let path = item["path"].as_str().unwrap().to_ascii_lowercase();
                path.ends_with(&format!("/{operation}")) && fits(&item["body"])
            };
            if let Some(item) = listed["items"].as_array().and_then(|items| items.iter().find(fits)) {
                self.waits.lock().unwrap().remove(&request_id);
                self.steps.send_modify(|steps| *steps += 1);
                return item["body"].clone();
            }
            pause().await;
        }
    }

    /// Asks again and again until the answer fits; not once it has failed for good.
    async fn ask_until(&self, path: &str, body: Value, fits: impl Fn(&Value) -> bool) -> Value {
        loop {
            let answer = self.ask(path, body.clone()).await;
            if fits(&answer) {
                return answer;
            }
            let ends = [
                &answer["payment"]["status"],
                &answer["plan"]["status"],
                &answer["consent"]["consentStatus"],
                &answer["loanStatus"],
            ];
            let bad = ["FAILURE", "INACTIVE", "FAILED", "REJECTED"];
            let has_failed = ends.iter().any(|end| end.as_str().is_some_and(|end| bad.contains(&end)));
            assert!(!has_failed, "{path}: {answer}");
            pause().await;
        }
    }

    /// A loan from nothing to money in the account; gives the loan.
    async fn borrow(&self) -> String {
        let id = bodies::id();
        let item = bodies::application(&id, &bodies::pan());
        self.ask(path::CREATE, json!({"loanApplications": [item]})).await;
        self.consent(&id, "ONETIME").await;
        let made = |answer: &Value| answer["loanApplications"][0]["offers"][0].is_object();
        let offers = self.ask_for(path::GENERATE_OFFERS, json!({"loanApplicationIds": [id]}), made).await;
        let offer = &offers["loanApplications"][0]["offers"][0];
        self.ask(path::SET_OFFER, json!({"loanApplicationId": id, "offer": {"id": offer["id"]}})).await;
        self.sign(&id).await;
        let account = bodies::account(bodies::ACCOUNT, bodies::NAME);
        self.ask(path::SET_ACCOUNT, json!({"loanApplicationId": id, "account": account})).await;
        let plan = json!({"id": offer["repayment"]["plans"][0]["id"]});
        self.ask(path::SET_REPAYMENT_PLAN, json!({"loanApplicationId": id, "plan": plan})).await;
        let active = |answer: &Value| answer["plan"]["status"] == "ACTIVE";
        self.ask_until(path::REPAYMENT_PLAN_STATUS, json!({"plan": plan}), active).await;
        self.consent(&id, "PERIODIC").await;
        // Who was killed while it looked at the borrower's identity holds that until its lease runs out.
        let grants = |answer: &Value| answer["loanStatus"] == "GRANTED";
        let granted = self.ask_until(path::GRANT, json!({"loanApplicationId": id}), grants).await;
        let loan = granted["loanId"].as_str().unwrap_or_else(|| panic!("{granted}")).to_owned();
        let payment = json!({"id": format!("DISB-{id}"), "totalAmount": offer["terms"]["sanctionedAmount"]});
        let triggered = self.ask(path::TRIGGER_DISBURSEMENT, json!({"loanId": loan, "payment": payment})).await;
        assert_eq!(triggered["response"]["error"], "0", "{triggered}");
        let paid = |answer: &Value| answer["payment"]["status"] == "SUCCESS";
        self.ask_until(path::DISBURSEMENT_STATUS, json!({"loanId": loan}), paid).await;
        loan
    }

    async fn consent(&self, id: &str, fetch_type: &str) {
        let consent = json!({"consentFetchType": fetch_type, "vua": "asha@aa.in"});
        let answer = self.ask(path::CONSENT_HANDLE, json!({"loanApplicationIds": [id], "consent": consent})).await;
        let handle = &answer["consent"]["consentHandle"];
        let ready = |answer: &Value| answer["consent"]["consentStatus"] == "READY";
        self.ask_until(path::CONSENT_STATUS, json!({"consent": {"consentHandle": handle}}), ready).await;
    }

    async fn sign(&self, id: &str) {
        let otp = json!({"type": "OTP", "data": {"appToken": "0aBCD7DMr72"}});
        let sent = self.ask(path::TRIGGER_ACCEPTANCE, json!({"loanApplicationIds": [id], "credBlock": otp})).await;
        let session = sent["credBlock"]["data"]["otpSessionKey"].as_str().unwrap_or_else(|| panic!("{sent}"));
        let digits = loop {
            match self.get(&format!("/sandbox/otp/{session}")).await {
                Some(shown) if shown["otp"].is_string() => break shown["otp"].clone(),
                _ => pause().await,
            }
        };
        let data = json!({"otpSessionKey": session, "otp": digits});
        let verified = self.ask(path::VERIFY_ACCEPTANCE, json!({"credBlock": {"type": "OTP", "data": data}})).await;
        assert_eq!(verified["credBlock"]["data"]["status"], "SUCCESS", "{verified}");
    }

    /// Whether a loan was paid out exactly once, by the payouts and by the book.
    async fn paid_once(&self, loan: &str) {
        let shown = loop {
            match self.get(&format!("/admin/loans/{loan}")).await {
                Some(shown) => break shown,
                None => pause().await,
            }
        };
        let payouts = shown["payouts"].as_array().unwrap();
        assert_eq!(payouts.iter().filter(|payout| payout["state"] == "PAID").count(), 1, "{payouts:?}");
        assert!(payouts.iter().all(|payout| payout["state"] == "PAID" || payout["state"] == "FAILED"), "{payouts:?}");
        assert_eq!(shown["book"].as_array().unwrap().len(), 1, "{shown}");
    }

    /// What is left to be done, for whoever reads why a loan is lost.
    async fn left(&self) -> String {
        let waits = self.waits.lock().unwrap().clone();
        let asks = self.get("/admin/asks").await;
        let callbacks = self.get("/admin/callbacks?limit=50").await;
        let applications = self.get("/admin/applications?limit=50").await;
        format!("no answer to {waits:#?}\n{asks:#?}\n{callbacks:#?}\n{applications:#?}")
    }

    /// Whether the general ledger took every journal once: its balances are the book's, account by account and loan by
    /// loan.
    async fn books_agree(&self) {
        self.ledger_that(|shown| shown["pending"] == 0).await;
        let url = format!("{}/sandbox/clock", self.at.read().unwrap().admin);
        let moved = self.http.post(url).json(&json!({"advance": "P1D"})).timeout(PATIENCE).send().await.unwrap();
        assert!(moved.status().is_success(), "{}", moved.text().await.unwrap());
        let shown = self.ledger_that(|shown| shown["comparisons"][0]["finishedAt"].is_string()).await;
        assert_eq!(shown["comparisons"][0]["state"], "AGREED", "{shown}");
    }

    /// Waits until the feed to the general ledger stands where it should.
    async fn ledger_that(&self, fits: impl Fn(&Value) -> bool) -> Value {
        let looking = async {
            loop {
                match self.get("/admin/ledger").await {
                    Some(shown) if fits(&shown) => return shown,
                    _ => pause().await,
                }
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("the general ledger gets there")
    }
}

/// Between two looks at something that is not there yet.
async fn pause() {
    tokio::time::timeout(Duration::from_millis(25), std::future::pending::<()>()).await.ok();
}

/// A number from the environment, for longer runs.
fn sized(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// `make faults` runs these; `OCEN_FAULT_LOANS` and `OCEN_FAULT_ROUNDS` make them longer.
mod faults {
    use tokio::task::JoinSet;

    use super::{PATIENCE, Program, Stubborn, sized};

    /// Answers of one loan, about.
    const STEPS: usize = 14;

    #[tokio::test(flavor = "multi_thread")]
    async fn every_loan_survives_kills_and_none_is_paid_twice() {
        let (loans, rounds) = (sized("OCEN_FAULT_LOANS", 10), sized("OCEN_FAULT_ROUNDS", 1));
        let mut program = Program::start().await;
        let lsp = Stubborn::of(&program);
        let mut borrowing = JoinSet::new();
        for _ in 0..loans {
            let lsp = lsp.clone();
            borrowing.spawn(async move { lsp.borrow().await });
        }
        let mut steps = lsp.steps.subscribe();
        for round in 1..=rounds {
            let enough = loans * STEPS * round / (rounds + 1);
            steps.wait_for(|steps| *steps >= enough).await.unwrap();
            program.crash().await;
            // Once more while it finds its feet, and again after its first step.
            program.crash().await;
            steps.mark_unchanged();
            steps.changed().await.unwrap();
            program.crash().await;
        }
        let Ok(granted) = tokio::time::timeout(PATIENCE, borrowing.join_all()).await else {
            panic!("not every loan is paid out: {}", lsp.left().await);
        };

        for loan in &granted {
            lsp.paid_once(loan).await;
        }
        lsp.books_agree().await;
        let unfinished = lsp.get("/admin/callbacks?state=parked").await.unwrap();
        assert_eq!(unfinished["items"].as_array().unwrap().len(), 0, "{unfinished}");
        program.end().await;
    }
}
