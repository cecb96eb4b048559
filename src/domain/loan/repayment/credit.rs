//! Money that arrived: credited once, on the bank's value date; and money that came back.

use chrono::NaiveDate;

use super::{Channel, Payment, PaymentState, asked, confirm, content, fail, go_on, new_payment, put, tell};
use crate::domain::application::Application;
use crate::domain::application::answer::{Answer, Content};
use crate::domain::application::ask::{Collection, Finding, Outcome};
use crate::domain::application::command::RepaymentOrder;
use crate::domain::application::decision::{Decision, Effect, Facts, Unclaimed};
use crate::domain::book::{Journal, JournalKind, LedgerAccount, credit};
use crate::domain::ids::PaymentId;
use crate::domain::loan::account::{Fact, Out, Split, What};
use crate::domain::loan::{Loan, disbursement, life, quote};
use crate::domain::maths::money::Paise;
use crate::domain::personal::is_code;
use crate::domain::servicing::AllocationPolicy;

/// Days that may pass, weekends and holidays included, until money that was paid on a page has a value date: the lender
/// stands by its quote so long.
const LONGEST_CLEARING: i64 = 7;

/// Money as the bank tells of it.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// The bank's unique transaction reference.
    pub utr: &'a str,
    /// The bank's value date.
    pub value_date: NaiveDate,
    /// How much; absent means what was asked for.
    pub amount: Option<Paise>,
}

/// Row L7: the money is here; it is credited on the bank's value date, once, and the LSP is told.
pub fn settle(
    loan: &mut Loan,
    app: &Application,
    (payment, arrived): (Payment, Arrived<'_>),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    if facts.is_credited {
        entered_by_hand(loan, app, payment, facts, d);
    } else {
        take(loan, app, (payment, arrived), facts, d);
    }
}

fn take(
    loan: &mut Loan,
    app: &Application,
    (payment, arrived): (Payment, Arrived<'_>),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let Arrived { utr, value_date, amount } = arrived;
    let amount = amount.unwrap_or(payment.amount);
    let first = loan.account.as_ref().map_or(value_date, |account| account.contract.terms.disbursed_on);
    let of = format!("payment {}", payment.id);
    let value_date = disbursement::believed(app, (value_date, first.min(facts.today)), &of, facts, d);
    let split = credit_payment(loan, app, (&payment, amount, value_date, utr), facts, d);
    let state = PaymentState::Settled { utr: utr.to_owned(), value_date, amount, split };
    let settled = Payment { state, at: facts.now, exchange: None, ..payment };
    d.event(app, format!("payment {} of {amount} credited", settled.id));
    put(loan, settled.clone(), d);
    tell(loan, app, &settled, d);
    go_on(loan, app, facts, d);
}

/// Money is told of for a payment that has ended. It is not credited by itself: the collection system had said before
/// that none came and none would come, so one of its two words is wrong, and only the bank's file tells which. A person
/// looks there, and books the receipt. That a credited one is told again is no news.
pub(super) fn unclaimed(
    app: &Application,
    (asked, outcome): (&Collection, &Outcome),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let Outcome::Done { finding: Finding::Collected { utr, value_date, amount } } = outcome else { return };
    if facts.is_credited {
        return;
    }
    let amount = amount.unwrap_or(asked.amount);
    let utr = if is_code(utr) { format!(", UTR {utr}") } else { String::new() };
    d.event(
        app,
        format!("{amount} rupees of {value_date} came for payment {}, which has ended{utr}", asked.payment_id),
    );
    d.unclaimed = Some(Unclaimed::Stray);
}

/// The money of a payment that is waited for stands in the book, under the same bank reference: a person was faster.
/// It is credited once, and the payment ends, so that nothing waits for it.
fn entered_by_hand(loan: &mut Loan, app: &Application, payment: Payment, facts: &Facts<'_>, d: &mut Decision) {
    fail(loan, app, payment, "its money was entered by hand before", d);
    d.unclaimed = Some(Unclaimed::ByHand);
    go_on(loan, app, facts, d);
}

/// The money that is held for the borrower pays the loan off: there is nothing to collect, and it is over at once.
pub(super) fn pay_off_from_held(
    loan: &mut Loan,
    app: &Application,
    order: &RepaymentOrder,
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let nothing = (Paise::ZERO, None);
    let payment = new_payment(loan, (Channel::Link, order.purpose), nothing, PaymentState::Opening, facts);
    let (method, exchange) = (order.method.clone(), facts.exchange);
    let payment = Payment { method, exchange, asked: asked(order).into_iter().collect(), ..payment };
    settle_from_held(loan, app, payment, facts, d);
}

/// A payment of nothing, and whoever waits for its page is told that it has come about.
pub(super) fn settle_from_held(
    loan: &mut Loan,
    app: &Application,
    payment: Payment,
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let (id, exchange, reference) = (payment.id.clone(), payment.exchange, payment.id.to_string());
    let payment = Payment { amount: Paise::ZERO, ..payment };
    let arrived = Arrived { utr: &reference, value_date: facts.today, amount: None };
    take(loan, app, (payment, arrived), facts, d);
    let settled = d.effects.iter().rev().find_map(|effect| match effect {
        Effect::SavePayment(payment) if payment.id == id => Some(content(loan, payment)),
        _ => None,
    });
    if let (Some(exchange), Some(settled)) = (exchange, settled) {
        d.reply(exchange, 0, Answer::ok(Content::Repayment(settled)));
    }
}

/// Notes a receipt and gives its split.
fn credit_payment(
    loan: &mut Loan,
    app: &Application,
    (payment, amount, value_date, utr): (&Payment, Paise, NaiveDate, &str),
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Split {
    let policy = policy(loan, value_date, facts, d);
    let utr = Some(utr.to_owned());
    let (purpose, quoted_on) = (payment.purpose, quoted_on(payment, value_date));
    let what = What::Received { payment: payment.id.clone(), amount, purpose, policy, utr, quoted_on };
    life::record(loan, app, Fact { value_date, what }, facts, d);
    let receipt = d.effects.iter().rev().find_map(|effect| match effect {
        Effect::Post(_, journal) if is_receipt(journal, &payment.id) => Some(split_of(journal)),
        _ => None,
    });
    receipt.unwrap_or(Split { excess: amount, ..Split::default() })
}

/// The day of the quote that a payment stands on, where the bank's value date is a later one. It was paid on that day: its
/// page took no money any more when the day was over (`lending.md` §2.5).
fn quoted_on(payment: &Payment, value_date: NaiveDate) -> Option<NaiveDate> {
    let day = quote::day(payment.quote.as_deref()?)?;
    let later = value_date.signed_duration_since(day).num_days();
    (1..=LONGEST_CLEARING).contains(&later).then_some(day)
}

/// What a payment that is under way would settle if it came in today. None when there is nothing that it could settle.
pub(super) fn foreseen(loan: &Loan, payment: &Payment, facts: &Facts<'_>, d: &Decision) -> Option<Split> {
    let mut account = loan.account.clone().filter(|account| payment.state.is_live() && !account.is_closed())?;
    let policy = policy(loan, facts.today, facts, d);
    let (amount, purpose) = (payment.amount, payment.purpose);
    let what = What::Received { payment: payment.id.clone(), amount, purpose, policy, utr: None, quoted_on: None };
    let mut out = Out::default();
    account.apply(&Fact { value_date: facts.today, what }, &mut out);
    let receipt = out.journals.iter().rev().find(|journal| is_receipt(journal, &payment.id));
    receipt.map(split_of)
}

/// The order in force on the value date, whenever the payment became known (`lending.md` §2.7).
fn policy(loan: &Loan, value_date: NaiveDate, facts: &Facts<'_>, d: &Decision) -> AllocationPolicy {
    let servicing = &loan.offer.servicing;
    // Classified at the end of a day, so from the next one on.
    if loan.account.is_some() && facts.borrower_npa_since.is_some_and(|since| since < value_date) {
        return servicing.npa_allocation;
    }
    life::account_on(loan, value_date, facts, d).map_or(servicing.allocation, |account| account.policy())
}

/// Payments whose split is another one since the book was corrected: what is told of them must be what the book says.
pub fn resplit<'a>(journals: &'a [Journal], corrections: &'a [Journal]) -> impl Iterator<Item = Effect> + 'a {
    let receipts = journals.iter().filter(|journal| journal.kind == JournalKind::Receipt);
    receipts.filter_map(move |journal| {
        let payment = PaymentId(journal.reference.clone());
        let is_corrected = corrections.iter().any(|correction| is_receipt(correction, &payment));
        is_corrected.then(|| Effect::Resplit(payment, split_of(journal)))
    })
}

fn is_receipt(journal: &Journal, payment: &PaymentId) -> bool {
    let rest = journal.reference.strip_prefix(payment.as_str());
    journal.kind == JournalKind::Receipt && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('#'))
}

/// What a receipt's journal settled.
#[must_use]
pub fn split_of(journal: &Journal) -> Split {
    let part = |account| credit(journal.on(account));
    Split {
        principal: part(LedgerAccount::PrincipalReceivable),
        interest: part(LedgerAccount::InterestReceivable),
        fee: part(LedgerAccount::FeeReceivable),
        penal: part(LedgerAccount::PenalReceivable),
        excess: part(LedgerAccount::BorrowerExcess),
    }
}

/// A payment that had been credited came back: it was never paid (return after success).
pub fn returned(
    loan: &mut Loan,
    app: &Application,
    (payment, reason, on): (&Payment, &str, NaiveDate),
    facts: &Facts<'_>,
    d: &mut Decision,
) {
    let state = PaymentState::Returned { on, reason: reason.to_owned() };
    let back = Payment { state, at: facts.now, ..payment.clone() };
    let what = What::Returned { payment: payment.id.clone() };
    d.event(app, format!("payment {} came back", payment.id));
    put(loan, back.clone(), d);
    life::record(loan, app, Fact { value_date: on, what }, facts, d);
    if payment.channel == Channel::Mandate
        && let Some(instalment) = payment.instalment
    {
        let what = What::Bounced { payment: payment.id.clone(), instalment };
        life::record(loan, app, Fact { value_date: on, what }, facts, d);
    }
    confirm(loan, app, &back, d);
}
