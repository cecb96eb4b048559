//! Money orders by the key that the bank knows them by.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use super::ask::{CONTRADICTED, Detail, GIVEN_UP, WITHHELD, context};
use crate::domain::application::decision::OrderFate;
use crate::domain::ids::ApplicationId;
use crate::seal::Sealer;

/// States of a question that has not ended.
const STANDING: [&str; 3] = ["OPEN", "SENDING", "STUCK"];

/// Locks the money questions of an application in some states, and gives those with a bank key.
async fn locked(
    conn: &mut PgConnection,
    sealer: &Sealer,
    (application, bank_key): (ApplicationId, &str),
    states: &[&str],
) -> Result<Vec<Uuid>, StoreError> {
    let states: Vec<String> = states.iter().map(|state| (*state).to_owned()).collect();
    let rows = sqlx::query!(
        r#"
        select ask_id, detail
        from ask
        where application_id = $1
        and state = any($2)
        and method in ('pay', 'present')
        and get_byte(detail, 0) <> 0
        order by ask_id
        for update
        "#,
        application.0,
        &states,
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

/// Bank keys of an application's money orders that have not ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// About which their system is being asked, or will be by itself.
    pub under_way: Vec<String>,
    /// That wait for a person, because their system never answered.
    pub unanswered: Vec<String>,
}

/// Money orders of an application that have not ended. Their questions are locked, so that none gets under way
/// meanwhile.
///
/// # Errors
/// When the database fails or a question cannot be opened.
pub async fn standing(
    conn: &mut PgConnection,
    sealer: &Sealer,
    application: ApplicationId,
) -> Result<Standing, StoreError> {
    let rows = sqlx::query!(
        r#"
        select ask_id, state, detail
        from ask
        where application_id = $1
        and state in ('OPEN', 'SENDING', 'STUCK')
        and method in ('pay', 'present')
        and get_byte(detail, 0) <> 0
        order by ask_id
        for update
        "#,
        application.0,
    )
    .fetch_all(conn)
    .await?;
    let mut standing = Standing::default();
    for row in rows {
        let detail: Detail = sealer.open_json(&context(row.ask_id), &row.detail)?;
        if let Detail::Ask(new) = detail
            && let Some(key) = new.ask.money_key()
        {
            let keys = if row.state == "STUCK" { &mut standing.unanswered } else { &mut standing.under_way };
            keys.push(key.to_owned());
        }
    }
    Ok(standing)
}

/// Does with the money orders of an application that have a bank key what was decided.
///
/// # Errors
/// When the database fails or a question cannot be opened.
pub async fn carry_out(
    conn: &mut PgConnection,
    sealer: &Sealer,
    (application, fate, bank_key): (ApplicationId, OrderFate, &str),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let states: &[&str] = if fate == OrderFate::InQuestion { &["CLOSED", "STUCK"] } else { &STANDING };
    let ids = locked(conn, sealer, (application, bank_key), states).await?;
    match fate {
        OrderFate::InQuestion => question(conn, &ids, now).await,
        OrderFate::Answered => end(conn, &ids, ("answered by hand", true), now).await,
        OrderFate::GivenUp => end(conn, &ids, (GIVEN_UP, false), now).await,
        OrderFate::Withheld => withhold(conn, &ids, now).await,
        OrderFate::LetGo => let_go(conn, &ids, now).await,
    }
}

/// Leaves ended orders to an operator.
async fn question(conn: &mut PgConnection, ids: &[Uuid], now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update ask
        set state = 'STUCK',
            outcome = $2,
            closed_at = $3
        where ask_id = any($1)
        "#,
        ids,
        CONTRADICTED,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends orders; those that may have left only where that is said. One that is being sent just now, and is put back
/// unsent, ends when it is.
async fn end(
    conn: &mut PgConnection,
    ids: &[Uuid],
    (outcome, may_have_left): (&str, bool),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update ask
        set state = case when $4 or state <> 'SENDING' then 'CLOSED' else state end,
            outcome = $2,
            closed_at = case when $4 or state <> 'SENDING' then $3 else closed_at end,
            lease_id = case when $4 or state <> 'SENDING' then null else lease_id end,
            leased_until = case when $4 or state <> 'SENDING' then null else leased_until end
        where ask_id = any($1)
        and ($4 or state in ('OPEN', 'SENDING') or state = 'STUCK' and outcome = $5)
        "#,
        ids,
        outcome,
        now,
        may_have_left,
        WITHHELD,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One that is being sent just now is marked: put back unsent, it is withheld then.
async fn withhold(conn: &mut PgConnection, ids: &[Uuid], now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update ask
        set state = case state when 'OPEN' then 'STUCK' else state end,
            outcome = $2,
            closed_at = case state when 'OPEN' then $3 else closed_at end
        where ask_id = any($1)
        and state in ('OPEN', 'SENDING')
        "#,
        ids,
        WITHHELD,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn let_go(conn: &mut PgConnection, ids: &[Uuid], now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update ask
        set state = case state when 'STUCK' then 'OPEN' else state end,
            outcome = null,
            closed_at = null,
            due_at = case state when 'STUCK' then $3 else due_at end
        where ask_id = any($1)
        and state in ('SENDING', 'STUCK')
        and outcome = $2
        "#,
        ids,
        WITHHELD,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
