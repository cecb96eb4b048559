//! The control tables: namespaces and invites.

use chrono::{DateTime, TimeDelta, Utc};
use sqlx::PgConnection;

use super::name::Name;
use super::token::Digest;

/// A namespace that can be used.
pub(super) const READY: &str = "READY";
/// One that is not whole yet.
pub(super) const CREATING: &str = "CREATING";
/// One that is not whole any more.
pub(super) const DELETING: &str = "DELETING";
/// Most namespaces that are read: many times what may be configured to be useful.
const MOST: i64 = 100_000;

/// A namespace as stored.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) name: Name,
    pub(super) org_id: String,
    pub(super) display_name: String,
    pub(super) token: Digest,
    pub(super) state: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) last_used_at: DateTime<Utc>,
    pub(super) wake_at: Option<DateTime<Utc>>,
}

/// All namespaces; a row that no version of ours wrote is left out.
pub(super) async fn namespaces(conn: &mut PgConnection) -> Result<Vec<Row>, sqlx::Error> {
    let rows = sqlx::query!(
        "select name, org_id, display_name, token_sha256, state, created_at, last_used_at, wake_at
        from hosted.namespace
        order by name
        limit $1",
        MOST,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .filter_map(|found| {
            Some(Row {
                name: Name::parse(&found.name)?,
                token: Digest::stored(&found.token_sha256)?,
                org_id: found.org_id,
                display_name: found.display_name,
                state: found.state,
                created_at: found.created_at,
                last_used_at: found.last_used_at,
                wake_at: found.wake_at,
            })
        })
        .collect())
}

/// Begins a namespace.
pub(super) async fn begin(conn: &mut PgConnection, row: &Row) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "insert into hosted.namespace (name, org_id, display_name, token_sha256, state, created_at, last_used_at)
        values ($1, $2, $3, $4, 'CREATING', $5, $5)",
        row.name.as_str(),
        row.org_id,
        row.display_name,
        row.token.bytes(),
        row.created_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How far a namespace is; none when it is not known.
pub(super) async fn state(conn: &mut PgConnection, name: &Name) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar!("select state from hosted.namespace where name = $1", name.as_str()).fetch_optional(conn).await
}

/// Moves a namespace to another state.
pub(super) async fn set_state(conn: &mut PgConnection, name: &Name, state: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("update hosted.namespace set state = $2 where name = $1", name.as_str(), state).execute(conn).await?;
    Ok(())
}

/// Another token opens from now on.
pub(super) async fn set_token(conn: &mut PgConnection, name: &Name, token: Digest) -> Result<(), sqlx::Error> {
    sqlx::query!("update hosted.namespace set token_sha256 = $2 where name = $1", name.as_str(), token.bytes())
        .execute(conn)
        .await?;
    Ok(())
}

/// Notes when a namespace was used last, and when it has to be woken.
pub(super) async fn note(
    conn: &mut PgConnection,
    name: &Name,
    last_used_at: DateTime<Utc>,
    wake_at: Option<DateTime<Utc>>,
) -> Result<(), sqlx::Error> {
    sqlx::query!(
        "update hosted.namespace set last_used_at = greatest(last_used_at, $2), wake_at = $3 where name = $1",
        name.as_str(),
        last_used_at,
        wake_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets a namespace.
pub(super) async fn forget(conn: &mut PgConnection, name: &Name) -> Result<(), sqlx::Error> {
    sqlx::query!("delete from hosted.namespace where name = $1", name.as_str()).execute(conn).await?;
    Ok(())
}

/// Adds an invite unless there are too many open ones; expired ones are forgotten first. Gives whether it was added.
pub(super) async fn invite(
    conn: &mut PgConnection,
    invite: Digest,
    note: &str,
    (now, expires_at): (DateTime<Utc>, DateTime<Utc>),
    most: i64,
) -> Result<bool, sqlx::Error> {
    sqlx::query!("delete from hosted.invite where used_at is null and expires_at < $1", now - TimeDelta::days(30))
        .execute(&mut *conn)
        .await?;
    let added = sqlx::query!(
        "insert into hosted.invite (invite_sha256, note, created_at, expires_at)
        select $1, $2, $3, $4
        where (select count(*) from hosted.invite where used_at is null and expires_at > $3) < $5",
        invite.bytes(),
        note,
        now,
        expires_at,
        most,
    )
    .execute(conn)
    .await?;
    Ok(added.rows_affected() == 1)
}

/// Uses an invite for a namespace. Gives whether it could be: it is known, not used and not expired.
pub(super) async fn use_invite(
    conn: &mut PgConnection,
    invite: Digest,
    name: &Name,
    now: DateTime<Utc>,
) -> Result<bool, sqlx::Error> {
    // The row's lock lets one of two that come together have it.
    let used = sqlx::query!(
        "update hosted.invite
        set used_at = $3, namespace = $2
        where invite_sha256 = $1
        and used_at is null
        and expires_at > $3",
        invite.bytes(),
        name.as_str(),
        now,
    )
    .execute(conn)
    .await?;
    Ok(used.rows_affected() == 1)
}

/// Gives the invite back that a namespace was begun with which could not be made.
pub(super) async fn give_invite_back(conn: &mut PgConnection, name: &Name) -> Result<(), sqlx::Error> {
    sqlx::query!("update hosted.invite set used_at = null, namespace = null where namespace = $1", name.as_str())
        .execute(conn)
        .await?;
    Ok(())
}

/// An invite as it is listed.
#[derive(Debug)]
pub(super) struct Invite {
    pub(super) note: String,
    pub(super) created_at: DateTime<Utc>,
    pub(super) expires_at: DateTime<Utc>,
    pub(super) namespace: Option<String>,
}

/// Invites, newest first.
pub(super) async fn invites(conn: &mut PgConnection, limit: i64) -> Result<Vec<Invite>, sqlx::Error> {
    sqlx::query_as!(
        Invite,
        "select note, created_at, expires_at, namespace
        from hosted.invite
        order by created_at desc, invite_sha256
        limit $1",
        limit,
    )
    .fetch_all(conn)
    .await
}

/// In a namespace's own database: when the next callback of it is due, in its own time.
pub(super) async fn next_callback(conn: &mut PgConnection) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!("select min(due_at) from stream where pending > 0").fetch_one(conn).await
}
