//! Stores a decision: everything that follows from one command, in the one lock order.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::{HOLD, Refused, facts, pages, replies};
use crate::app::App;
use crate::domain::application::Application;
use crate::domain::application::decide::Decided;
use crate::domain::application::decision::{Decision, Effect, Reply};
use crate::domain::ids::{ApplicationId, ExchangeId};
use crate::domain::loan::Loan;
use crate::domain::loan::account::Account;
use crate::domain::loan::repayment::Payment;
use crate::lsp::Settings;
use crate::store::application::{Locked, Row};
use crate::store::ask::Detail;
use crate::store::book::NewJournals;
use crate::store::loan::LockedLoan;
use crate::store::reference::Kind;
use crate::store::write::Writes;
use crate::store::{StoreError, ask, ask_money, book, day_end, dispute, erasure, exposure, loan, reference, repayment};

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

    /// When what it causes may leave.
    fn due_at(self, app: &App) -> DateTime<Utc> {
        match self {
            Self::Request(_) => app.clock.now() + HOLD,
            Self::Background(_) => app.clock.now(),
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

/// What a decision is stored with.
#[derive(Debug)]
pub struct Order<'a> {
    /// Why.
    pub cause: Cause,
    /// What is to be written beside it: the exchange that it answers, the question that it settles.
    pub writes: Writes,
    /// The LSP's switches, where they are known.
    pub settings: Option<&'a Settings>,
}

impl Order<'_> {
    /// For what happens in the background and answers no exchange.
    pub fn aside(decided: &Decided) -> Self {
        let org_id = decided.applications.first().map_or("", |application| application.org_id.as_str());
        Self { cause: Cause::Background(None), writes: Writes::of(org_id), settings: None }
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
    let writes = Writes::of(decided.applications.first().map_or("", |application| application.org_id.as_str()));
    decision_with(app, conn, before, decided, Order { cause, writes, settings: None }).await
}

/// Stores a decision together with what the caller brings. It is one statement if only the tables of nearly every
/// request are touched.
///
/// # Errors
/// As [`decision`].
pub async fn decision_with(
    app: &App,
    conn: &mut PgConnection,
    before: Before<'_>,
    decided: Decided,
    order: Order<'_>,
) -> Result<(), Refused> {
    let Order { cause, mut writes, settings } = order;
    let Decided { applications, mut decision } = decided;
    if decision.lacks_history {
        return Err(Refused::Internal("a late fact was to be stored without being replayed".to_owned()));
    }
    for (loan, check) in &decision.alarms {
        tracing::error!(loan.id = %loan, check, "the book of a loan does not pass its check");
        app.metrics.book_is_broken();
    }
    save_applications(app, &mut writes, before.applications, (&applications, &mut decision))?;
    let effects = std::mem::take(&mut decision.effects);
    carry_out_all(app, conn, (&applications, before.loan), effects, &mut writes).await?;
    // Questions and answers: what an exchange causes, and what it says.
    later(app, &mut writes, &applications, &mut decision, cause)?;
    replies::settle(app, conn, decision, (cause.due_at(app), settings), &mut writes).await?;
    Ok(writes.flush(conn, app.clock.now()).await?)
}

/// The writes of a decision about one application, if one statement can write all of it and nothing else is needed from
/// the database; otherwise `None`.
///
/// # Errors
/// When something cannot be sealed, or an answer does not belong to its operation.
pub fn alone(app: &App, before: &[Locked], decided: Decided, order: Order<'_>) -> Result<Option<Writes>, Refused> {
    let Order { cause, mut writes, settings } = order;
    let Decided { applications, mut decision } = decided;
    let ([application], Some(settings)) = (applications.as_slice(), settings) else {
        return Ok(None);
    };
    let reserves = |effect: &Effect| matches!(effect, Effect::Reserve(id, _) if *id == application.id);
    let answers = |reply: &Reply| Some(reply.exchange) == cause.exchange();
    let simple = decision.effects.len() <= 1
        && decision.effects.iter().all(reserves)
        && decision.replies.iter().all(answers)
        && decision.webhooks.is_empty()
        && decision.alarms.is_empty()
        && !decision.lacks_history;
    if !simple {
        return Ok(None);
    }
    save_applications(app, &mut writes, before, (&applications, &mut decision))?;
    if let Some(Effect::Reserve(id, amount)) = decision.effects.pop() {
        writes.reserve(id, facts::borrower_index(app, &application.form.borrower), amount.0);
    }
    later(app, &mut writes, &applications, &mut decision, cause)?;
    replies::settle_new(app, decision.replies, (cause.due_at(app), settings), &mut writes)?;
    Ok(Some(writes))
}

/// Adds the applications that have changed, and what is told about them.
fn save_applications(
    app: &App,
    writes: &mut Writes,
    before: &[Locked],
    (applications, decision): (&[Application], &mut Decision),
) -> Result<(), StoreError> {
    let mut revisions = Vec::with_capacity(applications.len());
    for application in applications {
        revisions.push(save_application(app, writes, before, application)?);
    }
    for (id, words) in decision.events.drain(..) {
        let place = applications.iter().position(|application| application.id == id);
        writes.event(id, place.and_then(|place| revisions.get(place).copied()).unwrap_or_default(), words);
    }
    Ok(())
}

/// Adds an application that has changed; gives the revision that it will have.
fn save_application(
    app: &App,
    writes: &mut Writes,
    before: &[Locked],
    application: &Application,
) -> Result<i64, StoreError> {
    let earlier = before.iter().find(|l| l.application.id == application.id);
    let revision = earlier.map(|l| l.revision);
    let unchanged = earlier
        .is_some_and(|l| Application { touched_at: application.touched_at, ..l.application.clone() } == *application);
    if unchanged {
        return Ok(revision.unwrap_or_default());
    }
    let borrower = facts::borrower_index(app, &application.form.borrower);
    writes.application(Row::new(&app.sealer, application, (borrower, revision))?);
    let known = earlier.map(|l| reference::of(&l.application)).unwrap_or_default();
    for (kind, value) in reference::of(application).into_iter().filter(|id| !known.contains(id)) {
        writes.reference(application.id, kind, value);
    }
    let phone = application.form.borrower.phone.as_deref();
    let known = earlier.and_then(|l| l.application.form.borrower.phone.as_deref());
    if let Some(index) = phone.filter(|_| phone != known).and_then(|phone| facts::phone_index(&app.sealer, phone)) {
        writes.reference(application.id, Kind::Phone, index);
    }
    Ok(revision.unwrap_or_default() + 1)
}

/// Effects on other tables than the usual ones come after the applications and before what is asked and answered.
async fn carry_out_all(
    app: &App,
    conn: &mut PgConnection,
    (applications, loan): (&[Application], Option<&LockedLoan>),
    effects: Vec<Effect>,
    writes: &mut Writes,
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let mut journals = NewJournals::default();
    let mut others = Vec::new();
    for effect in effects {
        match effect {
            Effect::Post(loan_id, journal) => journals.push(app.ids.uuid(), &loan_id, &journal),
            Effect::Reserve(id, amount) if applications.len() == 1 => {
                if let Some(application) = applications.iter().find(|a| a.id == id) {
                    writes.reserve(id, facts::borrower_index(app, &application.form.borrower), amount.0);
                }
            }
            other => others.push(other),
        }
    }
    if others.is_empty() && journals.is_empty() {
        return Ok(());
    }
    writes.flush(conn, now).await?;
    for effect in others {
        carry_out(app, conn, applications, loan, effect).await?;
    }
    if journals.is_empty() { Ok(()) } else { book::post(conn, &journals, now).await }
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
        Effect::SavePayment(payment) => save_payment(app, conn, applications, before, &payment).await,
        Effect::Resplit(payment, split) => match before {
            Some(locked) => repayment::resplit(conn, &app.sealer, &locked.loan.id, (&payment, split), now).await,
            None => Ok(()),
        },
        Effect::SaveDispute(dispute) => {
            dispute::save(conn, &app.sealer, &dispute, now).await?;
            let application = before.map(|locked| locked.loan.application);
            match application {
                Some(id) => add_references(conn, applications, id, &[(Kind::Dispute, dispute.id.0.clone())], now).await,
                None => Ok(()),
            }
        }
        Effect::PublishDispute(id, dispute) => pages::publish_dispute(app, conn, id, &dispute).await,
        Effect::Hasten(id) => ask::hasten(conn, id, now).await,
        Effect::Order(order, bank_key) => match applications.first() {
            Some(application) => ask_money::carry_out(conn, &app.sealer, (application.id, order, &bank_key), now).await,
            None => Ok(()),
        },
        Effect::Reopen(id, loan_id, amount) => match applications.iter().find(|a| a.id == id) {
            Some(application) => {
                let borrower = facts::borrower_index(app, &application.form.borrower);
                exposure::count(conn, &borrower, id, amount, true).await?;
                exposure::pledge_free(conn, &facts::collateral_indexes(app, application), &loan_id, now).await
            }
            None => Ok(()),
        },
        Effect::Finish(id, loan_id) => {
            exposure::release(conn, id).await?;
            exposure::free(conn, &loan_id).await
        }
        Effect::Publish(application, kfs) => pages::publish(app, conn, application, &kfs).await,
        Effect::ForgetData(id) => erasure::forget_data(conn, id.0, now).await,
    }
}

async fn add_references(
    conn: &mut PgConnection,
    applications: &[Application],
    id: ApplicationId,
    ids: &[(Kind, String)],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    match applications.iter().find(|application| application.id == id) {
        Some(application) => reference::add(conn, application, ids, now).await,
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
    if changed.exposure() != before.loan.exposure() {
        exposure::change(conn, changed.application, changed.exposure()).await?;
    }
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
        let change = Account::reclassified(before.loan.account.as_ref(), changed.account.as_ref());
        day_end::classify_borrower(conn, &borrower, (&changed.id, &change), app.clock.today()).await?;
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

/// Adds questions and timers.
fn later(
    app: &App,
    writes: &mut Writes,
    applications: &[Application],
    decision: &mut Decision,
    cause: Cause,
) -> Result<(), StoreError> {
    if applications.is_empty() {
        return Ok(());
    }
    let at_once = cause.due_at(app);
    for new in decision.asks.drain(..) {
        let due_at = new.not_before.unwrap_or(at_once);
        let exchange = new.exchange.or(cause.exchange());
        writes.ask(&app.sealer, (app.ids.uuid(), exchange, &Detail::Ask(new)), due_at)?;
    }
    for new in decision.timers.drain(..) {
        let due_at = new.at;
        writes.ask(&app.sealer, (app.ids.uuid(), None, &Detail::Timer(new)), due_at)?;
    }
    Ok(())
}

async fn save_payment(
    app: &App,
    conn: &mut PgConnection,
    applications: &[Application],
    before: Option<&LockedLoan>,
    payment: &Payment,
) -> Result<(), StoreError> {
    let Some(locked) = before else {
        return Err(StoreError::Stale { table: "loan" });
    };
    let now = app.clock.now();
    let of = (&locked.loan.id, &locked.loan.org_id);
    repayment::save(conn, &app.sealer, of, payment, now).await?;
    let mut ids = vec![(Kind::Repayment, payment.id.0.clone())];
    ids.extend(payment.asked.iter().map(|asked| (Kind::AskedRepayment, asked.id.0.clone())));
    add_references(conn, applications, locked.loan.application, &ids, now).await
}
