//! What borrowers owe or hold reserved, lender-wide, and the collateral that is pledged.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use crate::domain::application::decision::Exposure;
use crate::domain::ids::{ApplicationId, LoanId};
use crate::domain::maths::money::Paise;

/// Locks the borrower's row, so that concurrent decisions about one borrower come one after the other.
///
/// # Errors
/// When the database fails or the lock is not had within the lock timeout.
pub async fn lock_borrower(conn: &mut PgConnection, borrower: &[u8], now: DateTime<Utc>) -> Result<(), StoreError> {
    // An update that changes nothing locks the row as `for update` would, in the statement that may have to make it.
    sqlx::query!(
        r#"
        insert into borrower (borrower_index, created_at)
        values ($1, $2)
        on conflict (borrower_index) do update
        set created_at = borrower.created_at
        "#,
        borrower,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The borrower's exposure, apart from one application.
///
/// # Errors
/// When the database fails.
pub async fn beside(
    conn: &mut PgConnection,
    borrower: &[u8],
    application: ApplicationId,
) -> Result<Exposure, StoreError> {
    let row = sqlx::query!(
        r#"
        select coalesce(sum(amount), 0)::bigint as "committed!",
            coalesce(sum(amount) filter (where granted), 0)::bigint as "granted!"
        from exposure
        where borrower_index = $1
        and application_id <> $2
        "#,
        borrower,
        application.0,
    )
    .fetch_one(conn)
    .await?;
    Ok(Exposure { committed: Paise(row.committed), granted: Paise(row.granted) })
}

/// Sets the amount by which an application adds to its borrower's exposure.
///
/// # Errors
/// When the database fails.
pub async fn count(
    conn: &mut PgConnection,
    borrower: &[u8],
    application: ApplicationId,
    amount: Paise,
    granted: bool,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into exposure (application_id, borrower_index, amount, granted)
        values ($1, $2, $3, $4)
        on conflict (application_id) do update
        set amount = excluded.amount,
            granted = excluded.granted
        "#,
        application.0,
        borrower,
        amount.0,
        granted,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes the amount by which an application that counts adds to its borrower's exposure. A paisa stays as long as it
/// counts: of a loan whose principal is paid and whose charges are not.
///
/// # Errors
/// When the database fails.
pub async fn change(conn: &mut PgConnection, application: ApplicationId, amount: Paise) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update exposure
        set amount = greatest($2::bigint, 1)
        where application_id = $1
        "#,
        application.0,
        amount.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes an application out of its borrower's exposure.
///
/// # Errors
/// When the database fails.
pub async fn release(conn: &mut PgConnection, application: ApplicationId) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        delete from exposure
        where application_id = $1
        "#,
        application.0,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Frees the collaterals of a loan that is over.
///
/// # Errors
/// When the database fails.
pub async fn free(conn: &mut PgConnection, loan: &LoanId) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        delete from lien
        where loan_id = $1
        "#,
        loan.as_str(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether any of these collaterals is pledged to a loan of another application. A lien taken by a transaction that
/// has not ended is waited for at [`pledge`], whose key is the collateral.
///
/// # Errors
/// When the database fails.
pub async fn is_pledged(
    conn: &mut PgConnection,
    collaterals: &[Vec<u8>],
    application: ApplicationId,
) -> Result<bool, StoreError> {
    let row = sqlx::query!(
        r#"
        select exists (
            select
            from lien
            join loan using (loan_id)
            where collateral_index = any($1)
            and application_id <> $2
        ) as "pledged!"
        "#,
        collaterals,
        application.0 as Uuid,
    )
    .fetch_one(conn)
    .await?;
    Ok(row.pledged)
}

/// Serialises grants that share a collateral: an advisory lock per collateral, in one order, until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn lock_collaterals(conn: &mut PgConnection, collaterals: &[Vec<u8>]) -> Result<(), StoreError> {
    let mut keys: Vec<i64> =
        collaterals.iter().filter_map(|c| c.first_chunk::<8>()).map(|b| i64::from_be_bytes(*b)).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys {
        sqlx::query!("select pg_advisory_xact_lock($1)", key).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Pledges collaterals to a loan; the primary key refuses a second pledge, lender-wide.
///
/// # Errors
/// When the database fails or a collateral is pledged already.
pub async fn pledge(
    conn: &mut PgConnection,
    collaterals: &[Vec<u8>],
    loan: &LoanId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into lien (collateral_index, loan_id, taken_at)
        select distinct collateral_index, $2::text, $3::timestamptz
        from unnest($1::bytea[]) as collateral (collateral_index)
        order by collateral_index
        "#,
        collaterals,
        loan.as_str(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Pledges to a loan those of the collaterals that are free.
///
/// # Errors
/// When the database fails.
pub async fn pledge_free(
    conn: &mut PgConnection,
    collaterals: &[Vec<u8>],
    loan: &LoanId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        insert into lien (collateral_index, loan_id, taken_at)
        select distinct collateral_index, $2::text, $3::timestamptz
        from unnest($1::bytea[]) as collateral (collateral_index)
        order by collateral_index
        on conflict do nothing
        "#,
        collaterals,
        loan.as_str(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
