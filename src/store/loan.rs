//! Loans, payouts and the book.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use super::{StoreError, one_row};
use crate::domain::ids::{ApplicationId, LoanId};
use crate::domain::loan::account::{Account, Phase};
use crate::domain::loan::{Loan, PayoutState};
use crate::seal::{Sealer, is_erased};

fn context(id: &LoanId) -> String {
    format!("loan:{id}")
}

/// Stores a new loan; the application's key refuses a second one.
///
/// # Errors
/// When the database fails or the application has a loan already.
pub async fn insert(
    conn: &mut PgConnection,
    sealer: &Sealer,
    loan: &Loan,
    borrower: &[u8],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let state = sealer.seal_json(&context(&loan.id), loan)?;
    sqlx::query!(
        r#"
        insert into loan (loan_id, application_id, org_id, borrower_index, state, revision, created_at)
        values ($1, $2, $3, $4, $5, 1, $6)
        "#,
        loan.id.as_str(),
        loan.application.0,
        loan.org_id.as_str(),
        borrower,
        state,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A locked loan.
#[derive(Debug, Clone)]
pub struct LockedLoan {
    /// As stored.
    pub loan: Loan,
    /// Counts writes.
    pub revision: i64,
    /// Since when the borrower's loans are non-performing, because of any of them.
    pub borrower_npa_since: Option<NaiveDate>,
}

/// Locks the loan of an application, after the application itself.
///
/// # Errors
/// When the database fails, the lock is not had within the lock timeout, or the row cannot be opened.
pub async fn lock(
    conn: &mut PgConnection,
    sealer: &Sealer,
    application: ApplicationId,
) -> Result<Option<LockedLoan>, StoreError> {
    let row = sqlx::query!(
        r#"
        select loan_id, state, revision, borrower.npa_since as "npa_since?"
        from loan
        join borrower using (borrower_index)
        where application_id = $1
        for update of loan
        "#,
        application.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let loan = sealer.open_json(&context(&LoanId(row.loan_id)), &row.state)?;
        Ok(LockedLoan { loan, revision: row.revision, borrower_npa_since: row.npa_since })
    })
    .transpose()
}

/// A loan as its row keeps it, not locked; none of one whose content was erased.
///
/// # Errors
/// When the row cannot be opened.
pub fn open(sealer: &Sealer, id: &str, sealed: &[u8]) -> Result<Option<Loan>, StoreError> {
    if is_erased(sealed) {
        return Ok(None);
    }
    Ok(Some(sealer.open_json(&context(&LoanId(id.to_owned())), sealed)?))
}

/// The loans of a borrower that one LSP brought, newest first, not locked. `borrowers` are blind indexes of the identity,
/// one of which it is, `phone` the phone's, in hex, that an application was filed with.
///
/// # Errors
/// When the database fails or a row cannot be opened.
pub async fn of_borrower(
    conn: &mut PgConnection,
    sealer: &Sealer,
    (org_id, borrowers, phone): (&str, &[Vec<u8>], Option<&str>),
    limit: i64,
) -> Result<Vec<LockedLoan>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select loan_id, state, revision, borrower.npa_since as "npa_since?"
        from loan
        join borrower using (borrower_index)
        where org_id = $2
        and loan_id in (
            select loan_id
            from loan
            where borrower_index = any($1)
            union
            select loan_id
            from reference
            join loan using (application_id)
            where reference.org_id = $2
            and reference.kind = 'PHONE'
            and reference.value = $4
        )
        order by loan.created_at desc, loan_id
        limit $3
        "#,
        borrowers,
        org_id,
        limit,
        phone,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let loan = sealer.open_json(&context(&LoanId(row.loan_id)), &row.state)?;
            Ok(LockedLoan { loan, revision: row.revision, borrower_npa_since: row.npa_since })
        })
        .collect()
}

/// Writes a loan's successor; its payouts are written by [`save_payouts`].
///
/// # Errors
/// [`StoreError::Stale`] when the revision is another one.
pub async fn save(conn: &mut PgConnection, sealer: &Sealer, loan: &Loan, revision: i64) -> Result<(), StoreError> {
    let state = sealer.seal_json(&context(&loan.id), loan)?;
    let account = loan.account.as_ref();
    let next = account.and_then(Account::next_event);
    let updated = sqlx::query!(
        r#"
        update loan
        set state = $3,
            status = $4,
            next_event_on = $5,
            next_event_closed = $6,
            oldest_due = $7,
            npa_since = $8,
            principal_outstanding = $9,
            closed_on = $10,
            revision = revision + 1
        where loan_id = $1
        and revision = $2
        "#,
        loan.id.as_str(),
        revision,
        state,
        loan.stored_status(),
        next.map(|next| next.day),
        next.map(|next| next.phase == Phase::Closed),
        account.and_then(Account::oldest_due),
        account.and_then(Account::counts_as_npa_since),
        account.map_or(0, |account| account.principal_outstanding().0),
        account.and_then(|account| account.ended).map(|(on, _)| on),
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "loan")
}

/// Writes the payouts of a loan.
///
/// # Errors
/// When the database fails; a second payout of a tranche is refused by its key.
pub async fn save_payouts(conn: &mut PgConnection, loan: &Loan, now: DateTime<Utc>) -> Result<(), StoreError> {
    // What frees a tranche before what takes it.
    let (failed, others): (Vec<_>, Vec<_>) = loan.payouts.iter().partition(|payout| payout.has_failed());
    for payout in failed.into_iter().chain(others) {
        let (state, utr) = match &payout.state {
            PayoutState::Open => ("RESERVED", None),
            PayoutState::Paid { utr, .. } => ("PAID", Some(utr.as_str())),
            PayoutState::Failed { .. } => ("FAILED", None),
        };
        // A payout that is SENDING stays so until the bank's final word.
        sqlx::query!(
            r#"
            insert into payout (loan_id, tranche, attempt, payment_id, bank_key, state, utr, updated_at)
            values ($1, $2, $3, $4, $5, $6, $7, $8)
            on conflict (loan_id, tranche, attempt) do update
            set state = excluded.state,
                utr = excluded.utr,
                updated_at = excluded.updated_at
            where payout.state <> excluded.state
            and excluded.state <> 'RESERVED'
            "#,
            loan.id.as_str(),
            i32::try_from(payout.tranche).unwrap_or(i32::MAX),
            i32::try_from(payout.attempt).unwrap_or(i32::MAX),
            payout.payment_id.as_str(),
            payout.bank_key,
            state,
            utr,
            now,
        )
        .execute(&mut *conn)
        .await?;
    }
    Ok(())
}

/// Notes that money calls are about to leave.
///
/// # Errors
/// When the database fails.
pub async fn mark_sending(conn: &mut PgConnection, bank_keys: &[String], now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update payout
        set state = 'SENDING',
            updated_at = $2
        where bank_key = any($1)
        and state = 'RESERVED'
        "#,
        bank_keys,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether a payout of the lender is booked under a bank reference. Whoever asks about the same one waits until this
/// transaction ends, and then knows what it has booked.
///
/// # Errors
/// When the database fails, or another's transaction takes longer than the lock timeout.
pub async fn is_paid_under(conn: &mut PgConnection, utr: &str) -> Result<bool, StoreError> {
    sqlx::query!(r#"select pg_advisory_xact_lock(hashtextextended('payout ' || $1, 0)) as "locked: ()""#, utr)
        .execute(&mut *conn)
        .await?;
    let found = sqlx::query_scalar!(
        r#"
        select exists (
            select
            from payout
            where utr = $1
            and state = 'PAID'
        ) as "found!"
        "#,
        utr,
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}
