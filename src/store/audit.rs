//! The audit log: who did what, each row chained to the one before, and the signed heads of the chain.
//!
//! Whatever people change is appended in the transaction that changes it, as its last statement: the chain's lock is
//! held until the commit. Entries hold ids, digests and a reason, never personal data. What LSPs send is not chained;
//! their messages are kept as they came.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};
use aws_lc_rs::hmac;
use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use sqlx::PgConnection;

use super::StoreError;
use crate::domain::personal;
use crate::seal::{SealError, Sealer};

/// Bytes of a hash.
pub const HASH_BYTES: usize = 32;
/// Longest id or word in an entry, in characters; longer ones are cut. A page of 500 loans has room.
const LONGEST: usize = 10_000;
/// Purpose of the key of digests.
const DIGEST_KEY: &str = "audit digest";

/// Who does something, as the log names him.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// A person's or a service's name.
    pub name: String,
    /// By which right.
    pub role: &'static str,
}

impl Actor {
    /// The server itself, for what nobody asked for.
    #[must_use]
    pub fn server() -> Self {
        Self { name: "ocen-lender".to_owned(), role: "system" }
    }
}

/// What happened. Its JSON is the text that is hashed; members are only ever added at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    actor: String,
    role: &'static str,
    action: &'static str,
    subject: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<String>,
}

impl Entry {
    /// Somebody did something, e.g. `LSP_PUT`.
    #[must_use]
    pub fn by(actor: &Actor, action: &'static str) -> Self {
        Self {
            actor: actor.name.clone(),
            role: actor.role,
            action,
            subject: BTreeMap::new(),
            reason: None,
            before: None,
            after: None,
        }
    }

    /// To what: an id or a word, by the kind of it (`loanId`). Never anything personal.
    #[must_use]
    pub fn about(mut self, kind: &'static str, id: impl ToString) -> Self {
        self.subject.insert(kind, cut(&id.to_string()));
        self
    }

    /// Why, in the words of the one who did it. Numbers and addresses of people that slipped in are taken out.
    #[must_use]
    pub fn because(mut self, reason: &str) -> Self {
        self.reason = Some(personal::scrubbed(&cut(reason)));
        self
    }

    /// From what to what, as [`digest`]s: of a thing that was made, or ended, one is missing.
    #[must_use]
    pub fn changed(mut self, before: Option<String>, after: Option<String>) -> Self {
        (self.before, self.after) = (before, after);
        self
    }

    /// Appends it, as the last statement of the transaction that did what it says; gives its number.
    ///
    /// # Errors
    /// When the database fails, or others keep the chain locked for too long.
    pub async fn append(self, conn: &mut PgConnection, at: DateTime<Utc>) -> Result<i64, StoreError> {
        append(conn, &self, at).await
    }
}

/// An entry with its time in front.
#[derive(Serialize)]
struct Stamped<'a> {
    at: String,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// Appends an entry; `at` is the wall's time.
///
/// # Errors
/// When the database fails, or others keep the chain locked for too long.
pub async fn append(conn: &mut PgConnection, entry: &Entry, at: DateTime<Utc>) -> Result<i64, StoreError> {
    let stamped = Stamped { at: at.to_rfc3339_opts(SecondsFormat::Micros, true), entry };
    let text = serde_json::to_string(&stamped).map_err(SealError::from)?;
    // Number and hashes are the trigger's, which also takes the lock.
    let seq = sqlx::query_scalar!(
        r#"
        insert into audit_entry (seq, prev_hash, hash, entry)
        values (0, '', '', $1)
        returning seq
        "#,
        text,
    )
    .fetch_one(conn)
    .await?;
    Ok(seq)
}

fn cut(text: &str) -> String {
    // NUL is the one character that a database's text cannot hold.
    text.chars().filter(|c| *c != '\0').take(LONGEST).collect()
}

/// A digest of some state for [`Entry::changed`], 64 hexadecimal digits: HMAC-SHA256 with a key of ours over its JSON,
/// because the plain hash of a short text, a phone number for instance, could be guessed.
///
/// # Errors
/// When it has no JSON form.
pub fn digest(sealer: &Sealer, state: &impl Serialize) -> Result<String, StoreError> {
    let json = serde_json::to_vec(state).map_err(SealError::from)?;
    let key = hmac::Key::new(hmac::HMAC_SHA256, &sealer.derive(DIGEST_KEY));
    Ok(hex::encode(hmac::sign(&key, &json).as_ref()))
}

/// A row of the chain; as JSON its hashes are hexadecimal digits, and its entry stands as it was hashed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "AuditEntry")]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Counted from 1.
    pub seq: i64,
    /// The hash of the row before.
    #[serde(serialize_with = "as_hex")]
    #[schemars(with = "String")]
    pub prev_hash: Vec<u8>,
    /// Its own.
    #[serde(serialize_with = "as_hex")]
    #[schemars(with = "String")]
    pub hash: Vec<u8>,
    /// The JSON that was hashed.
    #[serde(serialize_with = "as_it_stands")]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub entry: String,
}

fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex::encode(bytes))
}

/// One that is no JSON any more, because somebody spoilt it, is shown as a text.
fn as_it_stands<S: Serializer>(entry: &str, serializer: S) -> Result<S::Ok, S::Error> {
    match serde_json::from_str::<&RawValue>(entry) {
        Ok(raw) => raw.serialize(serializer),
        Err(_) => serializer.serialize_str(entry),
    }
}

impl Row {
    /// The hash that this row must have.
    #[must_use]
    pub fn expected_hash(&self) -> Vec<u8> {
        let mut context = Context::new(&SHA256);
        context.update(&self.prev_hash);
        context.update(&self.seq.to_be_bytes());
        context.update(self.entry.as_bytes());
        context.finish().as_ref().to_vec()
    }
}

/// Rows after a number, in the order of the chain.
///
/// # Errors
/// When the database fails.
pub async fn after(conn: &mut PgConnection, seq: i64, limit: i64) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select seq, prev_hash, hash, entry
        from audit_entry
        where seq > $1
        order by seq
        limit $2
        "#,
        seq,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Which rows of the list.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Of this actor only.
    pub actor: Option<&'a str>,
    /// Of this kind only.
    pub action: Option<&'a str>,
    /// Before this number.
    pub before: Option<i64>,
}

/// Rows, newest first.
///
/// # Errors
/// When the database fails.
pub async fn list(conn: &mut PgConnection, wanted: Wanted<'_>, limit: i64) -> Result<Vec<Row>, StoreError> {
    let rows = sqlx::query_as!(
        Row,
        r#"
        select seq, prev_hash, hash, entry
        from audit_entry
        where ($1::text is null or actor = $1)
        and ($2::text is null or action = $2)
        and ($3::bigint is null or seq < $3)
        order by seq desc
        limit $4
        "#,
        wanted.actor,
        wanted.action,
        wanted.before,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// A signed head of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "AuditAnchor")]
pub struct Anchor {
    /// The day (UTC).
    pub day: NaiveDate,
    /// How many rows there were.
    #[serde(rename = "count")]
    pub seq: i64,
    /// The hash of the last of them; zeros when there was none.
    #[serde(rename = "head", serialize_with = "as_hex")]
    #[schemars(with = "String")]
    pub hash: Vec<u8>,
    /// The JWS.
    pub signed: String,
}

/// Anchors before a day, newest first.
///
/// # Errors
/// When the database fails.
pub async fn anchors(
    conn: &mut PgConnection,
    before: Option<NaiveDate>,
    limit: i64,
) -> Result<Vec<Anchor>, StoreError> {
    let rows = sqlx::query_as!(
        Anchor,
        r#"
        select day, seq, hash, signed
        from audit_anchor
        where $1::date is null or day < $1
        order by day desc
        limit $2
        "#,
        before,
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Adds a day's anchor; of several servers the first wins. Gives whether it was this one.
///
/// # Errors
/// When the database fails.
pub async fn add_anchor(conn: &mut PgConnection, anchor: &Anchor, at: DateTime<Utc>) -> Result<bool, StoreError> {
    let added = sqlx::query!(
        r#"
        insert into audit_anchor (day, seq, hash, signed, made_at)
        values ($1, $2, $3, $4, $5)
        on conflict (day) do nothing
        "#,
        anchor.day,
        anchor.seq,
        anchor.hash,
        anchor.signed,
        at,
    )
    .execute(conn)
    .await?;
    Ok(added.rows_affected() == 1)
}
