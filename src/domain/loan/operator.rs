//! What operators do to a loan by hand: with a reason, by one person, released by another; booked like anything else.

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::account::{Account, Ending, Fact, Purpose, Waived, What};
use super::repayment::{self, Arrived, Channel, Payment, PaymentState};
use super::resolution::{self, Filed};
use super::{Loan, disbursement, life, refund};
use crate::domain::application::Application;
use crate::domain::application::decision::{Decision, Effect, Facts};
use crate::domain::ids::PaymentId;
use crate::domain::maths::money::Paise;
use crate::domain::maths::rupees;
use crate::domain::servicing::Component;
use crate::domain::utr::typed;

/// One act.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "SCREAMING_SNAKE_CASE", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Act {
    /// Money that came in past the collection system.
    ManualReceipt {
        /// More than zero.
        #[serde(with = "rupees")]
        #[schemars(with = "String")]
        amount: Paise,
        /// The bank's value date, today or earlier.
        value_date: NaiveDate,
        /// The bank's unique transaction reference.
        utr: String,
        /// What for.
        #[serde(default = "instalment")]
        purpose: Purpose,
    },
    /// A credited payment came back.
    ReverseReceipt {
        /// Which.
        payment_id: PaymentId,
        /// The day on which it came back, today or earlier.
        on: NaiveDate,
    },
    /// The borrower is let off something that is due.
    Waive {
        /// What of.
        component: Component,
        /// At most what is due of it.
        #[serde(with = "rupees")]
        #[schemars(with = "String")]
        amount: Paise,
    },
    /// Money held for the borrower goes back to the payout account.
    Refund {
        /// At most what is held.
        #[serde(with = "rupees")]
        #[schemars(with = "String")]
        amount: Paise,
    },
    /// The regulator or a court has penal charges rest for some days; interest goes on. One that began on the same day
    /// is replaced.
    Moratorium {
        /// First day, not before the payout.
        from: NaiveDate,
        /// Last day; left out, the one that began on that day is taken back.
        #[serde(default)]
        to: Option<NaiveDate>,
    },
    /// The lender gives the rest up.
    WriteOff {},
    /// The borrower does not want the loan, which is not paid out.
    Withdraw {},
    /// The bank's file says what became of a payout that the bank did not know.
    ResolvePayout {
        /// The LSP's payment id.
        payment_id: PaymentId,
        /// Which try of it, where several are in question; left out, the one whose UTR the bank has told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempt: Option<u32>,
        /// The unique transaction reference of a paid one; absent means that it was finally not paid.
        #[serde(default)]
        utr: Option<String>,
        /// Its value date.
        #[serde(default)]
        value_date: Option<NaiveDate>,
    },
    /// The bank's file says what became of a debit by mandate that the collection system never answered for.
    ResolveDebit {
        /// Ours.
        payment_id: PaymentId,
        /// The unique transaction reference of the money that it brought; absent means that it finally brought none,
        /// which costs the borrower nothing.
        #[serde(default)]
        utr: Option<String>,
        /// Its value date.
        #[serde(default)]
        value_date: Option<NaiveDate>,
    },
    /// The bank's file says what became of a refund that the bank never answered for.
    ResolveRefund {
        /// The refund's reference in the book: the id of the act that ordered it.
        reference: String,
        /// The unique transaction reference of a paid one; absent means that it was finally not paid, and is held for
        /// the borrower again.
        #[serde(default)]
        utr: Option<String>,
        /// Its value date.
        #[serde(default)]
        value_date: Option<NaiveDate>,
    },
    /// A paid payout came back from the bank.
    ReturnPayout {
        /// The LSP's payment id.
        payment_id: PaymentId,
        /// The day on which it came back.
        on: NaiveDate,
    },
}

/// Days; of two years, so that a slip of the pen does not end penal charges for good.
const LONGEST_MORATORIUM: i64 = 732;

fn instalment() -> Purpose {
    Purpose::Instalment
}

impl Act {
    /// The word in the audit trail.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ManualReceipt { .. } => "MANUAL_RECEIPT",
            Self::ReverseReceipt { .. } => "REVERSE_RECEIPT",
            Self::Waive { .. } => "WAIVE",
            Self::Refund { .. } => "REFUND",
            Self::Moratorium { .. } => "MORATORIUM",
            Self::WriteOff {} => "WRITE_OFF",
            Self::Withdraw {} => "WITHDRAW",
            Self::ResolvePayout { .. } => "RESOLVE_PAYOUT",
            Self::ResolveDebit { .. } => "RESOLVE_DEBIT",
            Self::ResolveRefund { .. } => "RESOLVE_REFUND",
            Self::ReturnPayout { .. } => "RETURN_PAYOUT",
        }
    }

    /// The payment by the borrower that it is about.
    #[must_use]
    pub fn payment(&self) -> Option<&PaymentId> {
        match self {
            Self::ReverseReceipt { payment_id, .. } | Self::ResolveDebit { payment_id, .. } => Some(payment_id),
            _ => None,
        }
    }

    /// Whether it ends what a bank or collection system was asked: nothing may be under way there.
    #[must_use]
    pub fn ends_an_order(&self) -> bool {
        matches!(self, Self::ResolvePayout { .. } | Self::ResolveDebit { .. } | Self::ResolveRefund { .. })
    }
}

/// Does it, or says why not; nothing has changed then.
///
/// # Errors
/// Words for the operator.
pub fn act(
    loan: &mut Loan,
    app: &Application,
    (act, reference): (&Act, &str),
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Result<(), String> {
    match act {
        Act::ManualReceipt { amount, value_date, utr, purpose } => {
            receive(loan, app, (*amount, *value_date, utr, *purpose), facts, d)
        }
        Act::ReverseReceipt { on, .. } => reverse(loan, app, *on, facts, d),
        Act::Waive { component, amount } => waive(loan, app, (*component, *amount, reference), facts, d),
        Act::Refund { amount } => refund::order(loan, app, (*amount, reference), facts, d),
        Act::Moratorium { from, to } => moratorium(loan, app, (*from, *to), facts, d),
        Act::WriteOff {} => {
            running(loan)?;
            let what = What::WrittenOff { reference: reference.to_owned() };
            life::record(loan, app, Fact { value_date: facts.today, what }, facts, d);
            Ok(())
        }
        Act::Withdraw {} => withdraw(loan, app, facts, d),
        Act::ResolvePayout { payment_id, attempt, utr, value_date } => {
            let (attempt, utr, value_date) = (*attempt, utr.as_deref(), *value_date);
            resolution::resolve(loan, app, &Filed { payment_id, attempt, utr, value_date }, facts, d)
        }
        Act::ResolveDebit { payment_id, utr, value_date } => {
            repayment::resolve(loan, app, (payment_id, utr.as_deref(), *value_date), facts, d)
        }
        Act::ResolveRefund { reference, utr, value_date } => {
            refund::resolve(loan, app, (reference, utr.as_deref(), *value_date), facts, d)
        }
        Act::ReturnPayout { payment_id, on } => return_payout(loan, app, (payment_id, *on), facts, d),
    }
}

fn running(loan: &Loan) -> Result<&Account, String> {
    let account = loan.account.as_ref().ok_or("the loan is not paid out")?;
    if account.is_closed() {
        return Err("the loan is closed".to_owned());
    }
    Ok(account)
}

fn not_later(day: NaiveDate, facts: &Facts<'_>) -> Result<(), String> {
    if day > facts.today { Err(format!("{day} lies in the future")) } else { Ok(()) }
}

pub(super) fn positive(amount: Paise) -> Result<(), String> {
    if amount.is_positive() { Ok(()) } else { Err("the amount must be more than zero".to_owned()) }
}

fn receive(
    loan: &mut Loan,
    app: &Application,
    (amount, value_date, utr, purpose): (Paise, NaiveDate, &str, Purpose),
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Result<(), String> {
    positive(amount)?;
    not_later(value_date, facts)?;
    let account = loan.account.as_ref().ok_or("the loan is not paid out")?;
    let first = account.contract.terms.disbursed_on;
    if value_date < first {
        return Err(format!("the loan was paid out on {first}"));
    }
    let utr = typed(utr)?;
    fits(loan, (amount, value_date, purpose), facts, d)?;
    let payment = repayment::manual(loan, (amount, purpose), facts);
    repayment::settle(loan, app, (payment, Arrived { utr, value_date, amount: Some(amount) }), facts, d);
    Ok(())
}

/// Money for a purpose that it cannot serve would be held for the borrower while interest goes on.
fn fits(
    loan: &Loan,
    (amount, value_date, purpose): (Paise, NaiveDate, Purpose),
    facts: &Facts<'_>,
    d: &Decision,
) -> Result<(), String> {
    let account = life::account_on(loan, value_date, facts, d).filter(|account| !account.is_closed());
    let Some(account) = account else { return Ok(()) };
    let needed = match purpose {
        Purpose::Instalment => return Ok(()),
        Purpose::Prepayment | Purpose::Foreclosure => account.foreclosure(value_date),
        Purpose::CoolingOffExit => account.cooling_off_exit(value_date),
    };
    let needed = needed.map_err(|refusal| refusal.to_string())?.total;
    match purpose {
        Purpose::Prepayment if account.is_too_much_to_prepay(amount, value_date) => {
            Err(format!("{needed} rupees pay the loan off on {value_date}: use the purpose FORECLOSURE"))
        }
        Purpose::Foreclosure | Purpose::CoolingOffExit if amount < needed => {
            Err(format!("{needed} rupees are needed on {value_date}: less is an instalment or a prepayment"))
        }
        _ => Ok(()),
    }
}

fn reverse(
    loan: &mut Loan,
    app: &Application,
    on: NaiveDate,
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Result<(), String> {
    let payment = facts.payment.ok_or("the loan has no such payment")?;
    let PaymentState::Settled { value_date, .. } = &payment.state else {
        return Err(format!("the payment is {}", payment.state.name()));
    };
    not_later(on, facts)?;
    if on < *value_date {
        return Err(format!("the payment was credited on {value_date}"));
    }
    repayment::returned(loan, app, (payment, "returned by the bank", on), facts, d);
    Ok(())
}

fn waive(
    loan: &mut Loan,
    app: &Application,
    (component, amount, reference): (Component, Paise, &str),
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Result<(), String> {
    positive(amount)?;
    let most = running(loan)?.waivable(component);
    if amount > most {
        return Err(format!("only {most} rupees of it are due"));
    }
    let what = What::Waived(Waived { reference: reference.to_owned(), component, amount });
    life::record(loan, app, Fact { value_date: facts.today, what }, facts, d);
    Ok(())
}

/// It counts from its first day on, so that one that is entered late takes charges back that were levied meanwhile.
fn moratorium(
    loan: &mut Loan,
    app: &Application,
    (from, to): (NaiveDate, Option<NaiveDate>),
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Result<(), String> {
    // It may be about days before the loan was closed: what was charged for them is the borrower's then.
    let account = loan.account.as_ref().ok_or("the loan is not paid out")?;
    if matches!(account.ended, Some((_, Ending::WrittenOff))) {
        return Err("the loan is written off".to_owned());
    }
    let first = account.contract.terms.disbursed_on;
    if from < first {
        return Err(format!("the loan was paid out on {first}"));
    }
    let others = || account.moratoria.iter().filter(|standing| standing.from != from);
    match to {
        None if account.moratoria.iter().all(|standing| standing.from != from) => {
            return Err(format!("no moratorium began on {from}"));
        }
        None => {}
        Some(to) if to < from => return Err(format!("{to} lies before {from}")),
        Some(to) if to.signed_duration_since(from).num_days() >= LONGEST_MORATORIUM => {
            return Err(format!("a moratorium lasts {LONGEST_MORATORIUM} days at most: enter another one after it"));
        }
        Some(to) => {
            if let Some(other) = others().find(|other| other.from <= to && from <= other.to) {
                return Err(format!("a moratorium lasts from {} to {} already", other.from, other.to));
            }
        }
    }
    d.event(app, "a moratorium was entered, changed or taken back");
    life::record(loan, app, Fact { value_date: from.min(facts.today), what: What::Moratorium { from, to } }, facts, d);
    Ok(())
}

fn withdraw(loan: &mut Loan, app: &Application, facts: &Facts<'_>, d: &mut Decision) -> Result<(), String> {
    if loan.account.is_some() || loan.payouts.iter().any(|payout| !payout.has_failed() || payout.is_contradicted()) {
        return Err("money is paid out, or on its way: a withdrawal is a cooling-off exit or a pay-off".to_owned());
    }
    if loan.withdrawn_on.is_some() {
        return Err("the loan is withdrawn".to_owned());
    }
    loan.withdrawn_on = Some(facts.today);
    d.event(app, "withdrawn before the payout");
    d.effects.push(Effect::Finish(app.id, loan.id.clone()));
    Ok(())
}

fn return_payout(
    loan: &mut Loan,
    app: &Application,
    (payment_id, on): (&PaymentId, NaiveDate),
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Result<(), String> {
    not_later(on, facts)?;
    let account = loan.account.as_ref().ok_or("the loan is not paid out")?;
    if account.totals.received.is_positive() {
        return Err("the borrower has paid already: reverse the payments first".to_owned());
    }
    disbursement::came_back(loan, app, (payment_id, on), facts, d)
}

impl Payment {
    /// Whether an operator entered it.
    #[must_use]
    pub fn is_manual(&self) -> bool {
        self.channel == Channel::Manual
    }
}
