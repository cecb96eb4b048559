//! Asks from outside the worker: a later answer that comes by itself, and what an operator does about a stuck one.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

use super::StoreError;
use super::ask::{BY_HAND, CONTRADICTED, Detail, GIVEN_UP, Leased, MISTAKEN, UNCLAIMED, WITHHELD, context};
use crate::seal::{Sealer, is_erased};

/// What a question is, whoever works on it; none when there is no such row, or what it asked was erased since.
///
/// # Errors
/// When the database fails or the row cannot be opened.
pub async fn detail(conn: &mut PgConnection, sealer: &Sealer, id: Uuid) -> Result<Option<Detail>, StoreError> {
    let sealed = sqlx::query_scalar!(
        r#"
        select detail
        from ask
        where ask_id = $1
        "#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    sealed.filter(|sealed| !is_erased(sealed)).map(|sealed| Ok(sealer.open_json(&context(id), &sealed)?)).transpose()
}

/// Takes a question over for an answer that came by itself: whoever asks it at the same time has lost the lease and
/// applies nothing. None when its outcome is applied already, or a person has to look at what it said. Spends no try.
///
/// # Errors
/// When the database fails or the row cannot be opened.
pub async fn take_over(
    conn: &mut PgConnection,
    sealer: &Sealer,
    id: Uuid,
    lease_id: Uuid,
) -> Result<Option<Leased>, StoreError> {
    let row = sqlx::query!(
        r#"
        update ask
        set lease_id = $2,
            leased_until = now() + interval '20 seconds'
        where ask_id = $1
        and state in ('OPEN', 'SENDING', 'STUCK')
        and (state <> 'STUCK' or outcome <> all($3))
        returning
            state, detail, tries, reference, created_at, asked_since, org_id, renewed,
            coalesce(
                (
                    select coalesce(exchange.w3c_trace_id, exchange.exchange_id)
                    from exchange
                    where exchange.exchange_id = ask.exchange_id
                ),
                ask.ask_id) as "trace!"
        "#,
        id,
        lease_id,
        &LEFT_TO_PEOPLE.map(str::to_owned),
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Leased {
            id,
            lease_id,
            detail: sealer.open_json(&context(id), &row.detail)?,
            tries: row.tries,
            may_have_left: row.state == "SENDING",
            reference: row.reference,
            created_at: row.created_at,
            asked_since: row.asked_since,
            org_id: row.org_id,
            trace: row.trace,
            renewed: row.renewed,
        })
    })
    .transpose()
}

/// Reasons for which a question stays with an operator whatever its system says next, and is not asked again.
const LEFT_TO_PEOPLE: [&str; 4] = [UNCLAIMED, CONTRADICTED, WITHHELD, BY_HAND];

/// Leaves a question that has its outcome to an operator: what came afterwards contradicts it. False when it is with one
/// already.
///
/// # Errors
/// When the database fails.
pub async fn call_operator(
    conn: &mut PgConnection,
    id: Uuid,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let updated = sqlx::query!(
        r#"
        update ask
        set state = 'STUCK',
            outcome = $2,
            closed_at = $3
        where ask_id = $1
        and (state = 'CLOSED' or state = 'STUCK' and outcome = $4 and $2 <> $4)
        "#,
        id,
        reason,
        now,
        UNCLAIMED,
    )
    .execute(conn)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Asks a stuck question again, with all its tries, and all the time that they take, before it: under another key where its adapter had refused the call,
/// whose answer it may keep under the first one. Money that may have left is only asked about. False when it is not
/// stuck, or is one that people end: what its system says next would only hide it.
///
/// # Errors
/// When the database fails.
pub async fn retry(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let updated = sqlx::query!(
        r#"
        update ask
        set state = case when method in ('pay', 'present') then 'SENDING' else 'OPEN' end,
            tries = 0,
            asked_since = null,
            renewed = renewed + case when outcome = $3 then 1 else 0 end,
            due_at = $2,
            outcome = case when outcome = $5 then outcome end,
            closed_at = null
        where ask_id = $1
        and state = 'STUCK'
        and (outcome is null or outcome <> all($4))
        "#,
        id,
        now,
        MISTAKEN,
        &LEFT_TO_PEOPLE.map(str::to_owned),
        GIVEN_UP,
    )
    .execute(conn)
    .await?;
    Ok(updated.rows_affected() == 1)
}

/// Closes a stuck question that nothing waits for. False when it is not stuck, or when something waits for its answer.
///
/// # Errors
/// When the database fails.
pub async fn close(conn: &mut PgConnection, id: Uuid, now: DateTime<Utc>) -> Result<bool, StoreError> {
    let found = sqlx::query!(
        r#"
        select port, method, outcome
        from ask
        where ask_id = $1
        and state = 'STUCK'
        for update
        "#,
        id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    if !found.is_some_and(|ask| may_be_closed(&ask.port, &ask.method, ask.outcome.as_deref())) {
        return Ok(false);
    }
    sqlx::query!(
        r#"
        update ask
        set state = 'CLOSED',
            outcome = 'closed by hand',
            closed_at = $2
        where ask_id = $1
        "#,
        id,
        now,
    )
    .execute(conn)
    .await?;
    Ok(true)
}

/// Whether a stuck question may be asked again: not one that people end, by an act or by closing it.
pub(super) fn may_be_retried(reason: Option<&str>) -> bool {
    !reason.is_some_and(|reason| LEFT_TO_PEOPLE.contains(&reason))
}

/// Whether nothing waits for a stuck question: a notice, something to be undone, money that was dealt with by hand, or
/// an order that was given up and that its system never answered for.
pub(super) fn may_be_closed(port: &str, method: &str, reason: Option<&str>) -> bool {
    let waits_for_nothing = [("notifier", "send"), ("collections", "cancel"), ("data", "consent-revoke")];
    matches!(reason, Some(UNCLAIMED | BY_HAND | GIVEN_UP)) || waits_for_nothing.contains(&(port, method))
}
