//! Loans, payouts and the book.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, one_row};
use crate::domain::book::Journal;
use crate::domain::ids::{ApplicationId, LoanId};
use crate::domain::loan::{Loan, PayoutState};
use crate::seal::Sealer;

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

/// Locks the loan of an application, after the application itself.
///
/// # Errors
/// When the database fails, the lock is not had within the lock timeout, or the row cannot be opened.
pub async fn lock(
    conn: &mut PgConnection,
    sealer: &Sealer,
    application: ApplicationId,
) -> Result<Option<(Loan, i64)>, StoreError> {
    let row = sqlx::query!(
        r#"
        select loan_id, state, revision
        from loan
        where application_id = $1
        for update
        "#,
        application.0,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok((sealer.open_json(&context(&LoanId(row.loan_id)), &row.state)?, row.revision))).transpose()
}

/// Writes a loan's successor, its payouts with it.
///
/// # Errors
/// [`StoreError::Stale`] when the revision is another one; a second payout of a tranche is refused by its key.
pub async fn save(
    conn: &mut PgConnection,
    sealer: &Sealer,
    loan: &Loan,
    revision: i64,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let state = sealer.seal_json(&context(&loan.id), loan)?;
    let updated = sqlx::query!(
        r#"
        update loan
        set state = $3,
            revision = revision + 1
        where loan_id = $1
        and revision = $2
        "#,
        loan.id.as_str(),
        revision,
        state,
    )
    .execute(&mut *conn)
    .await?;
    one_row(updated.rows_affected(), "loan")?;
    for payout in &loan.payouts {
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

/// Posts to the book; the database refuses a journal that does not sum to zero, or comes twice.
///
/// # Errors
/// When the database fails or refuses.
pub async fn post(
    conn: &mut PgConnection,
    journal_id: Uuid,
    loan: &LoanId,
    journal: &Journal,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let accounts: Vec<String> = journal.postings.iter().map(|p| p.account.name().to_owned()).collect();
    let amounts: Vec<i64> = journal.postings.iter().map(|p| p.amount.0).collect();
    sqlx::query!(
        r#"
        insert into journal (journal_id, loan_id, kind, reference, value_date, posted_at)
        values ($1, $2, $3, $4, $5, $6)
        "#,
        journal_id,
        loan.as_str(),
        journal.kind.name(),
        journal.reference,
        journal.value_date,
        now,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        r#"
        insert into posting (journal_id, line, account, amount)
        select $1, line, account, amount
        from unnest($2::text[], $3::bigint[]) with ordinality as part (account, amount, line)
        "#,
        journal_id,
        &accounts,
        &amounts,
    )
    .execute(conn)
    .await?;
    Ok(())
}
