//! What people do with a referral: each act on the locked row, and its line in the history.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Proposal, context};
use crate::seal::Sealer;
use crate::store::{StoreError, one_row};

/// One thing that was done with a referral.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActRow {
    /// `CLAIMED`, `UNCLAIMED`, `PROPOSED`, `RETURNED`, `RELEASED` or `STALE`.
    pub what: String,
    /// By whom; nobody when the program found it stale.
    pub who: Option<String>,
    /// The maker's words on a proposal, the checker's on one that was returned.
    pub reason: Option<String>,
    /// When.
    pub happened_at: DateTime<Utc>,
}

/// Sets or ends a claim of a locked referral.
///
/// # Errors
/// When the database fails.
pub async fn set_claim(
    conn: &mut PgConnection,
    id: Uuid,
    claim: Option<(&str, DateTime<Utc>)>,
) -> Result<(), StoreError> {
    let updated = sqlx::query!(
        r#"
        update referral
        set claimed_by = $2,
            claimed_until = $3
        where referral_id = $1
        "#,
        id,
        claim.map(|(who, _)| who),
        claim.map(|(_, until)| until),
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "referral")
}

/// Notes a proposal on a locked referral; the claim has done its work.
///
/// # Errors
/// When the database fails.
pub async fn propose(
    conn: &mut PgConnection,
    sealer: &Sealer,
    id: Uuid,
    (proposal, maker): (&Proposal, &str),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sealed = sealer.seal_json(&context(id, "proposal"), proposal)?;
    let updated = sqlx::query!(
        r#"
        update referral
        set state = 'PROPOSED',
            proposal = $2,
            maker = $3,
            proposed_at = $4,
            claimed_by = null,
            claimed_until = null
        where referral_id = $1
        "#,
        id,
        sealed,
        maker,
        now,
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "referral")
}

/// Puts a proposed referral back into the queue.
///
/// # Errors
/// When the database fails.
pub async fn hand_back(conn: &mut PgConnection, id: Uuid) -> Result<(), StoreError> {
    let updated = sqlx::query!(
        r#"
        update referral
        set state = 'WAITING',
            proposal = null,
            maker = null,
            proposed_at = null
        where referral_id = $1
        "#,
        id,
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "referral")
}

/// Ends a locked referral: as released by a checker, or stale.
///
/// # Errors
/// When the database fails or refuses.
pub async fn end(
    conn: &mut PgConnection,
    id: Uuid,
    (state, checker): (&str, Option<&str>),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let updated = sqlx::query!(
        r#"
        update referral
        set state = $2,
            checker = $3,
            decided_at = $4,
            claimed_by = null,
            claimed_until = null
        where referral_id = $1
        "#,
        id,
        state,
        checker,
        now,
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "referral")
}

/// Notes who did what with a referral.
///
/// # Errors
/// When the database fails.
pub async fn note(
    conn: &mut PgConnection,
    sealer: &Sealer,
    id: Uuid,
    (what, who, proposal): (&str, Option<&str>, Option<&Proposal>),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sealed = proposal.map(|proposal| sealer.seal_json(&context(id, "proposal"), proposal)).transpose()?;
    sqlx::query!(
        r#"
        insert into referral_act (referral_id, what, who, proposal, happened_at)
        values ($1, $2, $3, $4, $5)
        "#,
        id,
        what,
        who,
        sealed,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// What was done with a referral, in order.
///
/// # Errors
/// When the database fails or a row cannot be opened.
pub async fn acts(conn: &mut PgConnection, sealer: &Sealer, id: Uuid, limit: i64) -> Result<Vec<ActRow>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select what, who, proposal, happened_at
        from referral_act
        where referral_id = $1
        order by act_id
        limit $2
        "#,
        id,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let open = |sealed: Vec<u8>| sealer.open_json::<Proposal>(&context(id, "proposal"), &sealed);
            let proposal = row.proposal.map(open).transpose()?;
            let reason = proposal.map(|proposal| proposal.reason).filter(|reason| !reason.is_empty());
            Ok(ActRow { what: row.what, who: row.who, reason, happened_at: row.happened_at })
        })
        .collect()
}
