//! Questions that wait for an operator, with what he needs to act.

use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::PgConnection;
use uuid::Uuid;

use super::ask::{Detail, context};
use super::ask_desk::{may_be_closed, may_be_retried};
use super::{StoreError, loan};
use crate::domain::application::ask::{Ask, NewAsk};
use crate::domain::loan::Loan;
use crate::domain::maths::money::Paise;
use crate::domain::maths::rupees;
use crate::domain::personal::scrubbed;
use crate::seal::{SealError, Sealer, is_erased};

/// A question that waits for an operator.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StuckAsk {
    /// Ours; also the cursor of the list.
    pub ask_id: Uuid,
    /// The LSP of the application.
    pub org_id: String,
    /// The LSP's id of the first application that it is about.
    pub loan_application_id: String,
    /// The application's loan, once it is granted.
    pub loan_id: Option<String>,
    /// Which port.
    pub port: String,
    /// Which method.
    pub method: String,
    /// Why it is stuck.
    pub reason: Option<String>,
    /// How often it was asked.
    pub tries: i32,
    /// The other system's reference, where it gave one.
    pub reference: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it got stuck.
    pub stuck_at: Option<DateTime<Utc>>,
    /// Of money: what the question is about.
    #[serde(flatten)]
    pub money: Money,
    /// Whether it may be asked again: not an order that waits for what became of an earlier one, nor money of which the
    /// bank tells two things, or that nothing waits for.
    pub may_be_retried: bool,
    /// Whether it may be closed: nothing waits for its answer.
    pub may_be_closed: bool,
}

/// The money that a question is about; all of it is missing where it is about none.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Money {
    /// The payment: of a payout the LSP's id, else ours. Numbers that may be a person's are masked.
    pub payment_id: Option<String>,
    /// Of money that goes back to the borrower: the reference under which it stands in the book.
    pub refund: Option<String>,
    /// Which try of the payment, of a payout.
    pub attempt: Option<u32>,
    /// Under which key the bank or collection system knows the money.
    pub bank_key: Option<String>,
    /// Rupees.
    #[serde(with = "rupees::option")]
    #[schemars(with = "Option<String>")]
    pub amount: Option<Paise>,
    /// The bank's reference of a payout that it told of after that had ended; masked where it looks like a person's
    /// number, and then the loan shows it to who reveals it.
    pub utr: Option<String>,
    /// The value date that the bank told with it.
    pub value_date: Option<NaiveDate>,
}

impl Money {
    fn of(ask: &Ask, loan: Option<&Loan>) -> Self {
        match ask {
            Ask::Pay(order) => {
                let known = loan.and_then(|loan| loan.payouts.iter().find(|one| one.bank_key == order.bank_key));
                let told = known.and_then(|payout| payout.told.as_ref());
                Self {
                    payment_id: Some(scrubbed(order.payment_id.as_str())),
                    refund: None,
                    attempt: Some(order.attempt),
                    bank_key: Some(order.bank_key.clone()),
                    amount: Some(order.net),
                    utr: told.map(|told| scrubbed(&told.utr)),
                    value_date: told.map(|told| told.value_date),
                }
            }
            Ask::Refund(order) => Self {
                refund: Some(order.reference.clone()),
                bank_key: Some(order.bank_key.clone()),
                amount: Some(order.amount),
                ..Self::default()
            },
            _ => ask.collects().map_or_else(Self::default, |collection| Self {
                payment_id: Some(collection.payment_id.0.clone()),
                bank_key: Some(collection.key.clone()),
                amount: Some(collection.amount),
                ..Self::default()
            }),
        }
    }
}

/// Questions that wait for an operator, newest first.
///
/// # Errors
/// When the database fails or a row cannot be opened.
pub async fn stuck(
    conn: &mut PgConnection,
    sealer: &Sealer,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<StuckAsk>, StoreError> {
    let rows = sqlx::query!(
        r#"
        select ask_id, ask.org_id, loan_application_id, port, method, outcome as reason, tries, reference, detail,
            ask.created_at, closed_at as stuck_at, loan_id as "loan_id?", loan.state as "loan?"
        from ask
        join application using (application_id)
        left join loan using (application_id)
        where ask.state = 'STUCK'
        and ($1::uuid is null or ask_id < $1)
        order by ask_id desc
        limit $2
        "#,
        before,
        limit,
    )
    .fetch_all(conn)
    .await?;
    let mut shown = Vec::with_capacity(rows.len());
    for row in rows {
        let loan = match (&row.loan_id, &row.loan) {
            (Some(id), Some(state)) if row.method == "pay" => loan::open(sealer, id, state)?,
            _ => None,
        };
        let ask = question(sealer, row.ask_id, &row.detail)?;
        shown.push(StuckAsk {
            may_be_retried: may_be_retried(row.reason.as_deref()),
            may_be_closed: may_be_closed(&row.port, &row.method, row.reason.as_deref()),
            money: ask.map(|ask| Money::of(&ask, loan.as_ref())).unwrap_or_default(),
            ask_id: row.ask_id,
            org_id: row.org_id,
            loan_application_id: row.loan_application_id,
            loan_id: row.loan_id,
            port: row.port,
            method: row.method,
            reason: row.reason,
            tries: row.tries,
            reference: row.reference,
            created_at: row.created_at,
            stuck_at: row.stuck_at,
        });
    }
    Ok(shown)
}

/// What a row asks; none of one that was erased, or that only a newer version can read: it is listed all the same.
fn question(sealer: &Sealer, id: Uuid, sealed: &[u8]) -> Result<Option<Ask>, StoreError> {
    if is_erased(sealed) {
        return Ok(None);
    }
    match sealer.open_json(&context(id), sealed) {
        Ok(Detail::Ask(NewAsk { ask, .. })) => Ok(Some(ask)),
        Ok(Detail::Timer(_)) | Err(SealError::Json { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
