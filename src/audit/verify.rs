//! The walk along the chain: every row follows from the one before, and every anchor names a row that is there.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use sqlx::PgConnection;

use super::anchor::{Statement, flattened};
use crate::jose::{Incoming, OCEN_V3_ALGORITHMS, VerifyingKey};
use crate::store::StoreError;
use crate::store::audit::{self, Anchor, HASH_BYTES, Row};

/// Rows that are read at a time.
const BATCH: i64 = 1_000;

/// The first thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "each message says it")]
pub enum Fault {
    #[error("row {0} is missing")]
    Missing(i64),
    #[error("row {0} does not follow from the row before it")]
    Unlinked(i64),
    #[error("row {0} was altered")]
    Altered(i64),
    #[error("on {day} there were {count} rows; now the chain ends at {ends}")]
    CutOff { day: NaiveDate, count: i64, ends: i64 },
    #[error("row {seq} is not the one that was signed on {day}")]
    Replaced { seq: i64, day: NaiveDate },
    #[error("the anchor of {day}: {what}")]
    Anchor { day: NaiveDate, what: String },
}

impl Fault {
    /// The row that it is about.
    #[must_use]
    pub fn seq(&self) -> Option<i64> {
        match self {
            Self::Missing(seq) | Self::Unlinked(seq) | Self::Altered(seq) | Self::Replaced { seq, .. } => Some(*seq),
            Self::CutOff { ends, .. } => Some(*ends + 1),
            Self::Anchor { .. } => None,
        }
    }
}

/// Why the walk ended early.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The chain is broken.
    #[error(transparent)]
    Broken(#[from] Fault),
    /// The chain is whole and its anchors hold, but some are signed with keys that were not given.
    #[error("the chain is whole, but anchors are signed with keys that were not given: {0}")]
    Unproven(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was found to be whole.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Whole {
    /// First row.
    pub from: i64,
    /// Last row.
    pub to: i64,
    /// Rows.
    pub count: i64,
    /// The hash of the last row.
    pub head: String,
    /// Anchors that name a row of these.
    pub anchors: usize,
    /// Anchors whose signature was checked.
    pub signatures: usize,
}

/// What is walked along, and what it is held against.
#[derive(Debug, Clone, Default)]
pub struct Walk {
    /// First row; the first of all when absent.
    pub from: Option<i64>,
    /// Last row; the end when absent.
    pub to: Option<i64>,
    /// The lender's public keys by kid; without any, signatures of anchors are not checked.
    pub keys: BTreeMap<String, VerifyingKey>,
    /// Anchors kept elsewhere, e.g. from the log: the JWS.
    pub kept: Vec<String>,
}

/// A row that is known to be right: the next one must follow from it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    seq: i64,
    hash: Vec<u8>,
}

impl Link {
    fn start() -> Self {
        Self { seq: 0, hash: vec![0; HASH_BYTES] }
    }

    fn follow(&self, row: &Row) -> Result<Self, Fault> {
        if row.seq != self.seq + 1 {
            return Err(Fault::Missing(self.seq + 1));
        }
        if row.prev_hash != self.hash {
            return Err(Fault::Unlinked(row.seq));
        }
        if row.hash != row.expected_hash() {
            return Err(Fault::Altered(row.seq));
        }
        Ok(Self { seq: row.seq, hash: row.hash.clone() })
    }
}

/// Walks along the chain.
///
/// # Errors
/// The first [`Fault`], or the database's error.
pub async fn walk(conn: &mut PgConnection, walk: &Walk) -> Result<Whole, VerifyError> {
    let from = walk.from.unwrap_or(1).max(1);
    let (anchors, unproven) = anchors(conn, walk).await?;
    let mut link = before(conn, from).await?;
    let mut found = at(&anchors, &link)?;
    loop {
        let left = walk.to.map_or(BATCH, |to| (to - link.seq).min(BATCH));
        let rows = if left > 0 { audit::after(conn, link.seq, left).await? } else { Vec::new() };
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            link = link.follow(row)?;
            found += at(&anchors, &link)?;
        }
    }
    let cut_off = anchors.iter().find(|anchor| walk.to.is_none() && anchor.seq > link.seq);
    if let Some(anchor) = cut_off {
        return Err(Fault::CutOff { day: anchor.day, count: anchor.seq, ends: link.seq }.into());
    }
    if !unproven.is_empty() {
        return Err(VerifyError::Unproven(unproven.into_iter().collect::<Vec<_>>().join(", ")));
    }
    let signatures = if walk.keys.is_empty() { 0 } else { anchors.len() };
    let count = (link.seq - from + 1).max(0);
    Ok(Whole { from, to: link.seq, count, head: hex::encode(&link.hash), anchors: found, signatures })
}

/// The row before the first one; it must be there and be right in itself.
async fn before(conn: &mut PgConnection, from: i64) -> Result<Link, VerifyError> {
    if from == 1 {
        return Ok(Link::start());
    }
    let row = audit::after(conn, from - 2, 1).await?.pop().filter(|row| row.seq == from - 1);
    let row = row.ok_or(Fault::Missing(from - 1))?;
    if row.hash != row.expected_hash() {
        return Err(Fault::Altered(row.seq).into());
    }
    Ok(Link { seq: row.seq, hash: row.hash })
}

/// How many anchors name this row; all of them must name its hash.
fn at(anchors: &[Anchor], link: &Link) -> Result<usize, Fault> {
    let of_this_row: Vec<&Anchor> = anchors.iter().filter(|anchor| anchor.seq == link.seq).collect();
    match of_this_row.iter().find(|anchor| anchor.hash != link.hash) {
        Some(anchor) => Err(Fault::Replaced { seq: link.seq, day: anchor.day }),
        None => Ok(of_this_row.len()),
    }
}

/// All anchors, the stored and the given ones, and the kids of keys by which none could be checked.
async fn anchors(conn: &mut PgConnection, walk: &Walk) -> Result<(Vec<Anchor>, BTreeSet<String>), VerifyError> {
    let mut all = audit::anchors(conn, None, i64::MAX).await?;
    for signed in &walk.kept {
        all.push(read(signed).map_err(|what| Fault::Anchor { day: NaiveDate::default(), what })?);
    }
    let mut unproven = BTreeSet::new();
    if walk.keys.is_empty() {
        return Ok((all, unproven));
    }
    for anchor in &all {
        match kid(&anchor.signed).filter(|kid| !walk.keys.contains_key(kid)) {
            Some(kid) => drop(unproven.insert(kid)),
            None => signed(anchor, &walk.keys).map_err(|what| Fault::Anchor { day: anchor.day, what })?,
        }
    }
    Ok((all, unproven))
}

/// By which key a JWS claims to be signed.
fn kid(signed: &str) -> Option<String> {
    match Incoming::parse(&flattened(signed)?, OCEN_V3_ALGORITHMS) {
        Ok(Incoming::Signed(jws)) => jws.kid().map(str::to_owned),
        Ok(Incoming::Plain) | Err(_) => None,
    }
}

/// An anchor that was kept as a JWS.
fn read(signed: &str) -> Result<Anchor, String> {
    let said = statement(signed, None)?;
    let hash = bytes(&said.head).ok_or("its head is no hash")?;
    Ok(Anchor { day: said.day, seq: said.count, hash, signed: signed.trim().to_owned() })
}

/// Whether one of the lender's keys signed exactly this.
fn signed(anchor: &Anchor, keys: &BTreeMap<String, VerifyingKey>) -> Result<(), String> {
    let said = statement(&anchor.signed, Some(keys))?;
    let same = (said.day, said.count) == (anchor.day, anchor.seq) && said.head == hex::encode(&anchor.hash);
    if same { Ok(()) } else { Err("what is signed is not what is stored".to_owned()) }
}

/// What a JWS says; with keys, only when one of them signed it.
fn statement(signed: &str, keys: Option<&BTreeMap<String, VerifyingKey>>) -> Result<Statement, String> {
    let flattened = flattened(signed).ok_or("it is no JWS")?;
    let jws = match Incoming::parse(&flattened, OCEN_V3_ALGORITHMS) {
        Ok(Incoming::Signed(jws)) => jws,
        Ok(Incoming::Plain) => return Err("it is not signed".to_owned()),
        Err(error) => return Err(error.to_string()),
    };
    let payload = match keys {
        None => jws.unverified_payload(),
        Some(keys) => {
            let kid = jws.kid().unwrap_or_default();
            let key = keys.get(kid).ok_or_else(|| format!("its key {kid} was not given"))?;
            jws.verify(key).map_err(|error| error.to_string())?
        }
    };
    serde_json::from_slice(payload).map_err(|error| error.to_string())
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        hex.chars().map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let bytes: Vec<u8> = digits?.chunks(2).filter_map(|pair| Some(pair.first()? * 16 + pair.get(1)?)).collect();
    (bytes.len() == HASH_BYTES && hex.len() == 2 * HASH_BYTES).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(before: &Link, entry: &str) -> Row {
        let entry = entry.to_owned();
        let mut row = Row { seq: before.seq + 1, prev_hash: before.hash.clone(), hash: Vec::new(), entry };
        row.hash = row.expected_hash();
        row
    }

    #[test]
    fn each_row_follows_from_the_one_before() {
        let first = row(&Link::start(), "a");
        let link = Link::start().follow(&first).unwrap();
        let second = row(&link, "b");
        assert_eq!(link.follow(&second).unwrap().seq, 2);

        let edited = Row { entry: "c".into(), ..second.clone() };
        assert_eq!(link.follow(&edited), Err(Fault::Altered(2)));
        assert_eq!(Link::start().follow(&second), Err(Fault::Missing(1)));
        let elsewhere = Link { hash: vec![1; HASH_BYTES], ..link };
        assert_eq!(elsewhere.follow(&second), Err(Fault::Unlinked(2)));
    }

    #[test]
    fn a_moved_row_has_another_hash() {
        let first = row(&Link::start(), "a");
        let moved = Row { seq: 2, ..first.clone() };
        assert_ne!(moved.expected_hash(), first.hash);
    }
}
