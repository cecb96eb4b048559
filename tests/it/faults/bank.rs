//! The lender's own systems behind the HTTP adapter, with a memory that outlives every fault: what the bank did is the
//! one truth about money. Now and then it does what it was told and its answer is lost.

use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use ocen_lender::domain::application::ask::NEVER_RECEIVED;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::dice::Dice;
use crate::support::money::paise;

/// Of a hundred money calls so many are carried out without an answer.
const LOST_ANSWERS: u64 = 10;

/// Money that moved under one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Movement {
    /// Whose loan.
    pub loan_id: String,
    /// Which tranche was paid; none for money that came in.
    pub tranche: Option<i64>,
    /// In paise.
    pub amount: i64,
    /// The bank's reference.
    pub utr: String,
}

/// Everything the lender's systems remember.
#[derive(Default)]
struct Memory {
    paid: HashMap<String, Movement>,
    collected: HashMap<String, Movement>,
    /// Keys that were asked about before they came: they are dead.
    dead: Vec<String>,
    otps: HashMap<String, String>,
    /// Journals that the general ledger took, by key.
    journals: HashMap<String, Value>,
    /// What should never happen.
    complaints: Vec<String>,
}

/// The lender's systems.
pub struct Bank {
    /// Where they listen.
    pub address: SocketAddr,
    memory: Mutex<Memory>,
    dice: Dice,
}

impl Bank {
    /// Opens.
    pub async fn open(dice: Dice) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let bank = Arc::new(Self { address: listener.local_addr().unwrap(), memory: Mutex::default(), dice });
        let router = Router::new().route("/{port}/{method}", post(answer)).with_state(Arc::clone(&bank));
        tokio::spawn(async move { axum::serve(listener, router).await });
        bank
    }

    /// The OTP that was sent to the borrower.
    pub fn otp(&self, session: &str) -> Option<String> {
        self.memory.lock().unwrap().otps.get(session).cloned()
    }

    /// Payouts, by bank key.
    pub fn paid(&self) -> HashMap<String, Movement> {
        self.memory.lock().unwrap().paid.clone()
    }

    /// Money that came in, by key.
    pub fn collected(&self) -> HashMap<String, Movement> {
        self.memory.lock().unwrap().collected.clone()
    }

    /// Keys of the journals that the general ledger took.
    pub fn journals(&self) -> HashSet<String> {
        self.memory.lock().unwrap().journals.keys().cloned().collect()
    }

    /// What nobody should have asked of a bank.
    pub fn complaints(&self) -> Vec<String> {
        self.memory.lock().unwrap().complaints.clone()
    }

    fn finding(&self, (port, method): (&str, &str), asked: &Value) -> Value {
        let key = asked["key"].as_str().unwrap_or_default();
        let today = &asked["businessDate"];
        match (port, method) {
            ("data", "consent-create") => json!({"finding": "consentCreated", "handle": format!("CH-{key}")}),
            ("data", "consent-status") => json!({"finding": "consentReady", "consentId": format!("C-{key}")}),
            ("data", "consent-revoke") => json!({"finding": "acknowledged"}),
            ("kyc", _) => json!({"finding": "kycDone", "reference": format!("K-{key}")}),
            ("agreement", "prepare") => {
                let text = |_: &Value| json!({"hash": format!("{:0>64}", "a"), "url": "http://127.0.0.1/agreement"});
                let agreements: Vec<Value> = asked["subjects"].as_array().into_iter().flatten().map(text).collect();
                json!({"finding": "prepared", "agreements": agreements})
            }
            ("agreement", _) => {
                let word = |member: &str| asked["ask"][member].as_str().unwrap_or_default().to_owned();
                self.memory.lock().unwrap().otps.insert(word("sessionKey"), word("otp"));
                json!({"finding": "acknowledged"})
            }
            ("disbursement", "verify-account") => {
                json!({"finding": "accountVerified", "reference": format!("V-{key}")})
            }
            ("disbursement", "pay") => self.pay(key, &asked["ask"], today),
            ("disbursement", _) => self.look_up(key, today),
            ("collections", "register-mandate") => {
                json!({"finding": "mandateRegistered", "reference": format!("M-{key}"), "paymentUrl": "http://127.0.0.1/m"})
            }
            ("collections", "payment-link") => {
                json!({"finding": "linkCreated", "reference": format!("L-{key}"), "url": "http://127.0.0.1/p"})
            }
            ("collections", "status") if asked["ask"]["linkReference"].is_string() => {
                self.collect(&asked["ask"], today)
            }
            ("collections", "status") => json!({"finding": "mandateActive"}),
            ("collections", "present") => self.collect(&asked["ask"], today),
            ("ledger", "journal") => self.book(&asked["ask"]["journals"]),
            ("notifier", _) => json!({"finding": "notified", "messageId": format!("MSG-{key}")}),
            _ => json!({"finding": "acknowledged"}),
        }
    }

    fn pay(&self, key: &str, order: &Value, today: &Value) -> Value {
        let memory = &mut *self.memory.lock().unwrap();
        let movement = Movement {
            loan_id: order["loanId"].as_str().unwrap_or_default().to_owned(),
            tranche: order["tranche"].as_i64(),
            amount: paise(&order["amount"]),
            utr: format!("UTR-{key}"),
        };
        if memory.dead.iter().any(|dead| dead == key) {
            memory.complaints.push(format!("{key} was paid after it was told to be dead"));
        }
        // A bank repeats nothing under a key it knows, but nobody should try: who repeats blindly trusts to luck.
        if memory.paid.contains_key(key) {
            memory.complaints.push(format!("{key} was ordered twice"));
        }
        let utr = movement.utr.clone();
        memory.paid.entry(key.to_owned()).or_insert(movement);
        json!({"finding": "paid", "utr": utr, "valueDate": today})
    }

    /// What became of a payment; a key that never came is dead from now on.
    fn look_up(&self, key: &str, today: &Value) -> Value {
        let memory = &mut *self.memory.lock().unwrap();
        if let Some(movement) = memory.paid.get(key) {
            return json!({"finding": "paid", "utr": movement.utr, "valueDate": today});
        }
        memory.dead.push(key.to_owned());
        Value::Null
    }

    /// The general ledger takes each journal once; one that comes again is the same.
    fn book(&self, journals: &Value) -> Value {
        let memory = &mut *self.memory.lock().unwrap();
        for journal in journals.as_array().into_iter().flatten() {
            let key = journal["key"].as_str().unwrap_or_default();
            let known = memory.journals.entry(key.to_owned()).or_insert_with(|| journal.clone());
            if known != journal {
                memory.complaints.push(format!("journal {key} came in two versions"));
            }
        }
        json!({"finding": "journalsTaken"})
    }

    fn collect(&self, asked: &Value, today: &Value) -> Value {
        let memory = &mut *self.memory.lock().unwrap();
        let key = asked["bankKey"].as_str().unwrap_or_default();
        let movement = memory.collected.entry(key.to_owned()).or_insert_with(|| Movement {
            loan_id: asked["loanId"].as_str().unwrap_or_default().to_owned(),
            tranche: None,
            amount: paise(&asked["amount"]),
            utr: format!("UTR-IN-{key}"),
        });
        json!({"finding": "collected", "utr": movement.utr, "valueDate": today})
    }
}

async fn answer(
    State(bank): State<Arc<Bank>>,
    Path((port, method)): Path<(String, String)>,
    axum::Json(asked): axum::Json<Value>,
) -> Response {
    if method == "compare" {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let finding = bank.finding((&port, &method), &asked);
    if method == "pay" && bank.dice.roll(100) < LOST_ANSWERS {
        return StatusCode::BAD_GATEWAY.into_response();
    }
    if finding.is_null() {
        let refused = json!({"outcome": "refused", "code": NEVER_RECEIVED, "detail": "no such payment"});
        return axum::Json(refused).into_response();
    }
    axum::Json(json!({"outcome": "done", "finding": finding})).into_response()
}
