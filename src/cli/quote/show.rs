//! A quote as JSON and as a table.

use std::fmt::Write as _;

use serde::Serialize;

use super::Quote;
use crate::domain::maths::{Paise, Rounding, Row};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RowView {
    number: u32,
    due_date: chrono::NaiveDate,
    opening: String,
    principal: String,
    interest: String,
    instalment: String,
    closing: String,
}

impl From<&Row> for RowView {
    fn from(row: &Row) -> Self {
        Self {
            number: row.number,
            due_date: row.due_date,
            opening: row.opening.to_string(),
            principal: row.principal.to_string(),
            interest: row.interest.to_string(),
            instalment: row.instalment.to_string(),
            closing: row.closing.to_string(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QuoteView {
    instalment: String,
    rows: Vec<RowView>,
    total_interest: String,
    total_paid: String,
    net_disbursed: String,
    apr: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    effective_annual_rate: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    upfront_interest: Option<String>,
}

/// The whole quote on one line of JSON.
pub(super) fn json(quote: &Quote) -> Result<String, serde_json::Error> {
    let schedule = &quote.schedule;
    let upfront = Some(schedule.upfront_interest).filter(|interest| interest.is_positive());
    serde_json::to_string(&QuoteView {
        instalment: schedule.instalment.to_string(),
        rows: schedule.rows.iter().map(RowView::from).collect(),
        total_interest: schedule.total_interest.to_string(),
        total_paid: schedule.total_paid.to_string(),
        net_disbursed: quote.net_disbursed.to_string(),
        apr: quote.apr.to_string(),
        effective_annual_rate: quote.effective.map(|rate| rate.to_string()),
        upfront_interest: upfront.map(|interest| interest.to_string()),
    })
}

/// The rows and the figures below them, the last line of it in whole rupees as the key facts
/// statement of RBI's illustration shows them.
pub(super) fn table(quote: &Quote) -> String {
    let schedule = &quote.schedule;
    let mut text = format!(
        "{:>4}  {:<10}  {:>18}  {:>18}  {:>16}  {:>18}  {:>18}\n",
        "No", "Due", "Opening", "Principal", "Interest", "Instalment", "Closing"
    );
    for row in &schedule.rows {
        let _ = writeln!(
            text,
            "{:>4}  {:<10}  {:>18}  {:>18}  {:>16}  {:>18}  {:>18}",
            row.number,
            row.due_date.to_string(),
            row.opening,
            row.principal,
            row.interest,
            row.instalment,
            row.closing
        );
    }
    let mut figure = |name: &str, amount: &str| {
        let _ = writeln!(text, "{name:<18}{amount:>20}");
    };
    figure("\nInstalment", &schedule.instalment.to_string());
    figure("Total interest", &schedule.total_interest.to_string());
    figure("Total paid", &schedule.total_paid.to_string());
    if schedule.upfront_interest.is_positive() {
        figure("Upfront interest", &schedule.upfront_interest.to_string());
    }
    figure("Fees", &quote.fees.to_string());
    figure("Net disbursed", &quote.net_disbursed.to_string());
    figure("APR, percent", &quote.apr.to_string());
    if let Some(effective) = quote.effective {
        figure("Effective, percent", &effective.to_string());
    }
    let _ = write!(
        text,
        "\nin whole rupees: {}, {}, {}, {}, APR {}",
        whole_rupees(schedule.instalment),
        whole_rupees(schedule.total_interest),
        whole_rupees(quote.net_disbursed),
        whole_rupees(schedule.total_paid),
        quote.apr
    );
    text
}

/// The amount rounded half up to rupees, without decimals.
fn whole_rupees(amount: Paise) -> String {
    let rounded = Rounding::RupeeHalfUp.apply(amount.paise().into()).unwrap_or(amount);
    format!("{:.0}", rounded.to_rupees())
}
