//! How much came and went: added up by span and LSP, so that a chart reads a few rows whatever the traffic is.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::StoreError;

/// How long single minutes are kept: more than an hour's chart shows.
const MINUTES_KEPT: TimeDelta = TimeDelta::hours(2);
/// How long spans of twelve minutes are kept: more than a week's chart shows.
const SPANS_KEPT: TimeDelta = TimeDelta::days(8);
/// Length of the longer spans, in seconds.
const SPAN: i64 = 12 * 60;

/// Counts of one LSP in one minute.
#[derive(Debug, Clone)]
pub struct Minute {
    /// Its begin, seconds since 1970.
    pub at: i64,
    /// Empty when nobody knows whose.
    pub org_id: String,
    /// Requests, refused ones among them.
    pub requests: i64,
    /// Refused requests.
    pub refused: i64,
    /// Delivered callbacks.
    pub callbacks: i64,
    /// Failed tries to deliver one.
    pub failed_attempts: i64,
}

/// Adds counts: each to its minute and to its span of twelve minutes.
///
/// # Errors
/// When the database fails; nothing is added then.
pub async fn add(conn: &mut PgConnection, minutes: &[Minute]) -> Result<(), StoreError> {
    let at: Vec<i64> = minutes.iter().map(|minute| minute.at).collect();
    let orgs: Vec<String> = minutes.iter().map(|minute| minute.org_id.clone()).collect();
    let requests: Vec<i64> = minutes.iter().map(|minute| minute.requests).collect();
    let refused: Vec<i64> = minutes.iter().map(|minute| minute.refused).collect();
    let callbacks: Vec<i64> = minutes.iter().map(|minute| minute.callbacks).collect();
    let failed: Vec<i64> = minutes.iter().map(|minute| minute.failed_attempts).collect();
    sqlx::query!(
        // In the order of the key, so that replicas wait for each other and do not deadlock.
        r#"
        insert into traffic (minutes, at, org_id, requests, refused, callbacks, failed_attempts)
        select
            span.minutes, to_timestamp(cell.at - cell.at % (span.minutes * 60)) as at, cell.org_id,
            sum(cell.requests), sum(cell.refused), sum(cell.callbacks), sum(cell.failed_attempts)
        from unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
            as cell (at, org_id, requests, refused, callbacks, failed_attempts)
        cross join (values (1::smallint), (12::smallint)) as span (minutes)
        group by 1, 2, 3
        order by 1, 2, 3
        on conflict on constraint traffic_pkey do update
        set requests = traffic.requests + excluded.requests,
            refused = traffic.refused + excluded.refused,
            callbacks = traffic.callbacks + excluded.callbacks,
            failed_attempts = traffic.failed_attempts + excluded.failed_attempts
        "#,
        &at,
        &orgs,
        &requests,
        &refused,
        &callbacks,
        &failed,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what no chart shows any more.
///
/// # Errors
/// When the database fails.
pub async fn forget(conn: &mut PgConnection, now: DateTime<Utc>) -> Result<(), StoreError> {
    sqlx::query!(
        r#"
        delete from traffic
        where (minutes = 1 and at < $1)
        or (minutes = 12 and at < $2)
        "#,
        now - MINUTES_KEPT,
        now - SPANS_KEPT,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts of one bucket of a chart.
#[derive(Debug)]
pub struct Bucket {
    /// Its begin, seconds since 1970.
    pub at: i64,
    /// Requests, refused ones among them.
    pub requests: i64,
    /// Refused requests.
    pub refused: i64,
    /// Delivered callbacks.
    pub callbacks: i64,
    /// Failed tries to deliver one.
    pub failed_attempts: i64,
}

/// Buckets of `width` seconds from a time on, those without traffic left out: a whole number of minutes, and of spans
/// of twelve minutes when it is longer than one.
///
/// # Errors
/// When the database fails.
pub async fn buckets(
    conn: &mut PgConnection,
    org_id: Option<&str>,
    (since, width): (DateTime<Utc>, i64),
) -> Result<Vec<Bucket>, StoreError> {
    let minutes: i16 = if width < SPAN { 1 } else { 12 };
    Ok(sqlx::query_as!(
        Bucket,
        r#"
        select
            extract(epoch from at)::bigint / $3 * $3 as "at!",
            sum(requests)::bigint as "requests!", sum(refused)::bigint as "refused!",
            sum(callbacks)::bigint as "callbacks!", sum(failed_attempts)::bigint as "failed_attempts!"
        from traffic
        where minutes = $1
        and at >= $2
        and ($4::text is null or org_id = $4)
        group by 1
        order by 1
        "#,
        minutes,
        since,
        width,
        org_id,
    )
    .fetch_all(conn)
    .await?)
}
