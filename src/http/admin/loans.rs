//! One loan: terms, payouts and book.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::SharedApp;
use crate::domain::maths::money::Paise;
use crate::http::problem::{Path, Problem};
use crate::store::StoreError;
use crate::store::overview::{self, PostingRow};

/// Most postings that are shown of one loan.
const SHOWN: i64 = 5_000;

/// One journal with its postings.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct JournalOut {
    journal_id: Uuid,
    kind: String,
    reference: String,
    value_date: NaiveDate,
    postings: Vec<PostingOut>,
}

/// One side of a journal, in rupees: debit positive, credit negative.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct PostingOut {
    account: String,
    amount: String,
}

/// One loan.
///
/// # Errors
/// 404 when there is no such loan.
pub async fn show(State(app): State<SharedApp>, Path(loan_id): Path<String>) -> Result<Json<Value>, Problem> {
    let mut conn = app.pool.acquire().await?;
    let loan = overview::loan(&mut conn, &loan_id).await?.ok_or_else(|| Problem::not_found("loan"))?;
    let payouts = overview::payouts(&mut conn, &loan_id).await?;
    let postings = overview::postings(&mut conn, &loan_id, SHOWN).await?;
    drop(conn);
    let context = format!("loan:{loan_id}");
    let terms: Value = app.sealer.open_json(&context, &loan.sealed_state).map_err(StoreError::from)?;
    Ok(Json(json!({
        "loanId": loan.loan_id,
        "orgId": loan.org_id,
        "loanApplicationId": loan.loan_application_id,
        "applicationId": loan.application_id,
        "revision": loan.revision,
        "createdAt": loan.created_at,
        "terms": terms,
        "payouts": payouts,
        "book": journals(postings),
    })))
}

fn journals(postings: Vec<PostingRow>) -> Vec<JournalOut> {
    let mut journals: Vec<JournalOut> = Vec::new();
    for row in postings {
        let posting = PostingOut { account: row.account, amount: Paise(row.amount).to_string() };
        match journals.last_mut() {
            Some(journal) if journal.journal_id == row.journal_id => journal.postings.push(posting),
            _ => journals.push(JournalOut {
                journal_id: row.journal_id,
                kind: row.kind,
                reference: row.reference,
                value_date: row.value_date,
                postings: vec![posting],
            }),
        }
    }
    journals
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn postings_are_gathered_by_journal() {
        let row = |journal, account: &str, amount| PostingRow {
            journal_id: Uuid::from_u128(journal),
            kind: "DISBURSEMENT".into(),
            reference: "r".into(),
            value_date: NaiveDate::default(),
            posted_at: DateTime::UNIX_EPOCH,
            account: account.into(),
            amount,
        };
        let book = journals(vec![row(1, "A", 10_000), row(1, "B", -10_000), row(2, "A", 5)]);
        let sides: Vec<usize> = book.iter().map(|journal| journal.postings.len()).collect();
        assert_eq!(sides, [2, 1]);
        assert_eq!(book.first().unwrap().postings.last().unwrap().amount, "-100.00");
    }
}
