//! Journals that the general ledger refuses while it takes others: their loans are set aside, so that nobody waits behind
//! them, and tried again until people have mended what is wrong with them.

use std::collections::BTreeMap;

use super::{TurnError, batch_key, next_try, said, send, taken};
use crate::app::App;
use crate::domain::ids::LoanId;
use crate::lender::ledger::{Ledger, LedgerError};
use crate::store::StoreError;
use crate::store::ledger::{self as feed, Lease, Pending};
use crate::store::set_aside::{self, Waiting};

/// Loans that are tried again in one turn.
const AT_A_TIME: i64 = 20;

/// Whether a refusal may be one journal's fault: the other side has spoken, and other loans are concerned.
pub(super) fn is_worth_it(error: &LedgerError, pending: &[Pending]) -> bool {
    let mut loans = pending.iter().map(|journal| &journal.loan_id);
    let first = loans.next();
    matches!(error, LedgerError::Refused { .. }) && loans.any(|loan| Some(loan) != first)
}

/// Sends the journals of a refused batch one by one. Loans of which one is refused are set aside, unless all are: then
/// it is the other side that takes nothing, and everything waits.
///
/// # Errors
/// The refusal, when nothing is taken; when the other side is away, or the lease was lost.
pub(super) async fn take_apart(
    app: &App,
    (ledger, lease): (&dyn Ledger, Lease),
    pending: &[Pending],
    of_all: LedgerError,
) -> Result<(), TurnError> {
    let mut refused: BTreeMap<&LoanId, (&Pending, LedgerError)> = BTreeMap::new();
    let mut any = false;
    for journal in pending {
        if app.stop.is_cancelled() {
            return Ok(());
        }
        if refused.contains_key(&journal.loan_id) {
            continue;
        }
        feed::prolong(&mut *app.pool.acquire().await?, lease).await?;
        let alone = std::slice::from_ref(journal);
        match send(app, ledger, alone, &batch_key(alone, lease.failures)).await {
            Ok(()) => {
                any = true;
                taken(app, lease, alone).await?;
            }
            Err(TurnError::Ledger(error @ LedgerError::Refused { .. })) => {
                refused.insert(&journal.loan_id, (journal, error));
            }
            Err(error) => return Err(error),
        }
    }
    if !any {
        return Err(of_all.into());
    }
    for (journal, error) in refused.into_values() {
        put(app, lease, journal, (&error, 0)).await?;
    }
    Ok(())
}

/// Tries loans whose time has come, journal by journal. Whatever becomes of them keeps nobody else waiting.
///
/// # Errors
/// When the lease was lost, or the database fails.
pub(super) async fn retry(app: &App, to: (&dyn Ledger, Lease)) -> Result<(), TurnError> {
    let due = set_aside::due(&mut *app.pool.acquire().await?, app.clock.now(), AT_A_TIME).await?;
    for waiting in due {
        // Where the other side is away it is so for the next one, too.
        if app.stop.is_cancelled() || !retry_one(app, to, &waiting).await? {
            break;
        }
    }
    Ok(())
}

/// Whether the other side has spoken.
async fn retry_one(app: &App, (ledger, lease): (&dyn Ledger, Lease), waiting: &Waiting) -> Result<bool, TurnError> {
    let batch = app.config.ledger.batch;
    let pending = feed::pending(&mut *app.pool.acquire().await?, Some(&waiting.loan_id), batch).await?;
    for journal in &pending {
        feed::prolong(&mut *app.pool.acquire().await?, lease).await?;
        let alone = std::slice::from_ref(journal);
        // Under the key of another try than the worker's own.
        let key = format!("{}.aside", batch_key(alone, waiting.failures));
        match send(app, ledger, alone, &key).await {
            Ok(()) => taken(app, lease, alone).await?,
            Err(TurnError::Ledger(error)) => {
                put(app, lease, journal, (&error, waiting.failures)).await?;
                return Ok(matches!(error, LedgerError::Refused { .. }));
            }
            Err(error) => return Err(error),
        }
    }
    // What is left of a long row of them goes on with all others, in its order.
    tracing::info!(loan_id = %waiting.loan_id, "the general ledger takes the loan's journals again");
    end(app, lease, Some(&waiting.loan_id)).await?;
    Ok(true)
}

/// Lets a loan rejoin the feed; without one, all loans, because there is no general ledger any more that could refuse
/// their journals.
pub(super) async fn end(app: &App, lease: Lease, loan: Option<&LoanId>) -> Result<(), StoreError> {
    let mut tx = app.pool.begin().await?;
    set_aside::end(&mut tx, lease, loan).await?;
    Ok(tx.commit().await?)
}

async fn put(
    app: &App,
    lease: Lease,
    journal: &Pending,
    (error, failures): (&LedgerError, i32),
) -> Result<(), StoreError> {
    let now = app.clock.now();
    let (retry_at, error) = (next_try(error, failures, now), said(error));
    tracing::error!(
        loan_id = %journal.loan_id, journal = %journal.journal_id, error, %retry_at,
        "the general ledger does not take a journal: its loan is set aside",
    );
    let mut tx = app.pool.begin().await?;
    set_aside::put(&mut tx, lease, (journal, &error), retry_at, now).await?;
    Ok(tx.commit().await?)
}
