//! A payout that a person ends by the bank's file: the bank does not know it, or has told two things of it.

use chrono::NaiveDate;

use super::{Loan, Payout, PayoutState, contradiction, disbursement};
use crate::domain::application::Application;
use crate::domain::application::ask::{Finding, Outcome, PayOrder};
use crate::domain::application::decision::{Decision, Effect, Facts, OrderFate};
use crate::domain::calendar::business_date;
use crate::domain::ids::PaymentId;
use crate::domain::utr;

/// What stands in the bank's file.
#[derive(Debug, Clone, Copy)]
pub struct Filed<'a> {
    /// The LSP's payment id.
    pub payment_id: &'a PaymentId,
    /// Which try of it; none where the rest tells.
    pub attempt: Option<u32>,
    /// The bank's reference of a paid one; none when it was not paid.
    pub utr: Option<&'a str>,
    /// Its value date.
    pub value_date: Option<NaiveDate>,
}

/// Ends a payout, or says why not; nothing has changed then.
///
/// # Errors
/// Words for the operator.
pub fn resolve(
    loan: &mut Loan,
    app: &Application,
    filed: &Filed<'_>,
    facts: &Facts<'_>,
    d: &mut Decision,
) -> Result<(), String> {
    let payout = meant(loan, filed)?.clone();
    let outcome = outcome(loan, &payout, filed, facts)?;
    let tranche = loan.tranche(payout.tranche).copied().ok_or("the loan has no such tranche")?;
    if payout.is_contradicted() {
        if let Outcome::Refused { code, detail } = &outcome {
            contradiction::was_not_paid(loan, &payout.bank_key, (code, detail), facts, d);
            return Ok(());
        }
        contradiction::was_paid(loan, app, &payout.bank_key, facts, d);
    }
    let order = PayOrder {
        loan_id: loan.id.clone(),
        payment_id: payout.payment_id.clone(),
        tranche: payout.tranche,
        attempt: payout.attempt,
        bank_key: payout.bank_key.clone(),
        net: tranche.net(),
        account: payout.account,
    };
    disbursement::told(loan, app, (&order, &outcome), facts, d);
    d.effects.push(Effect::Order(OrderFate::Answered, payout.bank_key));
    Ok(())
}

/// What the file says of a payout, as the bank would have said it.
fn outcome(loan: &Loan, payout: &Payout, filed: &Filed<'_>, facts: &Facts<'_>) -> Result<Outcome, String> {
    let ordered = business_date(if payout.is_contradicted() { loan.granted_at } else { payout.at });
    match self::filed(filed.utr, filed.value_date, ("the payout", ordered), facts)? {
        Some((utr, value_date)) => Ok(Outcome::Done { finding: Finding::Paid { utr, value_date } }),
        // While the bank works on it the money may still leave, and the tranche would be free for another payment.
        None if facts.orders_under_way.contains(&payout.bank_key) => {
            Err("the bank is still being asked: a payout is ended as not paid when the bank does not know it"
                .to_owned())
        }
        None => Ok(Outcome::Refused {
            code: "NOT_IN_BANK_FILE".to_owned(),
            detail: "the bank's file says that it was not paid".to_owned(),
        }),
    }
}

/// Reference and value date of money that stands in the bank's file; none when it does not.
///
/// # Errors
/// Words for the operator: one is missing, or they cannot be those of what was ordered on that day.
pub(super) fn filed(
    utr: Option<&str>,
    value_date: Option<NaiveDate>,
    (what, ordered): (&str, NaiveDate),
    facts: &Facts<'_>,
) -> Result<Option<(String, NaiveDate)>, String> {
    let (typed, value_date) = match (utr, value_date) {
        (Some(typed), Some(value_date)) => (typed, value_date),
        (None, None) => return Ok(None),
        _ => return Err("give both utr and valueDate, or none of them".to_owned()),
    };
    let utr = utr::typed(typed)?.to_owned();
    if value_date > facts.today {
        return Err(format!("{value_date} lies in the future"));
    }
    if value_date < ordered {
        return Err(format!("{what} was ordered on {ordered}"));
    }
    Ok(Some((utr, value_date)))
}

/// The try that is meant: the one that is named; else the one whose reference the bank has told; else the only one in
/// question.
fn meant<'a>(loan: &'a Loan, filed: &Filed<'_>) -> Result<&'a Payout, String> {
    let tries = || loan.payouts.iter().filter(|one| one.payment_id == *filed.payment_id);
    let latest = tries().next_back().ok_or("the loan has no such payout")?;
    if let Some(attempt) = filed.attempt {
        let named = tries().find(|one| one.attempt == attempt).ok_or("the payout has no such attempt")?;
        return if in_question(named) { Ok(named) } else { Err("the payout has ended".to_owned()) };
    }
    let contradicted: Vec<&Payout> = tries().filter(|one| one.is_contradicted()).collect();
    let told = |one: &&&Payout| filed.utr.is_some_and(|utr| one.is_told_under(utr.trim()));
    let told: Vec<&&Payout> = contradicted.iter().filter(told).collect();
    let open = tries().any(|one| one.state == PayoutState::Open);
    match (contradicted.as_slice(), told.as_slice()) {
        ([], _) if in_question(latest) => Ok(latest),
        ([], _) => Err("the payout has ended".to_owned()),
        (_, [told]) => Ok(told),
        // A reference that the bank has not told may be that of another try.
        ([only], _) if filed.utr.is_none() || !open => Ok(only),
        _ => Err(which(tries().filter(|one| in_question(one)))),
    }
}

fn in_question(payout: &Payout) -> bool {
    payout.state == PayoutState::Open || payout.is_contradicted()
}

fn which<'a>(tries: impl Iterator<Item = &'a Payout>) -> String {
    let attempts: Vec<String> = tries.map(|one| one.attempt.to_string()).collect();
    format!("attempts {} of the payment are in question: give `attempt`", attempts.join(" and "))
}

impl Payout {
    fn is_told_under(&self, utr: &str) -> bool {
        self.told.as_ref().is_some_and(|told| told.utr == utr)
    }
}
