//! The outbox: what is queued for LSPs, and queued again (design §6). [`super::stream`] sends it.
//!
//! Lock order: stream, then its callbacks. A stream's `due_at` is when its next callback may leave (business time).

use chrono::{DateTime, Duration, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// The sealing context of a callback's body.
#[must_use]
pub fn body_context(callback_id: Uuid) -> String {
    format!("callback:{callback_id}")
}

/// The sealing context of what an LSP answered to the `attempt`th try.
#[must_use]
pub fn answer_context(callback_id: Uuid, attempt: i32) -> String {
    format!("attempt:{callback_id}:{attempt}")
}

/// The acks of these exchanges were written: their callbacks may leave now. What waits for longer than `hold` waits for
/// something else than the ack, such as a delay that the sandbox puts in, and goes on waiting.
///
/// # Errors
/// When the database fails; the callbacks then leave at the time they were enqueued for.
pub async fn release(
    conn: &mut PgConnection,
    exchanges: &[Uuid],
    hold: Duration,
    now: DateTime<Utc>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        // Streams are locked first, as everywhere.
        "with held as (
            select stream_id
            from stream
            where stream_id in (select stream_id from callback where exchange_id = any($1) and state = 'PENDING')
            order by stream_id
            for update
        ), freed as (
            update callback
            set due_at = $2
            from held
            where callback.stream_id = held.stream_id
            and callback.exchange_id = any($1)
            and callback.state = 'PENDING'
            and callback.attempts = 0
            and callback.due_at > $2
            and callback.due_at <= $3
            returning callback.stream_id
        )
        update stream
        set due_at = least(due_at, $2)
        from freed
        where stream.stream_id = freed.stream_id",
        exchanges,
        now,
        now + hold,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// News that was told unasked under the request id of an earlier request (`ocen-v3.md` §3.7).
#[derive(Debug, Clone)]
pub struct News {
    /// To whom.
    pub org_id: String,
    /// The request ids of which one was borrowed.
    pub request_ids: Vec<String>,
    /// The operation that the news belongs to.
    pub operation: &'static str,
}

/// The LSP repeated a request: its answer, if it was delivered, is queued once more at the end of its stream, and behind
/// it the latest news of it, so that what the LSP hears last is how things stand.
///
/// Nothing happens while the answer or the news is pending: it comes by itself, in its place, and there is at most one
/// copy. Returns whether one was queued.
///
/// # Errors
/// When the database fails.
pub async fn requeue(
    conn: &mut PgConnection,
    exchange: Uuid,
    news: Option<News>,
    due_at: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    lock_streams_of(conn, exchange).await?;
    let last = sqlx::query!(
        "select callback_id, stream_id, state
        from callback
        where exchange_id = $1
        and erased_at is null
        order by (state = 'PENDING') desc, created_at desc, callback_id desc
        limit 1",
        exchange,
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(last) = last.filter(|last| last.state == "DELIVERED") else { return Ok(false) };
    let news = match news {
        Some(news) => latest_news(conn, last.stream_id, &news).await?,
        None => None,
    };
    if news.as_ref().is_some_and(|(_, state)| state == "PENDING") {
        return Ok(false);
    }
    let queued = again(conn, &[last.stream_id], &[last.callback_id], due_at).await? > 0;
    if let Some((news, _)) = news {
        again(conn, &[last.stream_id], &[news], due_at).await?;
    }
    Ok(queued)
}

/// The latest news in a stream, and its state.
async fn latest_news(
    conn: &mut PgConnection,
    stream_id: Uuid,
    news: &News,
) -> Result<Option<(Uuid, String)>, sqlx::Error> {
    let latest = sqlx::query!(
        "select callback_id, state
        from callback
        where org_id = $1
        and request_id = any($2)
        and operation = $3
        and stream_id = $4
        and exchange_id is null
        and erased_at is null
        order by created_at desc, callback_id desc
        limit 1",
        news.org_id,
        &news.request_ids,
        news.operation,
        stream_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(latest.map(|latest| (latest.callback_id, latest.state)))
}

async fn lock_streams_of(conn: &mut PgConnection, exchange: Uuid) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "select stream_id
        from stream
        where stream_id in (select stream_id from callback where exchange_id = $1)
        order by stream_id
        for update",
        exchange,
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// What became of an operator's wish to send a callback again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redelivery {
    /// It was delivered or parked, and stands at the end of its stream now.
    Queued,
    /// It was pending anyway, and is due now with a fresh schedule.
    Hastened,
    /// Its body was erased, at the end of its retention.
    Erased,
}

/// An operator wants one callback sent again. `None` when there is no such callback.
///
/// # Errors
/// When the database fails.
pub async fn redeliver(
    conn: &mut PgConnection,
    callback_id: Uuid,
    now: DateTime<Utc>,
) -> Result<Option<Redelivery>, sqlx::Error> {
    let Some(stream_id) = lock_stream_of(conn, callback_id).await? else {
        return Ok(None);
    };
    if is_erased(conn, callback_id).await? {
        return Ok(Some(Redelivery::Erased));
    }
    if again(conn, &[stream_id], &[callback_id], now).await? > 0 {
        return Ok(Some(Redelivery::Queued));
    }
    sqlx::query!(
        "with hastened as (
            update callback
            set due_at = $2,
                attempts = 0,
                first_failed_at = null
            where callback_id = $1
            returning stream_id
        )
        update stream
        set due_at = least(due_at, $2)
        from hastened
        where stream.stream_id = hastened.stream_id",
        callback_id,
        now,
    )
    .execute(conn)
    .await?;
    Ok(Some(Redelivery::Hastened))
}

async fn is_erased(conn: &mut PgConnection, callback_id: Uuid) -> Result<bool, sqlx::Error> {
    let erased = sqlx::query_scalar!(
        r#"select erased_at is not null as "erased!" from callback where callback_id = $1 for update"#,
        callback_id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(erased.unwrap_or_default())
}

async fn lock_stream_of(conn: &mut PgConnection, callback_id: Uuid) -> Result<Option<Uuid>, sqlx::Error> {
    sqlx::query_scalar!(
        "select stream_id
        from stream
        where stream_id = (select stream_id from callback where callback_id = $1)
        for update",
        callback_id,
    )
    .fetch_optional(conn)
    .await
}

/// One page of "all since a time": which callbacks of an LSP to send again.
#[derive(Debug, Clone, Copy)]
pub struct Since<'a> {
    /// In this state alone, `DELIVERED` or `PARKED`.
    pub state: Option<&'a str>,
    /// Whose; `None` means everybody's.
    pub org_id: Option<&'a str>,
    /// Decided or delivered at this instant or later.
    pub since: DateTime<Utc>,
    /// Decided at this instant or earlier, so that the pages end.
    pub until: DateTime<Utc>,
    /// Only callbacks after this one; for the first page see [`before_first_since`].
    pub after: Uuid,
    /// At most so many.
    pub limit: i64,
}

/// The place after which the first page of "all since a time" begins, wherever `page` does: what was decided long before
/// may have been delivered since. The last id of all when there is nothing. In a transaction of its own: what has
/// happened since is read as a whole, for which the usual statement timeout may be too short.
///
/// # Errors
/// When the database fails.
pub async fn before_first_since(conn: &mut PgConnection, page: Since<'_>) -> Result<Uuid, sqlx::Error> {
    sqlx::query!("select set_config('statement_timeout', '5min', true)").fetch_one(&mut *conn).await?;
    let first = sqlx::query_scalar!(
        // Not the first by id that fits: looked for in that order, it would be found at the end of all history.
        r#"select min(callback_id::text)::uuid
        from callback
        where (created_at >= $2 or delivered_at >= $2)
        and created_at <= $3
        and state in ('DELIVERED', 'PARKED')
        and ($4::text is null or state = $4)
        and ($1::text is null or org_id = $1)"#,
        page.org_id,
        page.since,
        page.until,
        page.state,
    )
    .fetch_one(conn)
    .await?;
    Ok(first.map_or(Uuid::max(), |first| Uuid::from_u128(first.as_u128().saturating_sub(1))))
}

/// Queues one page of delivered and parked callbacks again, in their old order.
///
/// Returns how many were queued, and the last id that was looked at (`None` when the page was empty).
///
/// # Errors
/// When the database fails.
pub async fn redeliver_since(
    conn: &mut PgConnection,
    page: Since<'_>,
    now: DateTime<Utc>,
) -> Result<(u64, Option<Uuid>), sqlx::Error> {
    let found = sqlx::query!(
        "select callback_id, stream_id
        from callback
        where ($1::text is null or org_id = $1)
        and state in ('DELIVERED', 'PARKED')
        and ($6::text is null or state = $6)
        and (created_at >= $2 or delivered_at >= $2)
        and created_at <= $3
        and callback_id > $4
        order by callback_id
        limit $5",
        page.org_id,
        page.since,
        page.until,
        page.after,
        page.limit,
        page.state,
    )
    .fetch_all(&mut *conn)
    .await?;
    let callbacks: Vec<Uuid> = found.iter().map(|row| row.callback_id).collect();
    let streams: Vec<Uuid> = found.iter().map(|row| row.stream_id).collect();
    sqlx::query!(
        "select stream_id
        from stream
        where stream_id = any($1)
        order by stream_id
        for update",
        &streams,
    )
    .fetch_all(&mut *conn)
    .await?;
    let queued = again(conn, &streams, &callbacks, now).await?;
    Ok((queued, callbacks.last().copied()))
}

/// Moves delivered and parked callbacks to the ends of their streams, which the caller has locked.
async fn again(
    conn: &mut PgConnection,
    streams: &[Uuid],
    callbacks: &[Uuid],
    now: DateTime<Utc>,
) -> Result<u64, sqlx::Error> {
    let moved = sqlx::query!(
        "with chosen as (
            select
                callback_id,
                stream_id,
                row_number() over (partition by stream_id order by seq) as place,
                count(*) over (partition by stream_id) as together
            from callback
            where callback_id = any($2)
            and state in ('DELIVERED', 'PARKED')
            and erased_at is null
        ), grown as (
            update stream
            set pending = pending + chosen.together::int,
                next_seq = next_seq + chosen.together,
                due_at = case when pending = 0 then $3 else least(due_at, $3) end
            from chosen
            where stream.stream_id = chosen.stream_id
            and stream.stream_id = any($1)
            and chosen.place = 1
            returning stream.stream_id, stream.next_seq - chosen.together as first_seq
        )
        update callback
        set state = 'PENDING',
            seq = grown.first_seq + chosen.place - 1,
            due_at = $3,
            attempts = 0,
            first_failed_at = null,
            delivered_at = null,
            parked_reason = null
        from chosen
        join grown on grown.stream_id = chosen.stream_id
        where callback.callback_id = chosen.callback_id",
        streams,
        callbacks,
        now,
    )
    .execute(conn)
    .await?;
    Ok(moved.rows_affected())
}
