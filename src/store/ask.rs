//! Asks and timers: what comes back later. An expired lease is the crash recovery.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, one_row};
use crate::domain::application::ask::NewAsk;
use crate::domain::application::timer::NewTimer;
use crate::domain::ids::ApplicationId;
use crate::seal::{SealError, Sealer};

/// The reason stored with a stuck question when its adapter refused the call, rather than the system behind the
/// adapter.
pub const MISTAKEN: &str = "the adapter refused the call";

/// Why a question is stuck that has heard of money which nothing waits for any more.
pub const UNCLAIMED: &str = "money came that nothing waits for";
/// Why a payout's question is stuck of which the bank has told two things; the act `RESOLVE_PAYOUT` ends it.
pub const CONTRADICTED: &str = "paid after the bank had said that it was not: resolve the payout";
/// Why a payout's question is stuck of which the bank said that it was paid, and then that it was not. It may be asked
/// again: what the bank says then counts.
pub const RETRACTED: &str = "refused after the bank had said that it was paid: see the bank's file";
/// Why an order is stuck that must not leave before it is known what became of an earlier one.
pub const WITHHELD: &str = "an earlier try may have been paid: resolve the payout";
/// How an order ends that is not needed any more.
pub const GIVEN_UP: &str = "not needed any more";
/// Why a question is stuck whose money a person has entered before its own system told of it.
pub const BY_HAND: &str = "credited by hand already";

/// Port name of a timer's row.
pub const TIMER: &str = "timer";

/// What a row holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Detail {
    /// A question to a lender's system.
    Ask(NewAsk),
    /// Something that happens by itself.
    Timer(NewTimer),
}

impl Detail {
    pub(super) fn application(&self) -> Option<ApplicationId> {
        match self {
            Self::Ask(ask) => ask.targets.first().map(|(id, _)| *id),
            Self::Timer(timer) => Some(timer.application),
        }
    }

    pub(super) fn port(&self) -> (&'static str, &'static str) {
        match self {
            Self::Ask(ask) => (ask.ask.port(), ask.ask.method()),
            Self::Timer(_) => (TIMER, TIMER),
        }
    }
}

/// A row whose lease this process holds.
#[derive(Debug, Clone)]
pub struct Leased {
    /// Ours.
    pub id: Uuid,
    /// What fences its settlement.
    pub lease_id: Uuid,
    /// The question or timer.
    pub detail: Detail,
    /// How often it was leased, this time included.
    pub tries: i32,
    /// A money call that may have left before: only its status may be asked.
    pub may_have_left: bool,
    /// The other system's reference, when it was pending.
    pub reference: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Since when it has been asked before this time; none when this is the first time, or the first time after a person
    /// has had it asked again.
    pub asked_since: Option<DateTime<Utc>>,
    /// Whose application it is about.
    pub org_id: String,
    /// W3C trace id of the exchange that it came out of; its own id when it came out of none.
    pub trace: Uuid,
    /// How often it was asked anew under another key, after its adapter had refused the call.
    pub renewed: i32,
}

/// Ties a sealed question to its row.
pub(super) fn context(id: Uuid) -> String {
    format!("ask:{}", id.simple())
}

/// A question or timer as its row keeps it.
pub(super) fn seal(sealer: &Sealer, id: Uuid, detail: &Detail) -> Result<Vec<u8>, StoreError> {
    Ok(sealer.seal_json(&context(id), detail)?)
}

/// Leases due rows of this process's share, but none of the `held` ports. A money call is noted as `SENDING` before it
/// can leave, and whoever leases it again is told that it may have left.
///
/// # Errors
/// When the database fails or a row cannot be opened.
pub async fn lease(
    conn: &mut PgConnection,
    sealer: &Sealer,
    lease_id: Uuid,
    (limit, held): (i64, &[String]),
    now: DateTime<Utc>,
) -> Result<Vec<Leased>, StoreError> {
    let rows = sqlx::query!(
        r#"
        with due as (
            select ask_id, state as was, asked_since as since
            from ask
            where due_at <= $1
            and state in ('OPEN', 'SENDING')
            and (leased_until is null or leased_until < now())
            and port <> all($4)
            order by due_at
            limit $2
            for update skip locked
        )
        update ask
        set lease_id = $3,
            leased_until = now() + interval '20 seconds',
            tries = tries + 1,
            state = case when method in ('pay', 'present') then 'SENDING' else state end,
            asked_since = coalesce(asked_since, $1),
            held = false
        from due
        where ask.ask_id = due.ask_id
        returning
            ask.ask_id, was, since, detail, tries, reference, created_at, org_id, renewed,
            coalesce(
                (
                    select coalesce(exchange.w3c_trace_id, exchange.exchange_id)
                    from exchange
                    where exchange.exchange_id = ask.exchange_id
                ),
                ask.ask_id) as "trace!"
        "#,
        now,
        limit,
        lease_id,
        held,
    )
    .fetch_all(conn)
    .await?;
    let mut leased = Vec::with_capacity(rows.len());
    for row in rows {
        let Some(detail) = read(sealer, row.ask_id, &row.detail)? else { continue };
        leased.push(Leased {
            id: row.ask_id,
            lease_id,
            detail,
            tries: row.tries,
            may_have_left: row.was == "SENDING",
            reference: row.reference,
            created_at: row.created_at,
            asked_since: row.since,
            org_id: row.org_id,
            trace: row.trace,
            renewed: row.renewed,
        });
    }
    Ok(leased)
}

/// What a row holds. None for a kind that only a newer version knows: it keeps none of the others waiting, and that
/// version takes it when the lease ends.
fn read(sealer: &Sealer, id: Uuid, sealed: &[u8]) -> Result<Option<Detail>, StoreError> {
    match sealer.open_json(&context(id), sealed) {
        Err(error @ SealError::Json { .. }) => {
            tracing::error!(ask.id = %id, %error, "a question cannot be read");
            Ok(None)
        }
        opened => Ok(Some(opened?)),
    }
}

/// How a leased row goes on.
#[derive(Debug, Clone)]
pub enum Settlement {
    /// Its outcome is applied in this transaction.
    Closed(&'static str),
    /// Again at this time, with the other system's reference.
    Again(DateTime<Utc>, Option<String>),
    /// It was not asked after all: again at this time, as if it had never been leased.
    PutBack(DateTime<Utc>),
    /// An operator must look.
    Stuck(&'static str),
    /// A person decides: it is neither asked again nor given up.
    Referred,
}

/// State, outcome, due time and reference, where they change.
pub(super) type Settled<'a> = (Option<&'static str>, Option<&'static str>, Option<DateTime<Utc>>, Option<&'a str>);

impl Settlement {
    pub(super) fn columns(&self, may_have_left: bool) -> Settled<'_> {
        match self {
            // What never left may still be sent for the first time.
            Self::PutBack(due_at) if !may_have_left => (Some("OPEN"), None, Some(*due_at), None),
            Self::PutBack(due_at) => (None, None, Some(*due_at), None),
            Self::Closed(outcome) => (Some("CLOSED"), Some(*outcome), None, None),
            Self::Again(due_at, reference) => (None, None, Some(*due_at), reference.as_deref()),
            Self::Stuck(outcome) => (Some("STUCK"), Some(*outcome), None, None),
            Self::Referred => (Some("REFERRED"), Some("referred"), None, None),
        }
    }
}

/// Settles a leased row; fenced by the lease, so a stale holder changes nothing. An order that did not leave after all
/// ends here where it was withheld or given up meanwhile (`ask_money`). One that was given up and that nobody ever
/// answers for keeps that reason: a person may close it.
///
/// # Errors
/// [`StoreError::Stale`] when the lease was lost.
pub async fn settle(
    conn: &mut PgConnection,
    leased: &Leased,
    settlement: Settlement,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let is_put_back = matches!(settlement, Settlement::PutBack(_));
    let spent = i32::from(!is_put_back);
    let (state, outcome, due_at, reference) = settlement.columns(leased.may_have_left);
    let updated = sqlx::query!(
        r#"
        update ask
        set state = case
                when $3 = 'OPEN' and outcome = $9 then 'STUCK'
                when $3 = 'OPEN' and outcome = $10 then 'CLOSED'
                else coalesce($3, state)
            end,
            outcome = case when $3 = 'STUCK' and outcome = $10 then outcome else coalesce($4, outcome) end,
            due_at = coalesce($5, due_at),
            reference = coalesce($6, reference),
            closed_at = case
                when $3::text in ('CLOSED', 'STUCK') or $3 = 'OPEN' and outcome in ($9, $10) then $7
                else closed_at
            end,
            tries = tries - 1 + $8,
            asked_since = case when $11 then $12 else asked_since end,
            lease_id = null,
            leased_until = null
        where ask_id = $1
        and lease_id = $2
        "#,
        leased.id,
        leased.lease_id,
        state,
        outcome,
        due_at,
        reference,
        now,
        spent,
        WITHHELD,
        GIVEN_UP,
        is_put_back,
        leased.asked_since,
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "ask")
}

/// Makes the questions of an exchange due now, because its ack has been written.
/// What waits for longer than `hold` waits for something else than the ack, such as a notice's day or its next try, and
/// goes on waiting.
///
/// # Errors
/// When the database fails.
pub async fn release(
    conn: &mut PgConnection,
    exchanges: &[Uuid],
    hold: Duration,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update ask
        set due_at = $2
        where exchange_id = any($1)
        and state = 'OPEN'
        and port <> 'timer'
        and tries = 0
        and due_at > $2
        and due_at <= $3
        "#,
        exchanges,
        now,
        now + hold,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Closes a question that was referred to people: one of them has decided, or nobody needs to any more.
///
/// # Errors
/// When the database fails.
pub async fn close_referred(
    conn: &mut PgConnection,
    id: Uuid,
    outcome: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    // None is touched when an old question was pruned; the decision that fences it is locked.
    sqlx::query!(
        r#"
        update ask
        set state = 'CLOSED',
            outcome = $2,
            closed_at = $3
        where ask_id = $1
        and state = 'REFERRED'
        "#,
        id,
        outcome,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The question that has waited longest of those to be asked by an instant, or being asked, and since when.
///
/// # Errors
/// When the database fails.
pub async fn oldest_due(
    conn: &mut PgConnection,
    by: DateTime<Utc>,
) -> Result<Option<(Uuid, DateTime<Utc>)>, StoreError> {
    let oldest = sqlx::query!(
        r#"
        select ask_id, due_at
        from ask
        where due_at <= $1
        and state in ('OPEN', 'SENDING')
        order by due_at, ask_id
        limit 1
        "#,
        by,
    )
    .fetch_optional(conn)
    .await?;
    Ok(oldest.map(|ask| (ask.ask_id, ask.due_at)))
}

/// Makes the questions what became of the collections of an application due at once. A debit that has not left yet is
/// left alone: it waits for the day after the borrower was told.
///
/// # Errors
/// When the database fails.
pub async fn hasten(conn: &mut PgConnection, application: ApplicationId, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update ask
        set due_at = $2
        where application_id = $1
        and port = 'collections'
        and (method = 'status' and state = 'OPEN' or state = 'SENDING')
        and due_at > $2
        "#,
        application.0,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes the open questions to one port about an application due at once.
///
/// # Errors
/// When the database fails.
pub async fn nudge(
    conn: &mut PgConnection,
    application: ApplicationId,
    port: &str,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        update ask
        set due_at = $3
        where application_id = $1
        and port = $2
        and state in ('OPEN', 'SENDING')
        and due_at > $3
        "#,
        application.0,
        port,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}
