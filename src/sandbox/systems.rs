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
use sqlx::{PgConnection, PgPool};

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
        let fail = storage(call.ask);
        if self.is_here(call.ask) {
            let mut tx = self.pool.begin().await.map_err(&fail)?;
            let outcome = self.answer_here(&mut tx, call).await?;
            tx.commit().await.map_err(&fail)?;
            return Ok(outcome);
        }
        let mut conn = self.pool.acquire().await.map_err(&fail)?;
        let script = Script::of(&mut conn, call.subjects).await.map_err(&fail)?;
        drop(conn);
        if let Some(Forced { answer, words }) = self.forced(call, &script).await.map_err(storage(call.ask))? {
            self.tell(call, &words).await.map_err(storage(call.ask))?;
            return answer;
        }
        match call.ask {
            Ask::ConsentCreate { .. } => self.create_consent(call).await,
            Ask::ConsentStatus { handle, .. } => self.consent_status(call, handle).await,
            Ask::ConsentRevoke { handle, .. } => self.revoke_consent(call, handle).await,
            // No SMS leaves: the digits are derived from the session, and `GET /sandbox/otp` shows them.
            Ask::FetchData { .. } | Ask::SendOtp { .. } => Ok(done(Finding::Acknowledged)),
            Ask::Kyc => Ok(kyc::verified(call)),
            Ask::PrepareAgreement { .. } => self.prepare_agreement(call),
            Ask::VerifyAccount { account } => account::verify(call, account),
            Ask::Pay(order) => Ok(Bank::new(&self.pool, self.manual, &script).answer(call, order).await),
            Ask::Refund(order) => {
                // Codes are for payouts; only the account speaks here.
                let bank = Bank::new(&self.pool, self.manual, &NO_SCRIPT);
                Ok(bank.answer(call, &bank::as_payment(order)).await)
            }
            Ask::Eligibility | Ask::Offers | Ask::FinalCheck => self.decision.answer(call),
            _ => Err(PortError::bad_question(call.ask)),
        }
    }

    /// What the collection, mandate and messaging systems answer; no code takes the whole answer from them.
    async fn answer_here(&self, conn: &mut PgConnection, call: &Call<'_>) -> Result<Outcome, PortError> {
        let answer = async {
            let script = Script::of(&mut *conn, call.subjects).await?;
            match call.ask {
                Ask::RegisterMandate { plan } => self.register_mandate(conn, call, (plan, script.line("06"))).await,
                Ask::MandateStatus { plan, reference, .. } => mandates::status(conn, call, (plan, reference)).await,
                Ask::CancelMandate { plan, reference } => mandates::cancel(conn, call, (plan, reference)).await,
                Ask::PaymentLink(asked) => self.payment_link(conn, call, (asked, script.line("08"))).await,
                Ask::LinkStatus { collection, .. } => collections::link_status(conn, call, collection).await,
                Ask::CancelLink { collection, .. } => collections::cancel_link(conn, call, collection).await,
                Ask::AnnounceDebit(coming) => mandates::announced(conn, call, coming).await,
                Ask::Present(asked) => self.present(conn, call, (asked, script.line("08"))).await,
                Ask::Notify(notice) => Ok(messages::sent(notice)),
                _ => Ok(Outcome::Unknown { reference: None }),
            }
        };
        answer.await.map_err(storage(call.ask))
    }
}

impl Port for Systems {
    fn call<'a>(&'a self, call: Call<'a>) -> BoxFuture<'a, Result<Outcome, PortError>> {
        Box::pin(async move { self.answer(&call).await })
    }

    fn is_here(&self, ask: &Ask) -> bool {
        matches!(ask.port(), "collections" | "notifier")
    }

    fn call_here<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        call: Call<'a>,
    ) -> BoxFuture<'a, Result<Outcome, PortError>> {
        Box::pin(async move { self.answer_here(conn, &call).await })
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
pub(in crate::sandbox) fn reference(prefix: &str, key: &str) -> String {
    let hash = sha256(key);
    format!("{prefix}-{}", hash.get(..24).unwrap_or(&hash))
}
