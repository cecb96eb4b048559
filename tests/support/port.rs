//! A lender's system that does what a test says, call by call, and notes what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use ocen_lender::domain::application::ask::{Approval, Ask, Finding, Outcome};
use ocen_lender::domain::application::facets::AgreementText;
use ocen_lender::lender::{Call, Port, PortError};
use ocen_lender::telemetry::trace::Span;
use tokio::sync::Notify;

/// One call as the system saw it.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Idempotency key; for money the bank key.
    pub key: String,
    /// `pay`, `status`, ...
    pub method: &'static str,
    /// The question.
    pub ask: Ask,
    /// The LSP's ids of the applications that it is about.
    pub subjects: Vec<String>,
    /// How many calls came before this one.
    pub number: usize,
    /// What an adapter hands on as `traceparent`.
    pub span: Span,
}

/// What the system does with a call.
pub enum Reply {
    /// Answers as a system does that has nothing to object.
    Usual,
    /// Answers this.
    With(Outcome),
    /// Answers only after [`Steered::let_go`] was called for these words.
    Held(&'static str, Outcome),
    /// As `Held`, with the usual answer.
    UsualHeld(&'static str),
}

type Script = dyn Fn(&Seen) -> Reply + Send + Sync;

/// A system behind a port; [`Options::port`](super::server::Options) puts it there.
pub struct Steered {
    script: Box<Script>,
    seen: Mutex<Vec<Seen>>,
    free: Mutex<Vec<&'static str>>,
    changed: Notify,
}

impl Steered {
    /// A system that follows a script.
    pub fn new(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            seen: Mutex::default(),
            free: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// The calls so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// The calls of a method so far.
    pub fn calls(&self, method: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|call| call.method == method).collect()
    }

    /// Lets everything go that is or will be held under these words.
    pub fn let_go(&self, words: &'static str) {
        self.free.lock().unwrap().push(words);
        self.changed.notify_waiters();
    }

    /// Waits until the calls so far fit.
    pub async fn until(&self, what: &str, fits: impl Fn(&[Seen]) -> bool) {
        let waiting = self.wait(|| fits(&self.seen.lock().unwrap()));
        let came = tokio::time::timeout(Duration::from_secs(20), waiting).await;
        assert!(came.is_ok(), "{what}: never asked; got {:?}", self.seen());
    }

    async fn wait(&self, holds: impl Fn() -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if holds() {
                return;
            }
            changed.await;
        }
    }

    async fn answer(&self, call: Call<'_>) -> Outcome {
        let seen = {
            let mut all = self.seen.lock().unwrap();
            let seen = Seen {
                key: call.key.clone(),
                method: call.method(),
                ask: call.ask.clone(),
                subjects: call.subjects.iter().map(|a| a.loan_application_id.clone()).collect(),
                number: all.len(),
                span: call.span,
            };
            all.push(seen.clone());
            seen
        };
        self.changed.notify_waiters();
        let (held, outcome) = match (self.script)(&seen) {
            Reply::Usual => (None, usual(&call)),
            Reply::With(outcome) => (None, outcome),
            Reply::Held(words, outcome) => (Some(words), outcome),
            Reply::UsualHeld(words) => (Some(words), usual(&call)),
        };
        if let Some(words) = held {
            self.wait(|| self.free.lock().unwrap().contains(&words)).await;
        }
        outcome
    }
}

impl Port for Steered {
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Outcome, PortError>> {
        Box::pin(async move { Ok(self.answer(call).await) })
    }
}

/// What a system answers that has nothing to object.
pub fn usual(call: &Call<'_>) -> Outcome {
    let key = &call.key;
    let finding = match call.ask {
        Ask::Eligibility | Ask::FinalCheck => Finding::Pass,
        Ask::FetchData { .. }
        | Ask::SendOtp { .. }
        | Ask::CancelMandate { .. }
        | Ask::CancelLink { .. }
        | Ask::AnnounceDebit(_)
        | Ask::ConsentRevoke { .. } => Finding::Acknowledged,
        Ask::Offers => {
            let approve = |amount| Approval { amount, installments: None, annual_rate: None, valid_days: None };
            Finding::Approve { offers: call.subjects.iter().map(|a| approve(a.form.requested)).collect() }
        }
        Ask::ConsentCreate { .. } => Finding::ConsentCreated { handle: format!("CH-{key}") },
        Ask::ConsentStatus { handle, .. } => {
            Finding::ConsentReady { consent_id: format!("C-{handle}"), data_life_ends: None }
        }
        Ask::Kyc => Finding::KycDone { reference: format!("K-{key}") },
        Ask::PrepareAgreement { .. } => {
            let text = |id: &str| AgreementText {
                hash: format!("{id:0>64}"),
                url: format!("http://127.0.0.1/agreement/{id}"),
                text: None,
            };
            Finding::Prepared { agreements: call.subjects.iter().map(|a| text(&a.loan_application_id)).collect() }
        }
        Ask::VerifyAccount { .. } => Finding::AccountVerified { reference: format!("V-{key}") },
        Ask::RegisterMandate { .. } => Finding::MandateRegistered {
            reference: format!("M-{key}"),
            payment_url: format!("http://127.0.0.1/pay/{key}"),
        },
        Ask::MandateStatus { .. } => Finding::MandateActive,
        Ask::Notify(notice) => Finding::Notified { message_id: format!("MSG-{}", notice.key) },
        Ask::PaymentLink(asked) => Finding::LinkCreated {
            reference: format!("L-{key}"),
            url: format!("http://127.0.0.1/pay/{}", asked.payment_id),
        },
        Ask::LinkStatus { collection, .. } | Ask::Present(collection) => {
            Finding::Collected { utr: format!("UTR-{}", collection.key), value_date: call.today, amount: None }
        }
        Ask::Refund(order) => Finding::Paid { utr: format!("UTR-{}", order.bank_key), value_date: call.today },
        Ask::Pay(order) => Finding::Paid { utr: format!("UTR-{}", order.bank_key), value_date: call.today },
    };
    Outcome::Done { finding }
}
