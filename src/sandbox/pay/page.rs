//! What the simulated payment pages look like: the same paper as the borrowers' other pages.

use chrono::{DateTime, Utc};

use crate::domain::application::facets::Offer;
use crate::domain::loan::account::Purpose;
use crate::domain::loan::repayment::Payment;
use crate::http::borrower::html::{document, escape, form, form_row, instant, rupees};
use crate::sandbox::items::{CollectionDetail, Item};

/// Whether a payment's page takes no money any more.
pub(super) fn has_expired(payment: Option<&Payment>, now: DateTime<Utc>) -> bool {
    payment.and_then(|payment| payment.expires_at).is_some_and(|end| now >= end)
}

/// The page of a payment: buttons while it can be paid, else what became of it.
pub(super) fn payment(item: &Item, payment: Option<&Payment>, now: DateTime<Utc>) -> String {
    let detail: CollectionDetail = item.detail();
    let ends = payment.and_then(|payment| payment.expires_at);
    let (words, done, open) = match item.state.as_str() {
        "PAID" => ("Paid", true, false),
        "FAILED" => ("Not paid", false, false),
        "RETURNED" => ("Taken back by the bank", false, false),
        "PENDING" if has_expired(payment, now) => ("Expired, it can no longer be paid", false, false),
        "PENDING" => ("Not yet paid", false, true),
        _ => ("Closed, it can no longer be paid", false, false),
    };
    let mut rows = vec![row("Loan", &detail.loan_id), row("Amount", &rupees(&detail.amount.to_string()))];
    rows.extend(payment.map(|payment| row("For", &purpose(payment))));
    rows.push(row("Payment", &detail.payment_id));
    rows.extend(ends.map(|end| row("Valid until", &instant(end))));
    rows.extend(detail.utr.as_ref().map(|utr| row("Bank reference", utr)));
    let buttons = if open { form_of(&[("succeed", "Pay"), ("fail", "Let it fail")]) } else { String::new() };
    whole("Payment", (words, done), &[form("Your payment", &rows.concat()), buttons].concat())
}

/// The page of a mandate: buttons until the borrower said yes or no.
pub(super) fn mandate(item: &Item, offer: Option<&Offer>) -> String {
    let (words, done, open) = match item.state.as_str() {
        "AUTHORISED" => ("Authorised", true, false),
        "REFUSED" => ("Refused", false, false),
        "PENDING" => ("Not yet authorised", false, true),
        _ => ("Cancelled, it can no longer be authorised", false, false),
    };
    let mut rows = vec![row("Repayment plan", &item.key)];
    if let Some(offer) = offer {
        rows.extend([
            row("Loan amount", &rupees(&offer.sanctioned.to_string())),
            row("Instalments", &format!("{} of {}", offer.terms.installments, rupees(&offer.instalment.to_string()))),
            row("First debit, for a payout as accepted", &offer.terms.first_due.format("%d %b %Y").to_string()),
            row("In total", &rupees(&offer.total.to_string())),
        ]);
    }
    let buttons = if open { form_of(&[("authorise", "Authorise"), ("refuse", "Refuse")]) } else { String::new() };
    whole("Debit mandate", (words, done), &[form("Your mandate", &rows.concat()), buttons].concat())
}

/// The page of an identity check: a button until the borrower was there.
pub(super) fn identity(was_there: bool) -> String {
    let words = if was_there { "Identified" } else { "Not yet identified" };
    let buttons = if was_there { String::new() } else { form_of(&[("identify", "Identify yourself")]) };
    let note = "<p>The lender asks for your identity before it grants the loan.</p>\n";
    whole("Identity check", (words, was_there), &[note, &buttons].concat())
}

fn whole(title: &str, (state, done): (&str, bool), body: &str) -> String {
    let done = if done { " done" } else { "" };
    let text = format!(
        "<header>\n<p class=\"lender\">Simulated partner of the lender</p>\n<h1>{title}</h1>\n</header>\n\
        <p class=\"state{done}\">{}</p>\n{body}\
        <footer>A sandbox page: no real money moves.</footer>\n",
        escape(state),
    );
    document(title, &text)
}

fn row(label: &str, value: &str) -> String {
    form_row("", label, &escape(value))
}

fn form_of(buttons: &[(&str, &str)]) -> String {
    let button = |(value, label): &(&str, &str)| {
        format!("<button name=\"outcome\" value=\"{}\">{}</button>\n", escape(value), escape(label))
    };
    let buttons: String = buttons.iter().map(button).collect();
    format!("<form method=\"post\" class=\"screen\">\n{buttons}</form>\n")
}

fn purpose(payment: &Payment) -> String {
    match (payment.purpose, payment.instalment) {
        (Purpose::Instalment, Some(number)) => format!("Instalment {number}"),
        (Purpose::Instalment, None) => "What is due".to_owned(),
        (Purpose::Prepayment, _) => "Part of the principal, ahead of time".to_owned(),
        (Purpose::Foreclosure, _) => "All of the loan, ahead of time".to_owned(),
        (Purpose::CoolingOffExit, _) => "Leaving the loan within the cooling-off period".to_owned(),
    }
}
