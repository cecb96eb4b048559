//! The checks of one port, in the order in which a loan would ask.

mod book;

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::caller::{Caller, Reply, Signing};
use super::sample::{Sample, Samples};
use super::{Check, Verdict};
use crate::domain::application::ask::{Ask, Finding, NEVER_RECEIVED, Outcome};
use crate::lender::ledger::LEDGER;
use crate::lender::methods::METHODS;

/// Longest pause between two polls.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// Shortest one.
const SHORTEST_PAUSE: Duration = Duration::from_millis(200);
/// How long after its outcome was told an adapter may take to post it.
const POSTED_WITHIN: Duration = Duration::from_secs(2);

/// Calls that an adapter must not let in.
const STRANGERS: [(Signing, &str, &str); 4] = [
    (Signing::Wrong, "bad-signature", "refuses a signature by an unknown secret with 401"),
    (Signing::Missing, "no-signature", "refuses a call without signature with 401"),
    (Signing::Altered, "altered-body", "refuses a body that is not the signed one with 401"),
    (Signing::Stale, "stale-timestamp", "refuses a timestamp of an hour ago with 401"),
];

/// The checks of one port.
pub(super) struct Suite {
    port: &'static str,
    samples: Samples,
    caller: Caller,
    patience: Duration,
    checks: Vec<Check>,
}

impl Suite {
    pub(super) fn new(port: &'static str, samples: Samples, caller: Caller, patience: Duration) -> Self {
        Self { port, samples, caller, patience, checks: Vec::new() }
    }

    pub(super) fn into_checks(self) -> Vec<Check> {
        self.checks
    }

    pub(super) async fn run(&mut self) {
        self.signatures().await;
        match self.port {
            "data" => self.data().await,
            "disbursement" => self.disbursement().await,
            "collections" => self.collections().await,
            LEDGER => self.ledger().await,
            port => {
                let methods = METHODS.iter().filter(|method| method.port == port && method.name != "status");
                for method in methods {
                    self.by_itself(method.name).await;
                }
            }
        }
    }

    fn note(&mut self, (method, id): (&str, &str), what: &'static str, result: Result<String, String>, took: Duration) {
        let (verdict, detail) = match result {
            Ok(detail) => (Verdict::Pass, detail),
            Err(detail) => (Verdict::Fail, detail),
        };
        self.push((method, id), what, verdict, (detail, took));
    }

    fn push(
        &mut self,
        (method, id): (&str, &str),
        what: &'static str,
        verdict: Verdict,
        (detail, took): (String, Duration),
    ) {
        let id = format!("{}.{method}.{id}", self.port);
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        self.checks.push(Check { id, what, verdict, detail, millis });
    }

    fn skip(&mut self, method: &str, why: &str) {
        self.push((method, "answers"), "answers with an outcome", Verdict::Skip, (why.to_owned(), Duration::ZERO));
    }

    /// Whom the adapter lets in.
    async fn signatures(&mut self) {
        let Some(method) = METHODS.iter().find(|method| method.port == self.port).map(|method| method.name) else {
            return;
        };
        let Some(sample) = self.samples.of(self.port, method) else { return };
        let body = self.caller.body(&self.samples, &sample);
        for (signing, id, what) in STRANGERS {
            // Never the key of a call that follows: an adapter that takes it would remember its answer.
            let key = format!("{}.{id}", sample.key);
            let reply = self.caller.post((self.port, method), &key, &body, signing).await;
            self.status((method, id), what, reply, 401);
        }
        let reply = self.caller.post((self.port, "no-such-method"), "none", &body, Signing::Right).await;
        self.status(("no-such-method", "unknown"), "answers an unknown method with 404", reply, 404);
        let reply = self.caller.post((self.port, method), &sample.key, &body, Signing::Rotating).await;
        let took = reply.as_ref().map(|reply| reply.took).unwrap_or_default();
        let result = reply.and_then(|reply| reply.outcome(&sample.ask)).map(|outcome| word(&outcome));
        let what = "accepts one right signature among several, as while a secret is replaced";
        self.note((method, "two-signatures"), what, result, took);
    }

    fn status(&mut self, id: (&str, &str), what: &'static str, reply: Result<Reply, String>, wanted: u16) {
        let took = reply.as_ref().map(|reply| reply.took).unwrap_or_default();
        let result = reply.and_then(|reply| match reply.status.as_u16() {
            status if status == wanted => Ok(format!("HTTP {status}")),
            status => Err(format!("HTTP {status}")),
        });
        self.note(id, what, result, took);
    }

    /// A method whose question needs nothing from before.
    async fn by_itself(&mut self, method: &str) -> Option<Finding> {
        let sample = self.samples.of(self.port, method)?;
        self.question(method, sample).await
    }

    /// Asks, asks again with the same key, and polls a pending one to its end.
    async fn question(&mut self, method: &str, sample: Sample) -> Option<Finding> {
        let first = self.caller.ask(&self.samples, &sample, method).await;
        let took = first.as_ref().map(|reply| reply.took).unwrap_or_default();
        let outcome = first.and_then(|reply| reply.outcome(&sample.ask));
        let accepted = outcome.clone().and_then(accepted);
        self.note((method, "answers"), "answers with an outcome of the method", accepted.clone(), took);
        accepted.ok()?;
        let outcome = outcome.ok()?;

        let again = self.caller.ask(&self.samples, &sample, method).await;
        let took = again.as_ref().map(|reply| reply.took).unwrap_or_default();
        let same = again.and_then(|reply| reply.outcome(&sample.ask)).and_then(|again| same(&outcome, &again));
        self.note((method, "repeat"), "the same Idempotency-Key gives the same outcome", same, took);

        match outcome {
            Outcome::Done { finding } => Some(finding),
            Outcome::Pending { reference, .. } => {
                let method = if sample.ask.moves_money() || matches!(sample.ask, Ask::Kyc) { "status" } else { method };
                self.settles(method, Sample { reference: Some(reference), ..sample }).await
            }
            Outcome::Refused { .. } | Outcome::Unknown { .. } => None,
        }
    }

    /// Polls as the server does until the outcome is final.
    async fn settles(&mut self, method: &str, sample: Sample) -> Option<Finding> {
        let deadline = Instant::now() + self.patience;
        loop {
            sleep(SHORTEST_PAUSE).await;
            let reply = self.caller.ask(&self.samples, &sample, method).await;
            let took = reply.as_ref().map(|reply| reply.took).unwrap_or_default();
            let result = match reply.and_then(|reply| reply.outcome(&sample.ask)) {
                Ok(Outcome::Pending { poll_after, .. }) if Instant::now() < deadline => {
                    let wait = (poll_after - self.caller.clock.now()).to_std().unwrap_or_default();
                    self.caller.rest(&sample, wait.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)).await;
                    continue;
                }
                Ok(Outcome::Pending { .. }) => Err(format!("still pending after {} s", self.patience.as_secs())),
                Ok(outcome) => accepted(outcome.clone()).map(|detail| (detail, outcome)),
                Err(why) => Err(why),
            };
            let finding = match &result {
                Ok((_, Outcome::Done { finding })) => Some(finding.clone()),
                _ => None,
            };
            let result = result.map(|(detail, _)| detail);
            self.note((method, "settles"), "a pending outcome ends when it is asked for", result, took);
            self.posts(method, &sample, finding.as_ref()).await;
            return finding;
        }
    }

    /// An adapter need not post its later answers; those that it posts must count.
    async fn posts(&mut self, method: &str, sample: &Sample, told: Option<&Finding>) {
        let Some(posted) = self.caller.posted(sample, POSTED_WITHIN).await else { return };
        let result = posted.and_then(|posted| match (&posted, told) {
            (Outcome::Done { finding }, Some(told)) if finding != told => {
                Err(format!("{}, with other values than when it was asked for", word(&posted)))
            }
            _ => Ok(word(&posted)),
        });
        let what = "an outcome posted to the callback address is signed and belongs to its question";
        self.note((method, "posts"), what, result, Duration::ZERO);
    }

    async fn data(&mut self) {
        let created = self.by_itself("consent-create").await;
        let handle = match created {
            Some(Finding::ConsentCreated { handle }) => Some(handle),
            _ => None,
        };
        if let (Some(handle), Some(mut sample)) = (&handle, self.samples.of("data", "consent-status")) {
            sample.ask = Samples::consent_status(handle);
            self.question("consent-status", sample).await;
        } else {
            self.skip("consent-status", "there is no handle to ask about");
        }
        self.by_itself("fetch").await;
        if let (Some(handle), Some(mut sample)) = (&handle, self.samples.of("data", "consent-revoke")) {
            sample.ask = Samples::consent_revoke(handle);
            self.question("consent-revoke", sample).await;
        } else {
            self.skip("consent-revoke", "there is no consent to revoke");
        }
    }

    async fn disbursement(&mut self) {
        self.by_itself("verify-account").await;
        let unknown = self.samples.pay("NEVER-PAID");
        self.money("pay", unknown, self.samples.pay("PAY")).await;
    }

    async fn collections(&mut self) {
        let registered = self.by_itself("register-mandate").await;
        let mandate = match registered {
            Some(Finding::MandateRegistered { reference, .. }) => Some(reference),
            _ => None,
        };
        if let (Some(reference), Some(mut sample)) = (&mandate, self.samples.of("collections", "status")) {
            sample.ask = self.samples.mandate_status(reference);
            self.question("status", sample).await;
        } else {
            self.skip("status", "there is no mandate to ask about");
        }
        let known = mandate.clone().unwrap_or_else(|| "MANDATE-1".to_owned());
        if let Some(mut sample) = self.samples.of("collections", "notify") {
            sample.ask = self.samples.coming_debit(&known);
            self.question("notify", sample).await;
        }
        self.by_itself("payment-link").await;
        let unknown = self.samples.present("NEVER-DEBITED", &known);
        self.money("present", unknown, self.samples.present("DEBIT", &known)).await;
        if let (Some(reference), Some(mut sample)) = (&mandate, self.samples.of("collections", "cancel")) {
            sample.ask = self.samples.cancel_mandate(reference);
            self.question("cancel", sample).await;
        } else {
            self.skip("cancel", "there is no mandate to cancel");
        }
    }

    /// The rules that keep money from moving twice.
    async fn money(&mut self, method: &str, unknown: Sample, sample: Sample) {
        let reply = self.caller.ask(&self.samples, &unknown, "status").await;
        let took = reply.as_ref().map(|reply| reply.took).unwrap_or_default();
        let told = reply.and_then(|reply| reply.outcome(&unknown.ask));
        let dead = matches!(&told, Ok(Outcome::Refused { code, .. }) if code == NEVER_RECEIVED);
        let result = match told {
            Ok(Outcome::Unknown { .. }) => Ok("unknown".to_owned()),
            Ok(Outcome::Refused { code, .. }) if dead => Ok(code),
            Ok(other) => Err(format!("{} for a payment that never came", word(&other))),
            Err(why) => Err(why),
        };
        let what = "`status` of a key that never came is `unknown` or NEVER_RECEIVED, never a failure";
        self.note(("status", &format!("{method}-unknown-key")), what, result, took);
        if dead {
            let late = self.caller.ask(&self.samples, &unknown, method).await;
            let took = late.as_ref().map(|reply| reply.took).unwrap_or_default();
            let result = match late.and_then(|reply| reply.outcome(&unknown.ask)) {
                Ok(Outcome::Refused { code, .. }) if code == NEVER_RECEIVED => Ok(code),
                Ok(other) => Err(format!("{}: the money could move twice", word(&other))),
                Err(why) => Err(why),
            };
            let what = "a key that was called NEVER_RECEIVED is refused when its order comes late";
            self.note((method, "dead-key"), what, result, took);
        }
        let Some(moved) = self.question(method, sample.clone()).await else { return };
        let reply = self.caller.ask(&self.samples, &sample, "status").await;
        let took = reply.as_ref().map(|reply| reply.took).unwrap_or_default();
        let told = reply.and_then(|reply| reply.outcome(&sample.ask));
        let result = told.and_then(|told| same(&Outcome::Done { finding: moved }, &told));
        self.note(
            ("status", &format!("{method}-known-key")),
            "`status` tells the same reference and date",
            result,
            took,
        );
    }
}

/// What a test environment should say to the suite's question.
fn accepted(outcome: Outcome) -> Result<String, String> {
    match outcome {
        Outcome::Done { .. } | Outcome::Pending { .. } => Ok(word(&outcome)),
        Outcome::Refused { code, detail } => Err(format!("refused: {code} {detail}")),
        Outcome::Unknown { .. } => Err("unknown".to_owned()),
    }
}

/// A pending outcome may have become final meanwhile.
fn same(first: &Outcome, again: &Outcome) -> Result<String, String> {
    match (first, again) {
        (Outcome::Pending { reference: one, .. }, Outcome::Pending { reference: other, .. }) if one == other => {
            Ok(word(again))
        }
        (Outcome::Pending { .. }, Outcome::Done { .. }) => Ok(word(again)),
        (one, other) if one == other => Ok(word(again)),
        _ => Err(format!("first {}, then {}, or with other values", word(first), word(again))),
    }
}

/// The outcome and the finding in a word each.
fn word(outcome: &Outcome) -> String {
    let json = serde_json::to_value(outcome).unwrap_or_default();
    let text = |pointer| json.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (outcome, finding) = (text("/outcome"), text("/finding/finding"));
    if finding.is_empty() { outcome } else { format!("{outcome}: {finding}") }
}
