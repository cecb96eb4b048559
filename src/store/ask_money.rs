//! Money questions by the key that the bank knows them by.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use super::ask::{Detail, WITHHELD, context};
use crate::domain::ids::ApplicationId;
use crate::seal::Sealer;

/// Locks the money questions of an application that have not ended, and gives those with a bank key.
async fn locked(
    conn: &mut PgConnection,
    sealer: &Sealer,
    application: ApplicationId,
    bank_key: &str,
) -> Result<Vec<Uuid>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select ask_id, detail
        from ask
        where application_id = $1
        and state in ('OPEN', 'SENDING', 'STUCK')
        and method in ('pay', 'present')
        order by ask_id
        for update
        "#,
        application.0,
    )
    .fetch_all(conn)
    .await?;
    let mut found = Vec::new();
    for row in rows {
        let detail: Detail = sealer.open_json(&context(row.ask_id), &row.detail)?;
        if let Detail::Ask(new) = detail
            && new.ask.money_key() == Some(bank_key)
        {
            found.push(row.ask_id);
        }
    }
    Ok(found)
}

/// Ends the money questions with a bank key that was answered by hand.
///
/// # Errors
/// When the database fails or a question cannot be opened.
pub async fn close(
    conn: &mut PgConnection,
    sealer: &Sealer,
    application: ApplicationId,
    bank_key: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ids = locked(conn, sealer, application, bank_key).await?;
    sqlx::query!(
        r#"
        update ask
        set state = 'CLOSED',
            outcome = 'answered by hand',
            closed_at = $2,
            lease_id = null,
            leased_until = null
        where ask_id = any($1)
        "#,
        &ids,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps an order with a bank key back that has not left, until a person has looked. One that may have left is asked
/// about as before.
///
/// # Errors
/// When the database fails or a question cannot be opened.
pub async fn withhold(
    conn: &mut PgConnection,
    sealer: &Sealer,
    application: ApplicationId,
    bank_key: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ids = locked(conn, sealer, application, bank_key).await?;
    sqlx::query!(
        r#"
        update ask
        set state = 'STUCK',
            outcome = $2,
            closed_at = $3
        where ask_id = any($1)
        and state = 'OPEN'
        "#,
        &ids,
        WITHHELD,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Lets an order leave that was kept back.
///
/// # Errors
/// When the database fails or a question cannot be opened.
pub async fn let_go(
    conn: &mut PgConnection,
    sealer: &Sealer,
    application: ApplicationId,
    bank_key: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ids = locked(conn, sealer, application, bank_key).await?;
    sqlx::query!(
        r#"
        update ask
        set state = 'OPEN',
            outcome = null,
            closed_at = null,
            due_at = $3
        where ask_id = any($1)
        and state = 'STUCK'
        and outcome = $2
        "#,
        &ids,
        WITHHELD,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends an order with a bank key that is not needed any more, if it has not left. One that may have left is asked about
/// as before: what comes of it is news.
///
/// # Errors
/// When the database fails or a question cannot be opened.
pub async fn give_up(
    conn: &mut PgConnection,
    sealer: &Sealer,
    application: ApplicationId,
    bank_key: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let ids = locked(conn, sealer, application, bank_key).await?;
    sqlx::query!(
        r#"
        update ask
        set state = 'CLOSED',
            outcome = 'not needed any more',
            closed_at = $3
        where ask_id = any($1)
        and (state = 'OPEN' or state = 'STUCK' and outcome = $2)
        "#,
        &ids,
        WITHHELD,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
