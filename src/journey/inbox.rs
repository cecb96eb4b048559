//! What was asked and what came back: at least once each, never two different answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use super::error::JourneyError;
use super::operations::{Answers, Operation, text};

/// A callback that passed every check.
#[derive(Debug)]
pub struct Answer {
    /// What it answers.
    pub operation: &'static Operation,
    /// The request it belongs to.
    pub request_id: String,
    /// The message.
    pub message: Value,
    /// Whether it was signed.
    pub signed: bool,
    /// When it came.
    pub received: Instant,
}

/// All callbacks of a run. An answer is in here before its ack leaves, and is handed out once.
#[derive(Debug)]
pub struct Inbox {
    book: Mutex<Book>,
    lender: OnceLock<String>,
    fault: watch::Sender<Option<String>>,
    duplicates: AtomicU64,
}

#[derive(Debug, Default)]
struct Book {
    issued: HashMap<String, &'static Operation>,
    /// By answer path and requestId.
    history: HashMap<(&'static str, String), History>,
    /// By requestId, or by topic.
    slots: HashMap<String, Slot>,
}

/// Where a callback stands among those with its path and requestId.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    First,
    Later,
    Repeated,
}

#[derive(Debug, Default)]
struct History {
    digests: Vec<[u8; 32]>,
    settled: Option<String>,
}

#[derive(Debug, Default)]
struct Slot {
    waiting: Vec<Arc<Answer>>,
    arrivals: watch::Sender<u64>,
}

impl Default for Inbox {
    fn default() -> Self {
        Self {
            book: Mutex::default(),
            lender: OnceLock::new(),
            fault: watch::Sender::new(None),
            duplicates: AtomicU64::new(0),
        }
    }
}

impl Inbox {
    /// Notes a request before it leaves, because its answer may overtake its ack.
    pub fn expect(&self, request_id: &str, operation: &'static Operation) {
        self.book().issued.insert(request_id.to_owned(), operation);
    }

    /// Takes in a callback. `false` for a repetition.
    ///
    /// # Errors
    /// In words, when it answers nothing that was asked, comes from somebody else, or contradicts an earlier one.
    pub fn deposit(&self, answer: Answer) -> Result<bool, String> {
        let sender = text(&answer.message, "/metadata/orgId");
        let lender = self.lender.get_or_init(|| sender.to_owned());
        if lender != sender {
            return Err(format!("metadata.orgId is `{sender}`, it was `{lender}` before"));
        }
        let digest = fingerprint(&answer.message);
        let mut book = self.book();
        let issued = book.issued.get(&answer.request_id).copied();
        if !answer.operation.may_answer(issued) {
            return Err("no such request was made".to_owned());
        }
        let place = book.record(&answer, digest)?;
        if place == Place::Repeated {
            self.duplicates.fetch_add(1, Ordering::Relaxed);
            return Ok(false);
        }
        let topic = answer.operation.topic(&answer.message);
        let asked = issued == Some(answer.operation) && (place == Place::First || topic.is_none());
        let name = topic.filter(|_| !asked).unwrap_or_else(|| answer.request_id.clone());
        book.slot(&name).put(Arc::new(answer));
        Ok(true)
    }

    /// The next answer under a requestId or topic; `None` when none came until `until`.
    ///
    /// # Errors
    /// [`JourneyError::Callback`] once any callback of the run broke the contract.
    pub async fn next(&self, name: &str, until: Instant) -> Result<Option<Arc<Answer>>, JourneyError> {
        let mut arrivals = self.book().slot(name).arrivals.subscribe();
        let mut fault = self.fault.subscribe();
        loop {
            if let Some(fault) = fault.borrow_and_update().clone() {
                return Err(JourneyError::Callback(fault));
            }
            if let Some(answer) = self.book().slot(name).take() {
                return Ok(Some(answer));
            }
            tokio::select! {
                _ = arrivals.changed() => {}
                _ = fault.changed() => {}
                () = tokio::time::sleep_until(until) => return Ok(None),
            }
        }
    }

    /// Ends the run: nothing that comes after a broken callback can be trusted.
    pub fn fail(&self, fault: String) {
        self.fault.send_if_modified(|first| {
            let fresh = first.is_none();
            first.get_or_insert(fault);
            fresh
        });
    }

    /// Callbacks that came more than once.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.duplicates.load(Ordering::Relaxed)
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Compares a callback with those before it.
    fn record(&mut self, answer: &Answer, digest: [u8; 32]) -> Result<Place, String> {
        let key = (answer.operation.answer_path, answer.request_id.clone());
        let history = self.history.entry(key).or_default();
        if history.digests.contains(&digest) {
            return Ok(Place::Repeated);
        }
        let settled = answer.operation.settled(&answer.message);
        // A webhook and the answer to a question may word the same end differently.
        let same_end = matches!(answer.operation.answers, Answers::UntilStatus(_)) && history.settled == settled;
        if history.settled.is_some() && !same_end {
            return Err("a second answer differs from the first, metadata aside".to_owned());
        }
        let place = if history.digests.is_empty() { Place::First } else { Place::Later };
        history.digests.push(digest);
        history.settled = settled;
        Ok(place)
    }

    fn slot(&mut self, name: &str) -> &mut Slot {
        self.slots.entry(name.to_owned()).or_default()
    }
}

impl Slot {
    fn put(&mut self, answer: Arc<Answer>) {
        self.waiting.push(answer);
        self.arrivals.send_modify(|count| *count += 1);
    }

    fn take(&mut self) -> Option<Arc<Answer>> {
        (!self.waiting.is_empty()).then(|| self.waiting.remove(0))
    }
}

/// SHA-256 of a message without its `metadata`.
fn fingerprint(message: &Value) -> [u8; 32] {
    let mut body = message.clone();
    if let Some(members) = body.as_object_mut() {
        members.remove("metadata");
    }
    let digest = digest(&SHA256, body.to_string().as_bytes());
    digest.as_ref().try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::journey::operations::{GENERATE_OFFERS, SET_OFFER, SET_REPAYMENT_PLAN, SET_REPAYMENT_PLAN_STATUS};

    fn answer(operation: &'static Operation, request_id: &str, mut message: Value) -> Answer {
        message["metadata"] = json!({"orgId": "LENDER", "timestamp": request_id});
        message["response"] = json!({"error": "0"});
        Answer { operation, request_id: request_id.to_owned(), message, signed: true, received: Instant::now() }
    }

    fn offer_set(status: &str) -> Answer {
        answer(&SET_OFFER, "REQ-1", json!({"loanApplicationStatus": status}))
    }

    #[test]
    fn an_answer_may_come_twice_but_not_in_two_versions() {
        let inbox = Inbox::default();
        inbox.expect("REQ-1", &SET_OFFER);

        assert_eq!(inbox.deposit(offer_set("OFFER_ACCEPTED")), Ok(true));
        assert_eq!(inbox.deposit(offer_set("OFFER_ACCEPTED")), Ok(false));
        assert!(inbox.deposit(offer_set("OFFERED")).is_err());
        assert_eq!(inbox.duplicates(), 1);
    }

    #[test]
    fn an_answer_to_nothing_is_refused() {
        let inbox = Inbox::default();
        inbox.expect("REQ-1", &GENERATE_OFFERS);
        assert!(inbox.deposit(offer_set("OFFER_ACCEPTED")).is_err());
    }

    #[test]
    fn interim_offers_are_followed_by_final_ones() {
        let inbox = Inbox::default();
        inbox.expect("REQ-1", &GENERATE_OFFERS);
        let offers = |status: &str| {
            let message = json!({"loanApplications": [{"loanApplicationStatus": status}]});
            inbox.deposit(answer(&GENERATE_OFFERS, "REQ-1", message))
        };

        assert_eq!(offers("PROCESSING"), Ok(true));
        assert_eq!(offers("OFFERED"), Ok(true));
        assert_eq!(offers("PROCESSING"), Ok(false));
        assert!(offers("REJECTED").is_err());
    }

    #[tokio::test]
    async fn a_webhook_reaches_whoever_waits_for_the_plan() {
        let inbox = Inbox::default();
        inbox.expect("REQ-1", &SET_REPAYMENT_PLAN);
        let message = json!({"plan": {"id": "RP-1", "status": "ACTIVE"}});
        inbox.deposit(answer(&SET_REPAYMENT_PLAN_STATUS, "REQ-1", message)).unwrap();

        let news = inbox.next("plan RP-1", Instant::now()).await.unwrap();
        assert_eq!(text(&news.unwrap().message, "/plan/status"), "ACTIVE");
        inbox.fail("a broken one".to_owned());
        assert!(inbox.next("plan RP-1", Instant::now()).await.is_err());
    }
}
