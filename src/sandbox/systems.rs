//! The lender's systems, simulated. They succeed at once by themselves; with `--manual`, consents, mandates and
//! payments wait until told. All of them are asked through the same asks and outcomes as real ones.

mod account;
mod aggregator;
mod agreement;
mod bank;
mod collections;
mod kyc;
mod ledger;
mod mandates;
mod messages;

use std::fmt::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use futures_util::future::BoxFuture;
use sqlx::PgPool;

pub use self::agreement::agreement;
use self::bank::Bank;
pub(super) use self::bank::{fail as fail_payment, settle as settle_payment};
pub(super) use self::collections::{fail as fail_collection, settle as settle_collection};
pub(super) use self::mandates::MandateDetail;
use crate::clock::Ids;
use crate::config::Config;
use crate::domain::application::Application;
use crate::domain::application::ask::{Ask, Finding, Outcome};
use crate::lender::decision::Decision;
use crate::lender::ledger::LEDGER;
use crate::lender::{Call, Port, PortError, Ports};
use crate::sandbox::scenario::act::Forced;
use crate::sandbox::scenario::store::Script;

/// How long the engine waits before it asks a waiting system again; a sandbox call makes it ask at once.
const POLL_SECONDS: i64 = 5;

/// No codes at all.
static NO_SCRIPT: Script = Script::none();

/// What the simulated systems share.
#[derive(Clone)]
pub struct Systems {
    pub(in crate::sandbox) pool: PgPool,
    ids: Ids,
    manual: bool,
    lender_name: String,
    pub(in crate::sandbox) borrower_url: String,
    decision: Arc<Decision>,
}

impl Systems {
    /// Systems that remember in `pool`'s database and wait as the configuration says.
    #[must_use]
    pub fn new(pool: PgPool, ids: Ids, config: &Config) -> Self {
        Self {
            pool,
            ids,
            manual: config.sandbox.as_ref().is_some_and(|sandbox| sandbox.manual),
            lender_name: config.lender.name.clone(),
            borrower_url: config.borrower_url.clone(),
            decision: Arc::new(Decision::new(config.products.clone(), config.rules.clone())),
        }
    }

    /// The simulation of a port, for [`crate::lender::Ports::new`]. That of `decision` is the built-in one, where no
    /// scenario is at work.
    #[must_use]
    pub fn simulated(&self, port: &'static str) -> Option<Arc<dyn Port>> {
        match port {
            "decision" | "data" | "kyc" | "agreement" | "disbursement" | "collections" | "notifier" => {
                Some(Arc::new(self.clone()))
            }
            _ => None,
        }
    }

    /// Puts the simulated general ledger beside the other ports, unless the configuration names one.
    #[must_use]
    pub fn join(&self, ports: Ports, config: &Config) -> Ports {
        if config.ports.contains_key(LEDGER) { ports } else { ports.with_ledger(Arc::new(self.clone())) }
    }

    /// What a scenario forces, else what the system does by itself.
    async fn answer(&self, call: &Call<'_>) -> Result<Outcome, PortError> {
        let script = Script::of(&self.pool, call.subjects).await.map_err(storage(call.ask))?;
        if let Some(Forced { answer, words }) = self.forced(call, &script).await.map_err(storage(call.ask))? {
            self.tell(call, &words).await.map_err(storage(call.ask))?;
            return answer;
        }
        match call.ask {
            Ask::ConsentCreate { .. } => self.create_consent(call).await,
            Ask::ConsentStatus { handle, .. } => self.consent_status(call, handle).await,
            // No SMS leaves: the digits are derived from the session, and `GET /sandbox/otp` shows them.
            Ask::FetchData { .. } | Ask::SendOtp { .. } => Ok(done(Finding::Acknowledged)),
            Ask::Kyc => Ok(kyc::verified(call)),
            Ask::PrepareAgreement { .. } => self.prepare_agreement(call),
            Ask::VerifyAccount { account } => account::verify(call, account),
            Ask::RegisterMandate { plan } => self.register_mandate(call, plan, script.line("06")).await,
            Ask::MandateStatus { plan, reference } => self.mandate_status(call, plan, reference).await,
            Ask::CancelMandate { plan, reference } => self.cancel_mandate(call, plan, reference).await,
            Ask::Pay(order) => Ok(Bank::new(&self.pool, self.manual, &script).answer(call, order).await),
            Ask::Refund(order) => {
                // Codes are for payouts; only the account speaks here.
                let bank = Bank::new(&self.pool, self.manual, &NO_SCRIPT);
                Ok(bank.answer(call, &bank::as_payment(order)).await)
            }
            Ask::PaymentLink(collection) => self.payment_link(call, collection, script.line("08")).await,
            Ask::LinkStatus { collection, .. } => self.link_status(call, collection).await,
            Ask::CancelLink { collection, .. } => self.cancel_link(call, collection).await,
            Ask::Present(collection) => Ok(self.present(call, collection, script.line("08")).await),
            Ask::Notify(notice) => Ok(messages::sent(notice)),
            Ask::Eligibility | Ask::Offers | Ask::FinalCheck => self.decision.answer(call),
        }
    }
}

impl Port for Systems {
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Outcome, PortError>> {
        Box::pin(async move { self.answer(&call).await })
    }

    fn check_at_once(&self, application: &Application, today: NaiveDate) -> Option<Finding> {
        self.decision.check_at_once(application, today)
    }
}

fn done(finding: Finding) -> Outcome {
    Outcome::Done { finding }
}

fn refused(code: &str, detail: &str) -> Outcome {
    Outcome::Refused { code: code.to_owned(), detail: detail.to_owned() }
}

fn poll_after(now: DateTime<Utc>) -> DateTime<Utc> {
    now.checked_add_signed(TimeDelta::seconds(POLL_SECONDS)).unwrap_or(now)
}

fn storage(ask: &Ask) -> impl Fn(sqlx::Error) -> PortError + use<> {
    let port = ask.port();
    move |source| PortError::Storage { port, source }
}

/// SHA-256 in small hexadecimal digits.
fn sha256(text: &str) -> String {
    digest(&SHA256, text.as_bytes()).as_ref().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// A reference that is the same for every try of the same question.
fn reference(prefix: &str, key: &str) -> String {
    let hash = sha256(key);
    format!("{prefix}-{}", hash.get(..24).unwrap_or(&hash))
}
