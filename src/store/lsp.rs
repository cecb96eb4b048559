//! LSPs and their public keys.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

use super::switches::Stopped;
use crate::domain::ids::OrgId;
use crate::lsp::{Lsp, LspKey, Settings, StoredSettings};

/// A key with the LSP that it belongs to, as intake needs them.
#[derive(Debug, Clone)]
pub struct KeyOwner {
    /// Whose key.
    pub org_id: OrgId,
    /// The LSP's switches.
    pub settings: Settings,
    /// SPKI PEM.
    pub public_key_pem: String,
    /// Set when the key does not count any more.
    pub revoked_at: Option<DateTime<Utc>>,
    /// What is stopped for the LSP.
    pub stopped: Stopped,
}

/// The keys of all LSPs with one `kid`, which is unique per LSP only, each with what is stopped for its LSP. Both are
/// read with every message, so that a revoked key and a switch count from the next message on, on every replica.
///
/// # Errors
/// When the database fails.
pub async fn by_kid(conn: &mut PgConnection, kid: &str) -> Result<Vec<KeyOwner>, sqlx::Error> {
    let found = by_kids(conn, &[kid.to_owned()]).await?;
    Ok(found.into_iter().map(|(_, owner)| owner).collect())
}

/// The same for several, each key with its `kid`.
///
/// # Errors
/// When the database fails.
pub async fn by_kids(conn: &mut PgConnection, kids: &[String]) -> Result<Vec<(String, KeyOwner)>, sqlx::Error> {
    let rows = sqlx::query!(
        r#"select
            lsp_key.kid,
            lsp.org_id,
            lsp.settings as "settings: Json<StoredSettings>",
            lsp_key.public_key_pem,
            lsp_key.revoked_at,
            array(
                select kind || ' ' || subject
                from switch
                where kind in ('PRODUCT', 'OPERATION')
                or (kind = 'LSP' and subject = lsp.org_id)
            ) as "stopped!"
        from lsp_key
        join lsp on lsp.org_id = lsp_key.org_id
        where lsp_key.kid = any($1)
        order by lsp.org_id"#,
        kids,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| {
            let owner = KeyOwner {
                org_id: OrgId(row.org_id),
                settings: row.settings.0.0,
                public_key_pem: row.public_key_pem,
                revoked_at: row.revoked_at,
                stopped: Stopped::from_rows(row.stopped),
            };
            (row.kid, owner)
        })
        .collect())
}

/// One LSP with all its keys.
///
/// # Errors
/// When the database fails.
pub async fn find(conn: &mut PgConnection, org_id: &OrgId) -> Result<Option<Lsp>, sqlx::Error> {
    let row = sqlx::query_as!(
        LspRow,
        r#"select org_id, name, callback_base_url, settings as "settings: Json<StoredSettings>"
        from lsp
        where org_id = $1"#,
        org_id.as_str(),
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(with_keys(conn, vec![row]).await?.pop())
}

/// LSPs in the order of their ids, after the given one, each with all its keys.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, after: &str, limit: i64) -> Result<Vec<Lsp>, sqlx::Error> {
    let rows = sqlx::query_as!(
        LspRow,
        r#"select org_id, name, callback_base_url, settings as "settings: Json<StoredSettings>"
        from lsp
        where org_id > $1
        order by org_id
        limit $2"#,
        after,
        limit,
    )
    .fetch_all(&mut *conn)
    .await?;
    with_keys(conn, rows).await
}

struct LspRow {
    org_id: String,
    name: String,
    callback_base_url: String,
    settings: Json<StoredSettings>,
}

async fn with_keys(conn: &mut PgConnection, rows: Vec<LspRow>) -> Result<Vec<Lsp>, sqlx::Error> {
    let orgs: Vec<String> = rows.iter().map(|row| row.org_id.clone()).collect();
    let keys = sqlx::query!(
        "select org_id, kid, public_key_pem, revoked_at
        from lsp_key
        where org_id = any($1)
        order by org_id, created_at, kid",
        &orgs,
    )
    .fetch_all(conn)
    .await?;
    let mut lsps: Vec<Lsp> = rows.into_iter().map(LspRow::without_keys).collect();
    for key in keys {
        if let Some(lsp) = lsps.iter_mut().find(|lsp| lsp.org_id.as_str() == key.org_id) {
            lsp.keys.push(LspKey { kid: key.kid, public_key_pem: key.public_key_pem, revoked_at: key.revoked_at });
        }
    }
    Ok(lsps)
}

impl LspRow {
    fn without_keys(self) -> Lsp {
        Lsp {
            org_id: OrgId(self.org_id),
            name: self.name,
            callback_base_url: self.callback_base_url,
            settings: self.settings.0.0,
            keys: Vec::new(),
        }
    }
}

/// Why an LSP cannot be stored.
#[derive(Debug, thiserror::Error)]
pub enum PutError {
    /// The kid was revoked once, and a revoked kid never returns.
    #[error("key {0} was revoked; a revoked kid never returns")]
    RevokedKid(String),
    /// The kid names another key already.
    #[error("key {0} is registered with other key material; give the new key a new kid")]
    OtherKey(String),
    /// The key itself was revoked, under another kid or at another LSP.
    #[error("this key was revoked as {kid} of {org_id}; a revoked key never returns: make a new pair")]
    RevokedKey {
        /// Whose it was.
        org_id: String,
        /// What it was called.
        kid: String,
    },
    /// The key itself is registered, under another kid or at another LSP.
    #[error("this key is registered as {kid} of {org_id}; every kid has a key of its own: make a new pair")]
    KnownKey {
        /// Whose it is.
        org_id: String,
        /// What it is called.
        kid: String,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// Locks an LSP, where there is one, until the transaction ends.
///
/// # Errors
/// When the database fails.
pub async fn lock(conn: &mut PgConnection, org_id: &str) -> Result<(), sqlx::Error> {
    sqlx::query!("select org_id from lsp where org_id = $1 for update", org_id).fetch_optional(conn).await?;
    Ok(())
}

/// Registers an LSP or replaces what is known about it. Active keys that are not among `lsp.keys` are revoked.
///
/// # Errors
/// [`PutError`]; the caller then rolls back.
pub async fn put(conn: &mut PgConnection, lsp: &Lsp, now: DateTime<Utc>) -> Result<(), PutError> {
    // Locks the row, so that two replacements of the keys come one after the other.
    sqlx::query!(
        "insert into lsp (org_id, name, callback_base_url, settings, created_at, updated_at)
        values ($1, $2, $3, $4, $5, $5)
        on conflict (org_id) do update
        set name = excluded.name,
            callback_base_url = excluded.callback_base_url,
            settings = excluded.settings,
            updated_at = excluded.updated_at",
        lsp.org_id.as_str(),
        lsp.name,
        lsp.callback_base_url,
        Json(&lsp.settings) as _,
        now,
    )
    .execute(&mut *conn)
    .await?;
    for key in &lsp.keys {
        put_key(conn, &lsp.org_id, key, now).await?;
    }
    let kept: Vec<String> = lsp.keys.iter().map(|key| key.kid.clone()).collect();
    sqlx::query!(
        "update lsp_key
        set revoked_at = $3
        where org_id = $1
        and kid <> all($2)
        and revoked_at is null",
        lsp.org_id.as_str(),
        &kept,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

async fn put_key(conn: &mut PgConnection, org_id: &OrgId, key: &LspKey, now: DateTime<Utc>) -> Result<(), PutError> {
    let inserted = sqlx::query!(
        "insert into lsp_key (org_id, kid, public_key_pem, created_at)
        values ($1, $2, $3, $4)
        on conflict (org_id, kid) do nothing",
        org_id.as_str(),
        key.kid,
        key.public_key_pem,
        now,
    )
    .execute(&mut *conn)
    .await?;
    // What stood before this was so stays as it is.
    if inserted.rows_affected() == 1 {
        refuse_known(conn, org_id, key).await?;
    }
    let stored = sqlx::query!(
        "select public_key_pem, revoked_at
        from lsp_key
        where org_id = $1
        and kid = $2",
        org_id.as_str(),
        key.kid,
    )
    .fetch_one(conn)
    .await?;
    if stored.revoked_at.is_some() {
        return Err(PutError::RevokedKid(key.kid.clone()));
    }
    if stored.public_key_pem != key.public_key_pem {
        return Err(PutError::OtherKey(key.kid.clone()));
    }
    Ok(())
}

/// Refuses a new key that stands under another kid, or did: whoever has a revoked one would come in again by it, and of
/// one that two LSPs have nobody knows whose message it signed. Of two that come at once the later waits for the first.
async fn refuse_known(conn: &mut PgConnection, org_id: &OrgId, key: &LspKey) -> Result<(), PutError> {
    sqlx::query!("select pg_advisory_xact_lock(hashtextextended($1, 0))", key.public_key_pem)
        .execute(&mut *conn)
        .await?;
    // There are few keys, and an operator waits: no index. A key is always written in the same text.
    let known = sqlx::query!(
        "select org_id, kid, revoked_at
        from lsp_key
        where public_key_pem = $1
        and (org_id <> $2 or kid <> $3)
        order by revoked_at nulls last, org_id, kid
        limit 1",
        key.public_key_pem,
        org_id.as_str(),
        key.kid,
    )
    .fetch_optional(conn)
    .await?;
    match known {
        None => Ok(()),
        Some(known) if known.revoked_at.is_some() => Err(PutError::RevokedKey { org_id: known.org_id, kid: known.kid }),
        Some(known) => Err(PutError::KnownKey { org_id: known.org_id, kid: known.kid }),
    }
}

/// Revokes a key at once. Returns when it was revoked (the first time counts), or `None` for an unknown key.
///
/// # Errors
/// When the database fails.
pub async fn revoke_key(
    conn: &mut PgConnection,
    org_id: &OrgId,
    kid: &str,
    now: DateTime<Utc>,
) -> Result<Option<DateTime<Utc>>, sqlx::Error> {
    sqlx::query_scalar!(
        r#"update lsp_key
        set revoked_at = coalesce(revoked_at, $3)
        where org_id = $1
        and kid = $2
        returning revoked_at as "revoked_at!""#,
        org_id.as_str(),
        kid,
        now,
    )
    .fetch_optional(conn)
    .await
}
