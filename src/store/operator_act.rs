//! Acts by hand: what was proposed, by whom, and who decided.

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{StoreError, one_row};
use crate::domain::ids::LoanId;
use crate::domain::loan::operator::Act;
use crate::seal::Sealer;

/// What is proposed, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Proposal {
    /// The act.
    pub act: Act,
    /// Why.
    pub reason: String,
}

/// An act as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "OperatorAct")]
#[serde(rename_all = "camelCase")]
pub struct Stored {
    /// Ours.
    pub act_id: Uuid,
    /// The loan.
    pub loan_id: LoanId,
    /// What, and why.
    #[serde(flatten)]
    pub proposal: Proposal,
    /// Who proposed it.
    pub maker: String,
    /// Who decided.
    pub checker: Option<String>,
    /// `PROPOSED`, `DONE` or `REJECTED`.
    pub state: String,
    /// When it was proposed.
    pub proposed_at: DateTime<Utc>,
    /// When it was decided.
    pub decided_at: Option<DateTime<Utc>>,
}

fn context(id: Uuid) -> String {
    format!("act:{}", id.simple())
}

/// Notes a proposal.
///
/// # Errors
/// When the database fails.
pub async fn propose(
    conn: &mut PgConnection,
    sealer: &Sealer,
    (act_id, loan): (Uuid, &LoanId),
    (proposal, maker): (&Proposal, &str),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let sealed = sealer.seal_json(&context(act_id), proposal)?;
    sqlx::query!(
        r#"
        insert into operator_act (act_id, loan_id, kind, act, maker, state, proposed_at)
        values ($1, $2, $3, $4, $5, 'PROPOSED', $6)
        "#,
        act_id,
        loan.as_str(),
        proposal.act.name(),
        sealed,
        maker,
        now,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An act, locked until the transaction ends.
///
/// # Errors
/// When the database fails or the row cannot be opened.
pub async fn read(conn: &mut PgConnection, sealer: &Sealer, act_id: Uuid) -> Result<Option<Stored>, StoreError> {
    let row = sqlx::query!(
        r#"
        select loan_id, act, maker, checker, state, proposed_at, decided_at
        from operator_act
        where act_id = $1
        for update
        "#,
        act_id,
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        Ok(Stored {
            act_id,
            loan_id: LoanId(row.loan_id),
            proposal: sealer.open_json(&context(act_id), &row.act)?,
            maker: row.maker,
            checker: row.checker,
            state: row.state,
            proposed_at: row.proposed_at,
            decided_at: row.decided_at,
        })
    })
    .transpose()
}

/// Acts on a loan, or all that are open when none is named, newest first.
///
/// # Errors
/// When the database fails or a row cannot be opened.
pub async fn list(
    conn: &mut PgConnection,
    sealer: &Sealer,
    loan: Option<&LoanId>,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Stored>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select act_id, loan_id, act, maker, checker, state, proposed_at, decided_at
        from operator_act
        where (loan_id = $1 or $1::text is null and state = 'PROPOSED')
        and ($2::uuid is null or act_id < $2)
        order by act_id desc
        limit $3
        "#,
        loan.map(LoanId::as_str),
        before,
        limit,
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(Stored {
                act_id: row.act_id,
                loan_id: LoanId(row.loan_id),
                proposal: sealer.open_json(&context(row.act_id), &row.act)?,
                maker: row.maker,
                checker: row.checker,
                state: row.state,
                proposed_at: row.proposed_at,
                decided_at: row.decided_at,
            })
        })
        .collect()
}

/// Notes who decided, and how.
///
/// # Errors
/// When the database fails or refuses.
pub async fn decide(
    conn: &mut PgConnection,
    act_id: Uuid,
    (checker, state): (&str, &str),
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let updated = sqlx::query!(
        r#"
        update operator_act
        set checker = $2,
            state = $3,
            decided_at = $4
        where act_id = $1
        "#,
        act_id,
        checker,
        state,
        now,
    )
    .execute(conn)
    .await?;
    one_row(updated.rows_affected(), "operator_act")
}

/// Takes the words out of the reasons for acts on a loan, whose retention has ended; what was done stays.
///
/// # Errors
/// When the database fails, a row cannot be opened, or the transaction is not one that may overwrite.
pub async fn redact(conn: &mut PgConnection, sealer: &Sealer, loan: &LoanId, word: &str) -> Result<(), StoreError> {
    let rows = sqlx::query!("select act_id, act from operator_act where loan_id = $1 for update", loan.as_str())
        .fetch_all(&mut *conn)
        .await?;
    for row in rows {
        let mut proposal: Proposal = sealer.open_json(&context(row.act_id), &row.act)?;
        word.clone_into(&mut proposal.reason);
        let sealed = sealer.seal_json(&context(row.act_id), &proposal)?;
        sqlx::query!("update operator_act set act = $2 where act_id = $1", row.act_id, sealed)
            .execute(&mut *conn)
            .await?;
    }
    Ok(())
}
