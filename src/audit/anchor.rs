//! Anchors: once a day the head of the chain is signed, kept, and written to the log. Who cuts off the end of the chain,
//! or writes all of it anew, cannot sign the old heads, and cannot take back what other systems have of our log. There it
//! stands every hour in which the chain has grown, so that no more than an hour's rows can be cut off unseen.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use tokio::time::Instant;

use crate::app::{App, SharedApp};
use crate::config::Mode;
use crate::jose::{HeaderMember, SignError, sign_flattened};
use crate::store::StoreError;
use crate::store::audit::{self, Anchor, HASH_BYTES, Wanted};

/// How often it is looked whether a new day has begun.
const LOOK: Duration = Duration::from_mins(1);
/// How often the log says where a chain stands that grows.
const TELL: Duration = Duration::from_hours(1);

/// Why there is no anchor.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The signature.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// The statement has no JSON form.
    #[error("the anchor cannot be written: {0}")]
    Json(#[from] serde_json::Error),
}

/// What is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Statement {
    /// The lender's orgId.
    pub(super) lender: String,
    /// The day (UTC).
    pub(super) day: NaiveDate,
    /// How many rows there were.
    pub(super) count: i64,
    /// The hash of the last of them, in hexadecimal digits.
    pub(super) head: String,
    /// When it was signed.
    pub(super) at: DateTime<Utc>,
}

/// Anchors the chain once a day until the app stops.
pub async fn run(app: SharedApp) {
    let (mut anchored, mut told) = (None, None);
    while !app.stop.is_cancelled() {
        let today = app.clock.wall().date_naive();
        if anchored != Some(today) {
            match make(&app).await {
                Ok(_) => anchored = Some(today),
                Err(error) => tracing::warn!(%error, "the audit log is anchored later"),
            }
        }
        if told.is_none_or(|(_, at): (i64, Instant)| at.elapsed() >= TELL) {
            let before = told.map(|(seq, _)| seq);
            match tell(&app, before).await {
                Ok(anchor) => {
                    told = Some((anchor.map_or(before.unwrap_or_default(), |anchor| anchor.seq), Instant::now()));
                }
                Err(error) => tracing::warn!(%error, "where the audit log stands is told later"),
            }
        }
        tokio::select! {
            () = app.stop.cancelled() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

/// Signs where the chain stands, unless this day has its anchor already; gives the new one.
///
/// # Errors
/// [`AnchorError`].
pub async fn make(app: &App) -> Result<Option<Anchor>, AnchorError> {
    let now = app.clock.wall();
    let mut conn = app.pool.acquire().await.map_err(StoreError::from)?;
    let anchor = sign(app, head(&mut conn).await?, now)?;
    if !audit::add_anchor(&mut conn, &anchor, now).await? {
        return Ok(None);
    }
    write(app, &anchor, "audit log anchored");
    Ok(Some(anchor))
}

/// Writes to the log where the chain stands, signed like an anchor, unless it has as many rows as were told last.
///
/// # Errors
/// [`AnchorError`].
pub async fn tell(app: &App, told: Option<i64>) -> Result<Option<Anchor>, AnchorError> {
    let mut conn = app.pool.acquire().await.map_err(StoreError::from)?;
    let (seq, hash) = head(&mut conn).await?;
    drop(conn);
    if told == Some(seq) {
        return Ok(None);
    }
    let anchor = sign(app, (seq, hash), app.clock.wall())?;
    write(app, &anchor, "audit log stands");
    Ok(Some(anchor))
}

/// How many rows there are, and the hash of the last.
async fn head(conn: &mut PgConnection) -> Result<(i64, Vec<u8>), StoreError> {
    let last = audit::list(conn, Wanted::default(), 1).await?.pop();
    Ok(last.map_or((0, vec![0; HASH_BYTES]), |row| (row.seq, row.hash)))
}

fn sign(app: &App, (seq, hash): (i64, Vec<u8>), now: DateTime<Utc>) -> Result<Anchor, AnchorError> {
    let (lender, day) = (app.config.lender.org_id.clone(), now.date_naive());
    let statement = Statement { lender, day, count: seq, head: hex::encode(&hash), at: now };
    let signed = sign_flattened(&app.keys.signing(), HeaderMember::Protected, &serde_json::to_vec(&statement)?)?;
    Ok(Anchor { day, seq, hash, signed: compact(&signed)? })
}

/// For whoever keeps the log out of reach. Nobody does with a sandbox's, whose first lines it would be.
fn write(app: &App, anchor: &Anchor, what: &'static str) {
    let (day, head) = (anchor.day, hex::encode(&anchor.hash));
    match app.config.mode {
        Mode::Serve => tracing::info!(%day, count = anchor.seq, head, signed = anchor.signed, "{what}"),
        Mode::Dev => tracing::debug!(%day, count = anchor.seq, head, signed = anchor.signed, "{what}"),
    }
}

/// The members of a JWS in its flattened form.
#[derive(Serialize, Deserialize)]
struct Flattened {
    protected: String,
    payload: String,
    signature: String,
}

/// A JWS in its compact form (RFC 7515 §7.1), which is one word in a log line.
fn compact(flattened: &[u8]) -> Result<String, serde_json::Error> {
    let Flattened { protected, payload, signature } = serde_json::from_slice(flattened)?;
    Ok(format!("{protected}.{payload}.{signature}"))
}

/// The flattened form of a compact JWS; none when it has not three parts.
pub(super) fn flattened(compact: &str) -> Option<Vec<u8>> {
    let mut parts = compact.trim().splitn(3, '.').map(str::to_owned);
    let (protected, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::to_vec(&Flattened { protected, payload, signature }).ok()
}
