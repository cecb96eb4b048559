//! Acts by hand: proposed by one person, released by another, done in the transaction that releases them.

use sqlx::PgConnection;
use uuid::Uuid;

use super::facts::Gathered;
use super::{Refused, save};
use crate::app::App;
use crate::domain::application::decide;
use crate::domain::ids::LoanId;
use crate::domain::loan::operator::Act;
use crate::domain::personal::same_person;
use crate::store::audit::{Actor, Entry};
use crate::store::operator_act::{self, Stored};
use crate::store::{StoreError, application, loan, reference, repayment};

/// Why an act was not done; nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// There is no such loan or act.
    #[error("no such {0}")]
    Unknown(&'static str),
    /// It cannot be done, in words for the operator.
    #[error("{0}")]
    Refused(String),
    /// The database or a mistake of ours.
    #[error(transparent)]
    Failed(#[from] Refused),
}

impl From<StoreError> for ActError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<sqlx::Error> for ActError {
    fn from(error: sqlx::Error) -> Self {
        StoreError::Database(error).into()
    }
}

/// Releases a proposed act: it is done now, or refused and stays open.
///
/// # Errors
/// [`ActError`].
pub async fn release(app: &App, act_id: Uuid, (checker, actor): (&str, &Actor)) -> Result<Stored, ActError> {
    let mut tx = app.pool.begin().await?;
    let stored = open_act(app, &mut tx, act_id, checker).await?;
    perform(app, &mut tx, &stored.loan_id, (&stored.proposal.act, &act_id.simple().to_string())).await?;
    let now = app.clock.now();
    operator_act::decide(&mut tx, act_id, (checker, "DONE"), now).await?;
    decided(actor, "ACT_RELEASED", &stored, checker).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    app.wake.notify_asks();
    app.wake.notify_callbacks();
    let (state, checker) = ("DONE".to_owned(), Some(checker.to_owned()));
    Ok(Stored { state, checker, decided_at: Some(now), ..stored })
}

/// Rejects a proposed act: nothing happens to the loan.
///
/// # Errors
/// [`ActError`].
pub async fn reject(app: &App, act_id: Uuid, (checker, actor): (&str, &Actor)) -> Result<Stored, ActError> {
    let mut tx = app.pool.begin().await?;
    let stored = open_act(app, &mut tx, act_id, checker).await?;
    let now = app.clock.now();
    operator_act::decide(&mut tx, act_id, (checker, "REJECTED"), now).await?;
    decided(actor, "ACT_REJECTED", &stored, checker).append(&mut tx, app.clock.wall()).await?;
    tx.commit().await?;
    let (state, checker) = ("REJECTED".to_owned(), Some(checker.to_owned()));
    Ok(Stored { state, checker, decided_at: Some(now), ..stored })
}

/// The entry of the audit log: the operator as authenticated, and the names of maker and checker that were given.
fn decided(actor: &Actor, action: &'static str, act: &Stored, checker: &str) -> Entry {
    let entry = Entry::by(actor, action).about("actId", act.act_id).about("loanId", &act.loan_id);
    entry.about("kind", act.proposal.act.name()).about("maker", &act.maker).about("checker", checker)
}

/// A proposed act that somebody else than its maker may decide, locked.
async fn open_act(app: &App, conn: &mut PgConnection, act_id: Uuid, checker: &str) -> Result<Stored, ActError> {
    let stored = operator_act::read(conn, &app.sealer, act_id).await?.ok_or(ActError::Unknown("act"))?;
    if stored.state != "PROPOSED" {
        return Err(ActError::Refused(format!("the act is {} already", stored.state)));
    }
    if same_person(&stored.maker, checker) {
        return Err(ActError::Refused("an act is decided by another person than its maker".to_owned()));
    }
    Ok(stored)
}

/// Does an act on a loan within a transaction.
///
/// # Errors
/// [`ActError`].
pub async fn perform(app: &App, conn: &mut PgConnection, loan_id: &LoanId, act: (&Act, &str)) -> Result<(), ActError> {
    let id = reference::application_of_loan(conn, loan_id.as_str()).await?.ok_or(ActError::Unknown("loan"))?;
    let locked = application::lock(conn, &app.sealer, &[id]).await?;
    let found = locked.first().ok_or(ActError::Unknown("loan"))?;
    let gathered = Gathered::for_loan(app, conn, &found.application).await?;
    let gathered = gathered.with_history(app, conn).await?;
    let gathered = gathered.with_collaterals(app, conn, Some(&found.application)).await?;
    let gathered = if act.0.ends_an_order() { gathered.with_orders(app, conn, id).await? } else { gathered };
    let gathered = match act.0.payment() {
        Some(payment) => gathered.with_payment(app, conn, Some(payment)).await?,
        None => gathered,
    };
    let gathered = match act.0 {
        Act::ResolveDebit { payment_id, utr: Some(utr), .. } => gathered.with_found(conn, (payment_id, utr)).await?,
        _ => gathered,
    };
    is_new(conn, loan_id, act.0).await?;
    let facts = gathered.facts(app, None);
    let decided = decide::operate(found.application.clone(), act, &facts).map_err(ActError::Refused)?;
    let before = save::Before { applications: &locked, loan: gathered.loan.as_ref() };
    save::decision(app, conn, before, decided, save::Cause::Background(None)).await?;
    Ok(())
}

/// Money is entered once: a bank reference that is booked already is another money's.
async fn is_new(conn: &mut PgConnection, loan_id: &LoanId, act: &Act) -> Result<(), ActError> {
    let refusal = match act {
        Act::ManualReceipt { utr, .. } if repayment::is_credited(conn, loan_id, utr.trim()).await? => {
            "a payment with this bank reference is credited already"
        }
        Act::ResolvePayout { utr: Some(utr), .. } | Act::ResolveRefund { utr: Some(utr), .. }
            if loan::is_paid_under(conn, utr.trim()).await? =>
        {
            "another payout with this UTR is booked already"
        }
        _ => return Ok(()),
    };
    Err(ActError::Refused(refusal.to_owned()))
}
