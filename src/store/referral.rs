//! Decisions that wait for people: the queue, who works on what, and what became of it.

mod acts;
mod redact;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

pub use self::acts::{ActRow, acts, end, hand_back, note, propose, set_claim};
pub use self::redact::redact;
use super::StoreError;
use crate::domain::application::facets::Generation;
use crate::domain::application::referral::{ReferralReason, Verdict};
use crate::domain::ids::{ApplicationId, ExchangeId};
use crate::seal::Sealer;

/// What is proposed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The verdict with its terms.
    pub verdict: Verdict,
    /// Why, for the lender's own people.
    pub reason: String,
}

/// A referral to be queued.
#[derive(Debug, Clone, Copy)]
pub struct NewReferral<'a> {
    /// The question that was referred.
    pub ask_id: Uuid,
    /// Whose application.
    pub org_id: &'a str,
    /// Which application.
    pub application: ApplicationId,
    /// The exchange that the question belongs to.
    pub exchange: Option<ExchangeId>,
    /// The method of the question.
    pub question: &'a str,
    /// What makes a verdict current.
    pub generation: Generation,
    /// Why it was referred.
    pub reasons: &'a [ReferralReason],
}

/// A referral as it stands.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Ours.
    pub id: Uuid,
    /// The question that was referred.
    pub ask_id: Uuid,
    /// Whose application.
    pub org_id: String,
    /// Which application.
    pub application: ApplicationId,
    /// The exchange that the question belongs to.
    pub exchange: Option<ExchangeId>,
    /// The method of the question.
    pub question: String,
    /// What makes a verdict current.
    pub generation: Generation,
    /// Why it was referred.
    pub reasons: Vec<ReferralReason>,
    /// `WAITING`, `PROPOSED`, `APPROVED`, `REJECTED` or `STALE`.
    pub state: String,
    /// Who works on it.
    pub claimed_by: Option<String>,
    /// Until when, by the business clock.
    pub claimed_until: Option<DateTime<Utc>>,
    /// What is proposed.
    pub proposal: Option<Proposal>,
    /// Who proposed it.
    pub maker: Option<String>,
    /// Who released it.
    pub checker: Option<String>,
    /// When it was queued.
    pub created_at: DateTime<Utc>,
    /// When it was proposed.
    pub proposed_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub decided_at: Option<DateTime<Utc>>,
}

/// Which referrals of a list.
#[derive(Debug, Clone, Copy)]
pub struct Which<'a> {
    /// In one of these states.
    pub states: &'a [&'a str],
    /// Queued after this one.
    pub after: Option<Uuid>,
}

fn context(id: Uuid, column: &str) -> String {
    format!("referral:{}:{column}", id.simple())
}

/// Queues a referral.
///
/// # Errors
/// When the database fails or the reasons cannot be sealed.
pub async fn insert(
    conn: &mut PgConnection,
    sealer: &Sealer,
    id: Uuid,
    new: NewReferral<'_>,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let codes: Vec<String> = new.reasons.iter().map(|reason| reason.code.clone()).collect();
    let reasons = sealer.seal_json(&context(id, "reasons"), &new.reasons)?;
    sqlx::query!(
        r#"
        insert into referral (
            referral_id, ask_id, org_id, application_id, exchange_id, question, generation, codes, reasons, state,
            created_at)
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'WAITING', $10)
        "#,
        id,
        new.ask_id,
        new.org_id,
        new.application.0,
        new.exchange.map(|exchange| exchange.0),
        new.question,
        i64::from(new.generation),
        &codes,
        reasons,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The columns of a row, as the macros give them.
struct Row {
    referral_id: Uuid,
    ask_id: Uuid,
    org_id: String,
    application_id: Uuid,
    exchange_id: Option<Uuid>,
    question: String,
    generation: i64,
    reasons: Vec<u8>,
    state: String,
    claimed_by: Option<String>,
    claimed_until: Option<DateTime<Utc>>,
    proposal: Option<Vec<u8>>,
    maker: Option<String>,
    checker: Option<String>,
    created_at: DateTime<Utc>,
    proposed_at: Option<DateTime<Utc>>,
    decided_at: Option<DateTime<Utc>>,
}

impl Row {
    fn open(self, sealer: &Sealer) -> Result<Stored, StoreError> {
        let id = self.referral_id;
        let proposal = self.proposal.map(|sealed| sealer.open_json(&context(id, "proposal"), &sealed)).transpose()?;
        Ok(Stored {
            id,
            ask_id: self.ask_id,
            org_id: self.org_id,
            application: ApplicationId(self.application_id),
            exchange: self.exchange_id.map(ExchangeId),
            question: self.question,
            generation: Generation::try_from(self.generation).unwrap_or(Generation::MAX),
            reasons: sealer.open_json(&context(id, "reasons"), &self.reasons)?,
            state: self.state,
            claimed_by: self.claimed_by,
            claimed_until: self.claimed_until,
            proposal,
            maker: self.maker,
            checker: self.checker,
            created_at: self.created_at,
            proposed_at: self.proposed_at,
            decided_at: self.decided_at,
        })
    }
}

/// A referral, locked until the transaction ends.
///
/// # Errors
/// When the database fails or the row cannot be opened.
pub async fn lock(conn: &mut PgConnection, sealer: &Sealer, id: Uuid) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select referral_id, ask_id, org_id, application_id, exchange_id, question, generation, reasons, state,
            claimed_by, claimed_until, proposal, maker, checker, created_at, proposed_at, decided_at
        from referral
        where referral_id = $1
        for update
        "#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.open(sealer)).transpose()
}

/// A referral as it stands.
///
/// # Errors
/// When the database fails or the row cannot be opened.
pub async fn read(conn: &mut PgConnection, sealer: &Sealer, id: Uuid) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query_as!(
        Row,
        r#"
        select referral_id, ask_id, org_id, application_id, exchange_id, question, generation, reasons, state,
            claimed_by, claimed_until, proposal, maker, checker, created_at, proposed_at, decided_at
        from referral
        where referral_id = $1
        "#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| row.open(sealer)).transpose()
}

/// Referrals, oldest first: what waits longest comes first.
///
/// # Errors
/// When the database fails or a row cannot be opened.
pub async fn list(
    conn: &mut PgConnection,
    sealer: &Sealer,
    which: Which<'_>,
    limit: i64,
) -> Result<Vec<Stored>, StoreError> {
    let states: Vec<String> = which.states.iter().map(|&state| state.to_owned()).collect();
    let rows = sqlx::query_as!(
        Row,
        r#"
        select referral_id, ask_id, org_id, application_id, exchange_id, question, generation, reasons, state,
            claimed_by, claimed_until, proposal, maker, checker, created_at, proposed_at, decided_at
        from referral
        where state = any($1)
        and ($2::uuid is null or referral_id > $2)
        order by referral_id
        limit $3
        "#,
        &states,
        which.after,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(|row| row.open(sealer)).collect()
}

/// How many wait, and since when the oldest.
///
/// # Errors
/// When the database fails.
pub async fn waiting(conn: &mut PgConnection) -> Result<(i64, Option<DateTime<Utc>>), StoreError> {
    let row = sqlx::query!(
        r#"
        select count(*) as "count!", min(created_at) as oldest
        from referral
        where state in ('WAITING', 'PROPOSED')
        "#,
    )
    .fetch_one(conn)
    .await?;
    Ok((row.count, row.oldest))
}
