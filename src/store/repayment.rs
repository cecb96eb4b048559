//! Payments by the borrower.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::ids::{LoanId, OrgId, PaymentId};
use crate::domain::loan::account::{Purpose, Split};
use crate::domain::loan::repayment::{Payment, PaymentState};
use crate::seal::Sealer;

fn context(id: &str) -> String {
    format!("repayment:{id}")
}

fn purpose_name(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Instalment => "INSTALMENT",
        Purpose::Prepayment => "PREPAYMENT",
        Purpose::Foreclosure => "FORECLOSURE",
        Purpose::CoolingOffExit => "COOLING_OFF_EXIT",
    }
}

/// Writes a payment as it stands. Two that collect at once, and a second ending, are refused by the database.
///
/// # Errors
/// When the database fails or refuses.
pub async fn save(
    conn: &mut PgConnection,
    sealer: &Sealer,
    (loan, org_id): (&LoanId, &OrgId),
    payment: &Payment,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sealed = sealer.seal_json(&context(payment.id.as_str()), payment)?;
    let (utr, value_date) = match &payment.state {
        PaymentState::Settled { utr, value_date, .. } => (Some(utr.as_str()), Some(*value_date)),
        _ => (None, None),
    };
    let asked: Vec<String> = payment.asked.iter().map(|asked| asked.id.0.clone()).collect();
    sqlx::query!(
        r#"
        insert into repayment (
            payment_id, loan_id, org_id, number, channel, purpose, instalment, amount, state, utr, value_date, payment,
            asked_ids, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $14, $13, $13)
        on conflict (payment_id) do update
        set state = excluded.state,
            amount = excluded.amount,
            utr = coalesce(excluded.utr, repayment.utr),
            value_date = coalesce(excluded.value_date, repayment.value_date),
            payment = excluded.payment,
            -- An older version of the program, beside this one, forgets them in the payment.
            asked_ids = coalesce(nullif(excluded.asked_ids, '{}'), repayment.asked_ids),
            updated_at = excluded.updated_at
        "#,
        payment.id.as_str(),
        loan.as_str(),
        org_id.as_str(),
        i32::try_from(payment.number).unwrap_or(i32::MAX),
        payment.channel.name(),
        purpose_name(payment.purpose),
        payment.instalment.and_then(|number| i32::try_from(number).ok()),
        payment.amount.0,
        payment.state.name(),
        utr,
        value_date,
        sealed,
        now,
        &asked,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A payment of a loan by its id or the LSP's own, or its latest one.
///
/// # Errors
/// When the database fails or the row cannot be opened.
pub async fn find(
    conn: &mut PgConnection,
    sealer: &Sealer,
    loan: &LoanId,
    id: Option<&PaymentId>,
) -> Result<Option<Payment>, StoreError> {
    let row = sqlx::query!(
        r#"
        select payment_id, payment
        from repayment
        where loan_id = $1
        and ($2::text is null or payment_id = $2 or $2 = any(asked_ids))
        order by payment_id = $2 desc, number desc
        limit 1
        "#,
        loan.as_str(),
        id.map(PaymentId::as_str),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| Ok(sealer.open_json(&context(&row.payment_id), &row.payment)?)).transpose()
}

/// Writes anew what a credited payment settled. One that is not stored as credited is written by who credits it.
///
/// # Errors
/// When the database fails or the row cannot be opened.
pub async fn resplit(
    conn: &mut PgConnection,
    sealer: &Sealer,
    loan: &LoanId,
    (id, new): (&PaymentId, Split),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let Some(mut payment) = find(conn, sealer, loan, Some(id)).await? else { return Ok(()) };
    let PaymentState::Settled { split, .. } = &mut payment.state else { return Ok(()) };
    if *split == new {
        return Ok(());
    }
    *split = new;
    let sealed = sealer.seal_json(&context(id.as_str()), &payment)?;
    sqlx::query!("update repayment set payment = $2, updated_at = $3 where payment_id = $1", id.as_str(), sealed, now,)
        .execute(conn)
        .await?;
    Ok(())
}

/// Whether a loan was credited with a bank's reference before, and the money has not come back since.
///
/// # Errors
/// When the database fails.
pub async fn is_credited(conn: &mut PgConnection, loan: &LoanId, utr: &str) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        r#"
        select exists (
            select from repayment
            where loan_id = $1
            and state = 'SETTLED'
            and upper(btrim(utr)) = upper(btrim($2))
        ) as "found!"
        "#,
        loan.as_str(),
        utr,
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// Whether the money that a payment is told to have brought stands in the book: under the payment itself, or entered by
/// hand. Another payment with the same reference says nothing: aggregators settle several in one transfer.
///
/// # Errors
/// When the database fails.
pub async fn is_booked(
    conn: &mut PgConnection,
    loan: &LoanId,
    (payment, utr): (&PaymentId, &str),
) -> Result<bool, StoreError> {
    let found = sqlx::query_scalar!(
        r#"
        select exists (
            select from repayment
            where loan_id = $1
            and state = 'SETTLED'
            and upper(btrim(utr)) = upper(btrim($2))
            and (channel = 'MANUAL' or payment_id = $3)
        ) as "found!"
        "#,
        loan.as_str(),
        utr,
        payment.as_str(),
    )
    .fetch_one(conn)
    .await?;
    Ok(found)
}

/// All payments of a loan, oldest first.
///
/// # Errors
/// When the database fails or a row cannot be opened.
pub async fn all(
    conn: &mut PgConnection,
    sealer: &Sealer,
    loan: &LoanId,
    limit: i64,
) -> Result<Vec<Payment>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select payment_id, payment
        from repayment
        where loan_id = $1
        order by number
        limit $2
        "#,
        loan.as_str(),
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| Ok(sealer.open_json(&context(&row.payment_id), &row.payment)?)).collect()
}
