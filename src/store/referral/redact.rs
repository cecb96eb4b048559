//! The end of retention: codes, verdicts and names of the lender's own people stay, words about the borrower go.

use sqlx::PgConnection;
use uuid::Uuid;

use super::{Proposal, context};
use crate::domain::application::referral::{ReferralReason, Verdict};
use crate::seal::Sealer;
use crate::store::StoreError;

/// Takes the words out of an application's referrals and of what was done with them.
///
/// # Errors
/// When the database fails, a row cannot be opened, or the transaction is not one that may overwrite.
pub async fn redact(conn: &mut PgConnection, sealer: &Sealer, application: Uuid, word: &str) -> Result<(), StoreError> {
    let rows = sqlx::query!(
        r#"
        select referral_id, reasons, proposal
        from referral
        where application_id = $1
        for update
        "#,
        application,
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in rows {
        let place = context(row.referral_id, "reasons");
        let mut reasons: Vec<ReferralReason> = sealer.open_json(&place, &row.reasons)?;
        for reason in &mut *reasons {
            word.clone_into(&mut reason.description);
        }
        let reasons = sealer.seal_json(&place, &reasons)?;
        let proposal = row.proposal.map(|sealed| wordless(sealer, row.referral_id, &sealed, word)).transpose()?;
        sqlx::query!(
            "update referral set reasons = $2, proposal = $3 where referral_id = $1",
            row.referral_id,
            reasons,
            proposal,
        )
        .execute(&mut *conn)
        .await?;
        acts(conn, sealer, row.referral_id, word).await?;
    }
    Ok(())
}

async fn acts(conn: &mut PgConnection, sealer: &Sealer, referral: Uuid, word: &str) -> Result<(), StoreError> {
    let rows = sqlx::query!(
        r#"
        select act_id, proposal as "proposal!"
        from referral_act
        where referral_id = $1
        and proposal is not null
        "#,
        referral,
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in rows {
        let proposal = wordless(sealer, referral, &row.proposal, word)?;
        sqlx::query!("update referral_act set proposal = $2 where act_id = $1", row.act_id, proposal)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}

fn wordless(sealer: &Sealer, referral: Uuid, sealed: &[u8], word: &str) -> Result<Vec<u8>, StoreError> {
    let place = context(referral, "proposal");
    let mut proposal: Proposal = sealer.open_json(&place, sealed)?;
    word.clone_into(&mut proposal.reason);
    if let Verdict::Reject { description, .. } = &mut proposal.verdict {
        word.clone_into(description);
    }
    Ok(sealer.seal_json(&place, &proposal)?)
}
