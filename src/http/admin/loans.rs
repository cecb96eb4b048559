//! One loan: terms, schedule, payouts, payments, book, delinquency, disputes and acts by hand.

use axum::Json;
use axum::extract::State;
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::caller::{Caller, Kind};
use super::page::{self, Page};
use super::search;
use crate::app::SharedApp;
use crate::domain::application::facets::Offer;
use crate::domain::ids::LoanId;
use crate::domain::loan::account::Account;
use crate::domain::loan::repayment::{Payment, PaymentState};
use crate::domain::loan::{Loan, Payout, details};
use crate::domain::maths::money::Paise;
use crate::http::problem::{Path, Problem, Query};
use crate::store::dispute::{self, Disputes};
use crate::store::loan_list::{self, Loans, STATUSES};
use crate::store::overview::{self, PayoutRow, PostingRow};
use crate::store::{StoreError, operator_act, repayment};

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

/// `GET /admin/loans`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListQuery {
    org_id: Option<String>,
    /// One of `GRANTED`, `RUNNING`, `CLOSED`, `WRITTEN_OFF`, `WITHDRAWN`.
    status: Option<String>,
    /// A search: an id of OCEN's or ours, a request or trace id, a borrower's PAN or phone.
    q: Option<String>,
    cursor: Option<String>,
    limit: Option<i64>,
}

/// Loans, those of the newest applications first.
///
/// # Errors
/// 400 for a query that makes no sense.
pub async fn list(
    State(app): State<SharedApp>,
    caller: Caller,
    Query(query): Query<ListQuery>,
) -> Result<Json<impl Serialize>, Problem> {
    let org_id = caller.within(query.org_id);
    let status = query.status.map(|status| status.to_ascii_uppercase());
    if status.as_deref().is_some_and(|status| !STATUSES.contains(&status)) {
        return Err(Problem::bad_request(format!("status must be one of {}", STATUSES.join(", "))));
    }
    let limit = page::limit(query.limit)?;
    let before = page::before(query.cursor.as_deref())?;
    let among = search::applications(&app, org_id.as_deref(), query.q.as_deref()).await?;
    let which = Loans { org_id: org_id.as_deref(), status: status.as_deref(), before, among: among.as_deref() };
    let mut conn = app.pool.acquire().await?;
    let found = loan_list::list(&mut conn, which, limit + 1).await?;
    Ok(Page::of(found, limit, |loan| loan.application_id.to_string()))
}

/// One loan.
///
/// # Errors
/// 404 when there is no such loan.
pub async fn show(
    State(app): State<SharedApp>,
    caller: Caller,
    Path(loan_id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let mut conn = app.pool.acquire().await?;
    let loan = overview::loan(&mut conn, &loan_id).await?.filter(|loan| caller.sees(&loan.org_id));
    let loan = loan.ok_or_else(|| Problem::not_found("loan"))?;
    let payouts = overview::payouts(&mut conn, &loan_id).await?;
    let postings = overview::postings(&mut conn, &loan_id, SHOWN).await?;
    let id = LoanId(loan_id);
    let payments = repayment::all(&mut conn, &app.sealer, &id, SHOWN).await?;
    let disputes =
        dispute::list(&mut conn, &app.sealer, Disputes { loan: Some(&id), ..Disputes::default() }, SHOWN).await?;
    let acts = operator_act::list(&mut conn, &app.sealer, Some(&id), None, SHOWN).await?;
    drop(conn);
    let context = format!("loan:{id}");
    let stored: Loan = app.sealer.open_json(&context, &loan.sealed_state).map_err(StoreError::from)?;
    let today = app.clock.today();
    // As it stands today, whatever the day-end has swept.
    let current = details::as_of(&stored, today);
    // Who proposed and decided what is the lender's own business.
    let acts = if caller.kind == Kind::Link { Vec::new() } else { acts };
    Ok(Json(json!({
        "loanId": loan.loan_id,
        "orgId": loan.org_id,
        "loanApplicationId": loan.loan_application_id,
        "applicationId": loan.application_id,
        "revision": loan.revision,
        "createdAt": loan.created_at,
        "terms": terms(&stored.offer),
        "payouts": payouts.iter().map(|row| payout(row, &stored)).collect::<Vec<_>>(),
        "businessDate": today,
        "status": loan.status,
        "schedule": schedule(current.as_ref()),
        "account": current.as_ref().map(|account| figures(account, today)),
        "delinquency": delinquency(&stored, current.as_ref(), (today, loan.borrower_npa_since)),
        "payments": payments.iter().map(payment).collect::<Vec<_>>(),
        "disputes": disputes,
        "acts": acts,
        "book": journals(postings),
    })))
}

/// What the borrower accepted: amounts in rupees, rates in percent per annum.
fn terms(offer: &Offer) -> Value {
    json!({
        "product": offer.product,
        "offerId": offer.id,
        "sanctionedAmount": offer.sanctioned.to_string(),
        "netDisbursedAmount": offer.net_disbursed.to_string(),
        "annualRate": offer.annual_rate,
        "annualPercentageRate": offer.apr,
        "installments": offer.terms.installments,
        "installmentAmount": offer.instalment.to_string(),
        "totalInterest": offer.interest.to_string(),
        "coolingOffDays": offer.cooling_off_days,
    })
}

/// One try to pay out, with the bank's reason where it failed.
fn payout(row: &PayoutRow, loan: &Loan) -> Value {
    let stored = loan.payouts.iter().find(|payout| payout.bank_key == row.bank_key);
    let failure = stored.and_then(Payout::failure);
    let told = stored.and_then(|payout| payout.told.as_ref());
    json!({
        "tranche": row.tranche,
        "attempt": row.attempt,
        "paymentId": row.payment_id,
        "bankKey": row.bank_key,
        "state": row.state,
        "utr": row.utr,
        "failure": failure.map(|(code, detail)| json!({"code": code, "detail": detail})),
        // What the bank told of it too late.
        "told": told.map(|told| json!({"utr": told.utr, "valueDate": told.value_date})),
        "updatedAt": row.updated_at,
    })
}

/// A payment by the borrower, in rupees, without the page's address.
fn payment(payment: &Payment) -> Value {
    let (utr, value_date, received, split) = match &payment.state {
        PaymentState::Settled { utr, value_date, amount, split } => {
            (Some(utr), Some(value_date), Some(amount.to_string()), Some(split))
        }
        _ => (None, None, None, None),
    };
    let reason = match &payment.state {
        PaymentState::Cancelling { reason, .. }
        | PaymentState::Failed { reason }
        | PaymentState::Returned { reason, .. } => Some(reason),
        _ => None,
    };
    json!({
        "paymentId": payment.id,
        "state": payment.state.name(),
        "channel": payment.channel,
        "purpose": payment.purpose,
        "instalment": payment.instalment,
        "amount": payment.amount.to_string(),
        "received": received,
        "utr": utr,
        "valueDate": value_date,
        "split": split.map(|split| json!({
            "principal": split.principal.to_string(),
            "interest": split.interest.to_string(),
            "fee": split.fee.to_string(),
            "penal": split.penal.to_string(),
            "excess": split.excess.to_string(),
        })),
        "reason": reason,
        "attempt": payment.attempt,
        "expiresAt": payment.expires_at,
        "at": payment.at,
    })
}

/// Instalments with what became of them, in rupees.
fn schedule(account: Option<&Account>) -> Vec<Value> {
    let instalments = account.map(|account| account.instalments.as_slice()).unwrap_or_default();
    instalments
        .iter()
        .map(|instalment| {
            let row = &instalment.row;
            json!({
                "number": row.number,
                "dueDate": row.due_date,
                "opening": row.opening.to_string(),
                "principal": row.principal.to_string(),
                "interest": row.interest.to_string(),
                "instalment": row.instalment.to_string(),
                "closing": row.closing.to_string(),
                "due": instalment.billed,
                "principalPaid": instalment.paid_principal.to_string(),
                "interestPaid": instalment.paid_interest.to_string(),
                "left": instalment.left().to_string(),
                "settledOn": instalment.settled_on,
                "overdueNotice": instalment.notice,
                "penal": instalment.penal.to_string(),
            })
        })
        .collect()
}

/// What is owed, in rupees.
fn figures(account: &Account, today: NaiveDate) -> Value {
    let text = |amount: Paise| amount.to_string();
    json!({
        "principalOutstanding": text(account.principal_outstanding()),
        "due": text(account.due()),
        "interestAccrued": text(account.accrued(today)),
        "penalRunning": text(account.all_penal_running(today)),
        "charges": text(account.charges_left()),
        "excess": text(account.excess),
        "balance": text(account.balance()),
        "received": text(account.totals.received),
        "waived": text(account.totals.waived),
        "refunded": text(account.totals.refunded),
        "writtenOff": text(account.totals.written_off),
        "payOff": account.foreclosure(today).ok().map(|quote| text(quote.total)),
        "coolingOffExit": account.cooling_off_exit(today).ok().map(|quote| text(quote.total)),
        "nextEvent": account.next_event().map(|next| next.day),
        "ended": account.ended,
    })
}

/// Days past due and class, that of the borrower's other loans included.
fn delinquency(loan: &Loan, account: Option<&Account>, (today, npa): (NaiveDate, Option<NaiveDate>)) -> Value {
    json!({
        "oldestDue": account.and_then(Account::oldest_due),
        "daysPastDue": account.and_then(|account| account.days_past_due(today)).unwrap_or_default(),
        "class": loan.class(npa).name(),
        "ownNpaSince": account.and_then(|account| account.npa_since),
        "borrowerNpaSince": npa,
    })
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
