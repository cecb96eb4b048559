//! Sending the outbox: streams are leased in batches and settled under a fence (design §6).
//!
//! A lease is in the database's time, and an expired one is the crash recovery. Within it only the head of the
//! stream is tried, so callbacks of one stream leave in order.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use uuid::Uuid;

use crate::lsp::StoredSettings;

/// Leases due streams, the longest waiting first; those of the LSPs in `busy` are left for later.
///
/// # Errors
/// When the database fails.
pub async fn lease(
    conn: &mut PgConnection,
    lease_id: Uuid,
    now: DateTime<Utc>,
    busy: &[String],
    limit: i64,
) -> Result<Vec<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        // Skipping locked rows keeps replicas from waiting for each other.
        "with due as (
            select stream_id
            from stream
            where pending > 0
            and due_at <= $2
            and (leased_until is null or leased_until < now())
            and org_id <> all($3)
            order by due_at
            limit $4
            for update skip locked
        )
        update stream
        set lease_id = $1,
            leased_until = now() + interval '20 seconds'
        from due
        where stream.stream_id = due.stream_id
        returning stream.stream_id",
        lease_id,
        now,
        busy,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// The callback that a leased stream is to send next, with what delivery needs to know about its LSP.
#[derive(Debug)]
pub struct Head {
    /// Its stream.
    pub stream_id: Uuid,
    /// Its id.
    pub callback_id: Uuid,
    /// Whom it goes to.
    pub org_id: String,
    /// Operation name.
    pub operation: String,
    /// Answer path.
    pub path: String,
    /// The `requestId` in the body.
    pub request_id: String,
    /// `metadata.version`.
    pub version: String,
    /// `metadata.traceId`.
    pub trace_id: String,
    /// The body without metadata, sealed in [`body_context`](super::outbox::body_context).
    pub sealed_body: Vec<u8>,
    /// Whether the request was signed.
    pub signed: bool,
    /// Whether the request had its header under `protected`.
    pub protected_member: bool,
    /// Tries since it was queued.
    pub attempts: i32,
    /// First failure since it was queued.
    pub first_failed_at: Option<DateTime<Utc>>,
    /// Where the LSP listens.
    pub callback_base_url: String,
    /// The LSP's switches.
    pub settings: Json<StoredSettings>,
    /// Whether the LSP has a key that is not revoked.
    pub has_key: bool,
    /// Business time of its decision.
    pub created_at: DateTime<Utc>,
    /// W3C trace id of its exchange.
    pub trace: Uuid,
}

/// The heads of leased streams: in each the first due callback that no earlier one holds back.
///
/// An earlier pending callback holds later ones back until it has been failing for ten minutes.
///
/// # Errors
/// When the database fails.
pub async fn heads(conn: &mut PgConnection, streams: &[Uuid], now: DateTime<Utc>) -> Result<Vec<Head>, sqlx::Error> {
    sqlx::query_as!(
        Head,
        r#"select
            head.stream_id, head.callback_id, head.org_id, head.operation, head.path, head.version, head.trace_id,
            head.request_id, head.created_at,
            coalesce(head.w3c_trace_id, head.exchange_id, head.callback_id) as "trace!",
            head.body as sealed_body, head.signed, head.protected_member, head.attempts, head.first_failed_at,
            lsp.callback_base_url,
            lsp.settings as "settings: Json<StoredSettings>",
            exists (
                select from lsp_key
                where lsp_key.org_id = lsp.org_id
                and lsp_key.revoked_at is null
            ) as "has_key!"
        from unnest($1::uuid[]) as leased (stream_id)
        cross join lateral (
            select callback.*
            from callback
            where callback.stream_id = leased.stream_id
            and callback.state = 'PENDING'
            and callback.due_at <= $2
            and not exists (
                select from callback earlier
                where earlier.stream_id = leased.stream_id
                and earlier.state = 'PENDING'
                and earlier.seq < callback.seq
                and (earlier.first_failed_at is null or earlier.first_failed_at > $2 - interval '10 minutes')
            )
            order by callback.seq
            limit 1
        ) head
        join lsp on lsp.org_id = head.org_id"#,
        streams,
        now,
    )
    .fetch_all(conn)
    .await
}

/// Of the given leases those that still hold, each a stream with its lease; the streams are locked until commit.
///
/// # Errors
/// When the database fails.
pub async fn lock_held(
    conn: &mut PgConnection,
    streams: &[Uuid],
    leases: &[Uuid],
) -> Result<Vec<(Uuid, Uuid)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select stream.stream_id, held.lease_id as "lease_id!"
        from stream
        join unnest($1::uuid[], $2::uuid[]) as held (stream_id, lease_id)
            on stream.stream_id = held.stream_id
            and stream.lease_id = held.lease_id
        order by stream.stream_id
        for update of stream"#,
        streams,
        leases,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.stream_id, row.lease_id)).collect())
}

/// One attempt with what follows from it.
#[derive(Debug, Clone)]
pub struct Settlement {
    /// The stream.
    pub stream_id: Uuid,
    /// The lease under which the attempt was made.
    pub lease_id: Uuid,
    /// The callback.
    pub callback_id: Uuid,
    /// Which try since it was queued, from 1.
    pub attempt: i32,
    /// Business time at which it began.
    pub started_at: DateTime<Utc>,
    /// What was put onto the frozen body; nothing where no message could be made.
    pub sent: Option<Sent>,
    /// How long it took.
    pub duration_ms: i32,
    /// HTTP status, when there was an answer.
    pub status: Option<i32>,
    /// Why it does not count as delivered.
    pub error: Option<String>,
    /// What the LSP answered, sealed in [`answer_context`](super::outbox::answer_context).
    pub sealed_answer: Option<Vec<u8>>,
    /// What becomes of the callback.
    pub fate: Fate,
}

/// What an attempt puts onto the frozen body: with the body, all of the bytes that an LSP was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// `metadata.timestamp`, by the wall clock.
    pub at: DateTime<Utc>,
    /// Of a signed message.
    pub signature: Option<Signature>,
}

/// How a message was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The key of ours.
    pub kid: String,
    /// The member that carries the protected header.
    pub header_member: &'static str,
    /// The signature.
    pub bytes: Vec<u8>,
}

/// What becomes of a callback after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// The LSP acknowledged it.
    Delivered {
        /// When.
        at: DateTime<Utc>,
    },
    /// To be tried again.
    Retry {
        /// Not before.
        due_at: DateTime<Utc>,
        /// Since when it fails.
        first_failed_at: DateTime<Utc>,
    },
    /// Given up; an operator sees it.
    Parked {
        /// Why.
        reason: String,
    },
}

impl Fate {
    /// The word stored in `callback.state`.
    #[must_use]
    pub fn state(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "DELIVERED",
            Self::Retry { .. } => "PENDING",
            Self::Parked { .. } => "PARKED",
        }
    }
}

/// A stream after its attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Next {
    /// Which.
    pub stream_id: Uuid,
    /// Whether it is still leased, because its next callback is due already.
    pub kept: bool,
}

/// Records attempts and what became of their callbacks. The caller holds the streams by [`lock_held`].
///
/// Gives the callbacks that an operator wanted sent again while they were tried: a failure is recorded and has no
/// consequence, because they are due with a fresh schedule.
///
/// # Errors
/// When the database fails.
pub async fn record(conn: &mut PgConnection, settled: &[Settlement]) -> Result<Vec<Uuid>, sqlx::Error> {
    let columns = Columns::of(settled);
    sqlx::query_scalar!(
        r#"with outcome as (
            select *
            from unnest(
                $1::uuid[], $2::int[], $3::text[], $4::timestamptz[], $5::timestamptz[], $6::timestamptz[], $7::text[],
                $8::timestamptz[], $9::int[], $10::int[], $11::text[], $12::bytea[],
                $13::timestamptz[], $14::text[], $15::text[], $16::bytea[])
            as outcome (
                callback_id, attempt, state, due_at, first_failed_at, delivered_at, parked_reason,
                started_at, duration_ms, status, error, answer,
                sent_at, kid, header_member, signature)
        ), tried as (
            insert into attempt (
                callback_id, attempt, started_at, duration_ms, status, error, answer,
                sent_at, kid, header_member, signature)
            select
                callback_id, attempt, started_at, duration_ms, status, error, answer,
                sent_at, kid, header_member, signature
            from outcome
        ), moved as (
            update callback
            set state = outcome.state,
                attempts = outcome.attempt,
                due_at = coalesce(outcome.due_at, callback.due_at),
                first_failed_at = coalesce(outcome.first_failed_at, callback.first_failed_at),
                delivered_at = outcome.delivered_at,
                parked_reason = outcome.parked_reason
            from outcome
            where callback.callback_id = outcome.callback_id
            and (outcome.state = 'DELIVERED' or callback.attempts = outcome.attempt - 1)
            returning callback.callback_id
        )
        select callback_id as "callback_id!"
        from outcome
        where callback_id not in (select callback_id from moved)"#,
        &columns.callbacks,
        &columns.attempts,
        &columns.states,
        &columns.due as &[Option<DateTime<Utc>>],
        &columns.first_failed as &[Option<DateTime<Utc>>],
        &columns.delivered as &[Option<DateTime<Utc>>],
        &columns.parked as &[Option<String>],
        &columns.started,
        &columns.durations,
        &columns.statuses as &[Option<i32>],
        &columns.errors as &[Option<String>],
        &columns.answers as &[Option<Vec<u8>>],
        &columns.sent as &[Option<DateTime<Utc>>],
        &columns.kids as &[Option<String>],
        &columns.members as &[Option<&str>],
        &columns.signatures as &[Option<Vec<u8>>],
    )
    .fetch_all(conn)
    .await
}

/// Settlements as one array per column, the form in which one statement takes them all.
#[derive(Default)]
struct Columns {
    callbacks: Vec<Uuid>,
    attempts: Vec<i32>,
    states: Vec<String>,
    due: Vec<Option<DateTime<Utc>>>,
    first_failed: Vec<Option<DateTime<Utc>>>,
    delivered: Vec<Option<DateTime<Utc>>>,
    parked: Vec<Option<String>>,
    started: Vec<DateTime<Utc>>,
    durations: Vec<i32>,
    statuses: Vec<Option<i32>>,
    errors: Vec<Option<String>>,
    answers: Vec<Option<Vec<u8>>>,
    sent: Vec<Option<DateTime<Utc>>>,
    kids: Vec<Option<String>>,
    members: Vec<Option<&'static str>>,
    signatures: Vec<Option<Vec<u8>>>,
}

impl Columns {
    fn of(settled: &[Settlement]) -> Self {
        let mut columns = Self::default();
        for one in settled {
            columns.callbacks.push(one.callback_id);
            columns.attempts.push(one.attempt);
            columns.states.push(one.fate.state().to_owned());
            columns.push_fate(&one.fate);
            columns.started.push(one.started_at);
            columns.durations.push(one.duration_ms);
            columns.statuses.push(one.status);
            columns.errors.push(one.error.clone());
            columns.answers.push(one.sealed_answer.clone());
            columns.sent.push(one.sent.as_ref().map(|sent| sent.at));
            let signature = one.sent.as_ref().and_then(|sent| sent.signature.as_ref());
            columns.kids.push(signature.map(|signature| signature.kid.clone()));
            columns.members.push(signature.map(|signature| signature.header_member));
            columns.signatures.push(signature.map(|signature| signature.bytes.clone()));
        }
        columns
    }

    fn push_fate(&mut self, fate: &Fate) {
        let (due, first_failed, delivered, parked) = match fate {
            Fate::Delivered { at } => (None, None, Some(*at), None),
            Fate::Retry { due_at, first_failed_at } => (Some(*due_at), Some(*first_failed_at), None, None),
            Fate::Parked { reason } => (None, None, None, Some(reason.clone())),
        };
        self.due.push(due);
        self.first_failed.push(first_failed);
        self.delivered.push(delivered);
        self.parked.push(parked);
    }
}

/// How a stream goes on after its attempt.
#[derive(Debug, Clone, Copy)]
pub struct Step {
    /// The stream.
    pub stream_id: Uuid,
    /// Whether a callback left the queue, delivered or parked.
    pub done: bool,
    /// Keep the lease if the next callback is due; otherwise the lease ends.
    pub go_on: bool,
}

/// Brings streams up to date after [`record`]: what is pending, when the next callback is due, who holds the lease.
///
/// # Errors
/// When the database fails.
pub async fn advance(conn: &mut PgConnection, steps: &[Step], now: DateTime<Utc>) -> Result<Vec<Next>, sqlx::Error> {
    let streams: Vec<Uuid> = steps.iter().map(|step| step.stream_id).collect();
    let done: Vec<i32> = steps.iter().map(|step| i32::from(step.done)).collect();
    let go_on: Vec<bool> = steps.iter().map(|step| step.go_on).collect();
    sqlx::query_as!(
        Next,
        // A callback may leave when it is due and every earlier pending one has been failing for ten minutes.
        r#"update stream
        set pending = pending - step.done,
            due_at = coalesce(next.due_at, stream.due_at),
            lease_id = case when step.go_on and next.due_at <= $4 then lease_id end,
            leased_until = case when step.go_on and next.due_at <= $4 then now() + interval '20 seconds' end
        from unnest($1::uuid[], $2::int[], $3::bool[]) as step (stream_id, done, go_on)
        cross join lateral (
            select min(greatest(waiting.due_at, waiting.gate)) as due_at
            from (
                select
                    due_at,
                    max(coalesce(first_failed_at + interval '10 minutes', 'infinity')) over (
                        order by seq
                        rows between unbounded preceding and 1 preceding
                    ) as gate
                from callback
                where callback.stream_id = step.stream_id
                and callback.state = 'PENDING'
            ) waiting
        ) next
        where stream.stream_id = step.stream_id
        returning stream.stream_id, lease_id is not null as "kept!""#,
        &streams,
        &done,
        &go_on,
        now,
    )
    .fetch_all(conn)
    .await
}

/// Wakes whoever listens on `channel`, in every replica.
///
/// # Errors
/// When the database fails.
pub async fn call(conn: &mut PgConnection, channel: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("select pg_notify($1, '')", channel).execute(conn).await?;
    Ok(())
}
