//! Monthly partitions of messages and attempts: which there are, and how a month goes.

use chrono::{DateTime, NaiveDate, Utc};
use serde::Serialize;
use sqlx::{AssertSqlSafe, PgConnection};

use super::StoreError;

/// One partition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Partition {
    /// The partitioned table.
    pub table: String,
    /// The partition.
    pub name: String,
    /// First day of its month; absent for the default partition, which takes what no month takes.
    pub month: Option<NaiveDate>,
    /// Bytes on disk, indexes included.
    pub bytes: i64,
    /// Rows, as the database estimates them; -1 when it has not looked yet.
    pub rows: i64,
    /// Time of the row with the lowest id, which is the oldest but for a moved clock.
    pub oldest: Option<DateTime<Utc>>,
}

/// A table that is partitioned by time.
#[derive(Debug, Clone, Copy)]
pub struct Timed {
    /// The table.
    pub table: &'static str,
    /// The column that its partitions go by.
    pub time: &'static str,
    /// The sealed column.
    pub value: &'static str,
    /// The first column of its key.
    pub key: &'static str,
    /// SQL for "this row of `t` must be kept, however old it is".
    kept: &'static str,
    /// SQL for the keys of rows about applications that are kept after all.
    again: &'static str,
}

/// Messages of applications that have not ended, or that are under a legal hold, are evidence and stay.
pub const MESSAGE: Timed = Timed {
    table: "message",
    time: "received_at",
    value: "body",
    key: "exchange_id",
    kept: "exists (
        select from exchange_application part
        where part.exchange_id = t.exchange_id
        and (
            not exists (select from ended_application ended where ended.application_id = part.application_id)
            or exists (select from legal_hold held where held.application_id = part.application_id)
        )
    )",
    again: "
        select exchange_id
        from kept_again
        join exchange_application using (application_id)",
};

/// What LSPs answered to callbacks. It stays under a legal hold only, because a callback's own row tells what became of
/// it.
pub const ATTEMPT: Timed = Timed {
    table: "attempt",
    time: "started_at",
    value: "answer",
    key: "callback_id",
    kept: "(
        exists (
            select from callback
            join exchange_application part on part.exchange_id = callback.exchange_id
            join legal_hold held on held.application_id = part.application_id
            where callback.callback_id = t.callback_id
        )
        or exists (
            select from callback
            join application on application.bundle_id = callback.stream_id
            join legal_hold held on held.application_id = application.application_id
            where callback.callback_id = t.callback_id
        )
    )",
    again: "
        select callback_id
        from kept_again
        join exchange_application using (application_id)
        join callback using (exchange_id)
        union
        select callback_id
        from kept_again
        join application using (application_id)
        join callback on callback.stream_id = application.bundle_id",
};

/// All partitions with their sizes, by table and month; the default ones last.
///
/// # Errors
/// When the database fails.
#[expect(clippy::disallowed_methods, reason = "the partition's name comes from the catalogue")]
pub async fn all(conn: &mut PgConnection) -> Result<Vec<Partition>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select
            parent.relname as "table!",
            child.relname as "name!",
            to_date(substring(child.relname::text from '_(\d{4}_\d{2})$'), 'YYYY_MM') as month,
            pg_total_relation_size(child.oid) as "bytes!",
            child.reltuples::bigint as "rows!"
        from pg_inherits
        join pg_class parent on parent.oid = inhparent
        join pg_class child on child.oid = inhrelid
        where parent.oid in ('message'::regclass, 'attempt'::regclass)
        order by parent.relname, month nulls last
        "#
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut partitions = Vec::with_capacity(rows.len());
    for row in rows {
        let Timed { time, key, .. } = if row.table == MESSAGE.table { MESSAGE } else { ATTEMPT };
        let oldest = format!("select {time} from {} order by {key} limit 1", row.name);
        let oldest = sqlx::query_scalar(AssertSqlSafe(oldest)).fetch_optional(&mut *conn).await?;
        let (table, name) = (row.table, row.name);
        partitions.push(Partition { table, name, month: row.month, bytes: row.bytes, rows: row.rows, oldest });
    }
    Ok(partitions)
}

/// How many blocks of 8 kB a partition has.
///
/// # Errors
/// When the database fails.
pub async fn blocks(conn: &mut PgConnection, name: &str) -> Result<i64, StoreError> {
    let blocks = sqlx::query_scalar!(
        r#"select pg_relation_size(to_regclass($1)) / current_setting('block_size')::bigint as "blocks!""#,
        name,
    )
    .fetch_one(conn)
    .await?;
    Ok(blocks)
}

/// Whether a stretch of a partition holds a row that must be kept.
///
/// # Errors
/// When the database fails.
#[expect(clippy::disallowed_methods, reason = "the names come from constants and the catalogue")]
pub async fn keeps_any(conn: &mut PgConnection, of: (Timed, &str), (from, to): (i64, i64)) -> Result<bool, StoreError> {
    let (Timed { kept, .. }, name) = of;
    let any = format!(
        "select exists (select from {name} t where t.ctid >= format('(%s,0)', $1::bigint)::tid \
         and t.ctid < format('(%s,0)', $2::bigint)::tid and {kept})"
    );
    Ok(sqlx::query_scalar(AssertSqlSafe(any)).bind(from).bind(to).fetch_one(conn).await?)
}

/// Whether a partition holds a row that must be kept because of what has happened to its application since
/// [`retention::note_anew`](super::retention::note_anew).
///
/// # Errors
/// When the database fails.
#[expect(clippy::disallowed_methods, reason = "the names come from constants and the catalogue")]
pub async fn is_kept_again(conn: &mut PgConnection, of: (Timed, &str)) -> Result<bool, StoreError> {
    let (Timed { key, kept, again, .. }, name) = of;
    let any = format!("select exists (select from {name} t where t.{key} in ({again}) and {kept})");
    Ok(sqlx::query_scalar(AssertSqlSafe(any)).fetch_one(conn).await?)
}

/// What went.
#[derive(Debug, Clone, PartialEq, Eq, Default, sqlx::FromRow)]
pub struct Gone {
    /// How many rows.
    pub count: i64,
    /// SHA-256 over the SHA-256 of each sealed value, in the order of their ids.
    pub digest: Option<Vec<u8>>,
}

/// Deletes what is older than an instant and need not be kept from a stretch of a partition.
///
/// # Errors
/// When the database fails.
#[expect(clippy::disallowed_methods, reason = "the names come from constants and the catalogue")]
pub async fn prune(
    conn: &mut PgConnection,
    of: (Timed, &str),
    before: DateTime<Utc>,
    (from, to): (i64, i64),
) -> Result<Gone, StoreError> {
    let (Timed { time, value, key, kept, .. }, name) = of;
    let delete = format!(
        "with gone as (
            delete from {name} t
            where t.ctid >= format('(%s,0)', $1::bigint)::tid
            and t.ctid < format('(%s,0)', $2::bigint)::tid
            and t.{time} < $3
            and not {kept}
            returning {key} as id, {value} as value
        )
        select count(*) as count, sha256(string_agg(sha256(value), ''::bytea order by id)) as digest
        from gone"
    );
    Ok(sqlx::query_as(AssertSqlSafe(delete)).bind(from).bind(to).bind(before).fetch_one(conn).await?)
}

/// This transaction waits for locks only briefly: others wait behind it.
///
/// # Errors
/// When the database fails.
pub async fn be_brief(conn: &mut PgConnection) -> Result<(), StoreError> {
    sqlx::query!("select set_config('lock_timeout', '100ms', true)").fetch_one(conn).await?;
    Ok(())
}

/// Drops a partition. Whoever writes to the table waits meanwhile: see [`be_brief`].
///
/// # Errors
/// When the database fails or the lock is not had; nothing is dropped then.
#[expect(clippy::disallowed_methods, reason = "the partition's name comes from the catalogue")]
pub async fn drop(conn: &mut PgConnection, name: &str) -> Result<(), StoreError> {
    sqlx::query(AssertSqlSafe(format!("drop table {name}"))).execute(conn).await?;
    Ok(())
}

/// Whether a partition has no row at all.
///
/// # Errors
/// When the database fails.
#[expect(clippy::disallowed_methods, reason = "the partition's name comes from the catalogue")]
pub async fn is_empty(conn: &mut PgConnection, name: &str) -> Result<bool, StoreError> {
    let empty = format!("select not exists (select from {name})");
    Ok(sqlx::query_scalar(AssertSqlSafe(empty)).fetch_one(conn).await?)
}
