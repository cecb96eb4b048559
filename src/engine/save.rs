//! Stores a decision: everything that follows from one command, in the one lock order.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{HOLD, Refused, facts, pages, replies};
use crate::app::App;
use crate::domain::application::Application;
use crate::domain::application::ask::{NewTimer, Timer};
use crate::domain::application::decide::Decided;
use crate::domain::application::decision::{Decision, Effect};
use crate::domain::ids::{ApplicationId, ExchangeId};
use crate::domain::loan::Loan;
use crate::store::application::Locked;
use crate::store::ask::Detail;
use crate::store::book::NewJournals;
use crate::store::loan::LockedLoan;
use crate::store::reference::Kind;
use crate::store::{StoreError, application, ask, book, day_end, dispute, exposure, loan, reference, repayment};

/// Why something is stored.
#[derive(Debug, Clone, Copy)]
pub enum Cause {
    /// A request that is being answered: what it causes waits for its ack.
    Request(ExchangeId),
    /// An outcome or timer.
    Background(Option<ExchangeId>),
}

impl Cause {
    fn exchange(self) -> Option<ExchangeId> {
        match self {
            Self::Request(exchange) => Some(exchange),
            Self::Background(exchange) => exchange,
        }
    }
}

/// What was locked, with the revisions that the writes must find.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// Applications; new ones are not among them.
    pub applications: &'a [Locked],
    /// The loan, where one was locked.
    pub loan: Option<&'a LockedLoan>,
}

impl<'a> Before<'a> {
    /// Applications only.
    pub fn applications(applications: &'a [Locked]) -> Self {
        Self { applications, loan: None }
    }
}

/// Writes applications, loan, borrower, asks, then exchanges and streams.
///
/// # Errors
/// When anything cannot be stored; the caller rolls back.
pub async fn decision(
    app: &App,
    conn: &mut PgConnection,
    before: Before<'_>,
    decided: Decided,
    cause: Cause,
) -> Result<(), Refused> {
    let Before { applications: before, loan } = before;
    let Decided { applications, mut decision } = decided;
    if decision.lacks_history {
        return Err(Refused::Internal("a late fact was to be stored without being replayed".to_owned()));
    }
    for application in &applications {
        save_application(app, conn, before, application).await?;
    }
    if !decision.events.is_empty() {
        application::add_events(conn, &decision.events, app.clock.now()).await?;
    }
    let mut journals = NewJournals::default();
    let mut effects = std::mem::take(&mut decision.effects);
    effects.retain(|effect| match effect {
        Effect::Post(loan_id, journal) => {
            journals.push(app.ids.uuid(), loan_id, journal);
            false
        }
        _ => true,
    });
    for effect in effects {
        carry_out(app, conn, &applications, loan, effect).await?;
    }
    if !journals.is_empty() {
        book::post(conn, &journals, app.clock.now()).await?;
    }
    // Questions are inserted after their exchange exists and before the answers, which never wait for them.
    later(app, conn, &applications, &mut decision, cause).await?;
    let due_at = match cause {
        Cause::Request(_) => app.clock.now() + HOLD,
        Cause::Background(_) => app.clock.now(),
    };
    replies::settle(app, conn, decision, due_at).await
}

async fn save_application(
    app: &App,
    conn: &mut PgConnection,
    before: &[Locked],
    application: &Application,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let earlier = before.iter().find(|l| l.application.id == application.id);
    let unchanged = earlier
        .is_some_and(|l| Application { touched_at: application.touched_at, ..l.application.clone() } == *application);
    if unchanged {
        return Ok(());
    }
    let borrower = facts::borrower_index(app, &application.form.borrower);
    let revision = earlier.map_or(0, |l| l.revision);
    application::save(conn, &app.sealer, application, (&borrower, revision), now).await?;
    let known = earlier.map(|l| reference::of(&l.application)).unwrap_or_default();
    let new: Vec<_> = reference::of(application).into_iter().filter(|id| !known.contains(id)).collect();
    reference::add(conn, application, &new, now).await
}

async fn carry_out(
    app: &App,
    conn: &mut PgConnection,
    applications: &[Application],
    before: Option<&LockedLoan>,
    effect: Effect,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let borrower_of = |id: ApplicationId| {
        applications.iter().find(|a| a.id == id).map(|a| facts::borrower_index(app, &a.form.borrower))
    };
    match effect {
        Effect::Reserve(id, amount) => match borrower_of(id) {
            Some(borrower) => exposure::count(conn, &borrower, id, amount, false).await,
            None => Ok(()),
        },
        Effect::Release(id) => exposure::release(conn, id).await,
        Effect::CreateLoan(loan) => create_loan(app, conn, applications, &loan).await,
        Effect::SaveLoan(changed) => save_loan(app, conn, applications, before, &changed).await,
        Effect::Post(loan_id, journal) => {
            let mut journals = NewJournals::default();
            journals.push(app.ids.uuid(), &loan_id, &journal);
            book::post(conn, &journals, now).await
        }
        Effect::Record(loan_id, fact) => book::record(conn, &app.sealer, &loan_id, &fact, now).await,
        Effect::SavePayment(payment) => {
            let Some(locked) = before else {
                return Err(StoreError::Stale { table: "loan" });
            };
            let of = (&locked.loan.id, &locked.loan.org_id);
            repayment::save(conn, &app.sealer, of, &payment, now).await?;
            add_reference(conn, applications, locked.loan.application, (Kind::Repayment, &payment.id.0), now).await
        }
        Effect::SaveDispute(dispute) => {
            dispute::save(conn, &app.sealer, &dispute, now).await?;
            let application = before.map(|locked| locked.loan.application);
            match application {
                Some(id) => add_reference(conn, applications, id, (Kind::Dispute, &dispute.id.0), now).await,
                None => Ok(()),
            }
        }
        Effect::CloseAsk(bank_key) => match applications.first() {
            Some(application) => ask::close_money(conn, &app.sealer, application.id, &bank_key, now).await,
            None => Ok(()),
        },
        Effect::Reopen(id, amount) => match borrower_of(id) {
            Some(borrower) => exposure::count(conn, &borrower, id, amount, true).await,
            None => Ok(()),
        },
        Effect::Finish(id, loan_id) => {
            exposure::release(conn, id).await?;
            exposure::free(conn, &loan_id).await
        }
        Effect::Publish(application, kfs) => pages::publish(app, conn, application, &kfs).await,
    }
}

async fn add_reference(
    conn: &mut PgConnection,
    applications: &[Application],
    id: ApplicationId,
    (kind, value): (Kind, &str),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    match applications.iter().find(|application| application.id == id) {
        Some(application) => reference::add(conn, application, &[(kind, value.to_owned())], now).await,
        None => Ok(()),
    }
}

/// Writes a loan's successor; what it does to the classification of the borrower's other loans follows.
async fn save_loan(
    app: &App,
    conn: &mut PgConnection,
    applications: &[Application],
    before: Option<&LockedLoan>,
    changed: &Loan,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let Some(before) = before else {
        return Err(StoreError::Stale { table: "loan" });
    };
    loan::save(conn, &app.sealer, changed, before.revision).await?;
    if changed.payouts != before.loan.payouts {
        loan::save_payouts(conn, changed, now).await?;
    }
    let Some(application) = applications.iter().find(|a| a.id == changed.application) else {
        return Ok(());
    };
    if let Some(payout) = changed.payouts.last().filter(|_| changed.payouts.len() != before.loan.payouts.len()) {
        reference::add_payment(conn, application, &payout.payment_id, now).await?;
    }
    let non_performing = changed.account.as_ref().is_some_and(|account| account.npa_since.is_some());
    let given_up = changed.stored_status() == "WRITTEN_OFF";
    if non_performing || given_up || before.borrower_npa_since.is_some() {
        let borrower = facts::borrower_index(app, &application.form.borrower);
        day_end::classify_borrower(conn, &borrower, app.clock.today()).await?;
    }
    Ok(())
}

async fn create_loan(
    app: &App,
    conn: &mut PgConnection,
    applications: &[Application],
    loan: &Loan,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let Some(application) = applications.iter().find(|a| a.id == loan.application) else {
        return Err(StoreError::Stale { table: "application" });
    };
    let borrower = facts::borrower_index(app, &application.form.borrower);
    loan::insert(conn, &app.sealer, loan, &borrower, now).await?;
    book::allow_charges(conn, &loan.id, &loan.kfs_rows()).await?;
    exposure::count(conn, &borrower, application.id, loan.offer.sanctioned, true).await?;
    exposure::pledge(conn, &facts::collateral_indexes(app, application), &loan.id, now).await
}

/// Stores questions and timers.
async fn later(
    app: &App,
    conn: &mut PgConnection,
    applications: &[Application],
    decision: &mut Decision,
    cause: Cause,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let Some(org_id) = applications.first().map(|a| a.org_id.clone()) else {
        return Ok(());
    };
    let at_once = match cause {
        Cause::Request(_) => now + HOLD,
        Cause::Background(_) => now,
    };
    for new in decision.asks.drain(..) {
        let due_at = new.not_before.unwrap_or(at_once);
        let exchange = new.exchange.or(cause.exchange());
        let row = (app.ids.uuid(), org_id.as_str(), exchange, &Detail::Ask(new));
        ask::insert(conn, &app.sealer, row, due_at, now).await?;
    }
    for new in decision.timers.drain(..) {
        let row = (app.ids.uuid(), org_id.as_str(), None, &Detail::Timer(new.clone()));
        ask::insert(conn, &app.sealer, row, new.at, now).await?;
    }
    Ok(())
}

/// An interim answer for an exchange that still waits for offers (row 27).
///
/// # Errors
/// When the database fails.
pub async fn interim_timer(
    app: &App,
    conn: &mut PgConnection,
    org_id: &str,
    exchange: ExchangeId,
    application: ApplicationId,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let at = now + chrono::Duration::seconds(app.config.limits.interim_answer_seconds);
    let timer = Detail::Timer(NewTimer { timer: Timer::InterimAnswer { exchange }, application, at });
    ask::insert(conn, &app.sealer, (app.ids.uuid(), org_id, None, &timer), at, now).await
}
