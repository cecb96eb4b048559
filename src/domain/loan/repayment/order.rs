//! What an LSP may have a borrower pay, and how much that is today.

use chrono::NaiveDate;

use super::PaymentState;
use crate::domain::application::answer::RefusalReason;
use crate::domain::application::command::RepaymentOrder;
use crate::domain::application::decision::Facts;
use crate::domain::loan::Loan;
use crate::domain::loan::account::{Account, PayOff, PayOffRefusal, Purpose};
use crate::domain::loan::quote;
use crate::domain::maths::money::Paise;

/// Why a payment is not started.
pub(super) type Refusal = (RefusalReason, String);

/// How much an order comes to, or why it is refused: state is unchanged then.
pub(super) fn allowed(loan: &Loan, order: &RepaymentOrder, facts: &Facts<'_>) -> Result<Paise, Refusal> {
    let nothing = |detail: &str| (RefusalReason::NothingDue, detail.to_owned());
    let wrong = |detail: String| (RefusalReason::RepaymentAmount, detail);
    let account = loan.account.as_ref().ok_or_else(|| nothing("the loan is not paid out"))?;
    if account.is_closed() {
        return Err(nothing("the loan is closed"));
    }
    if loan.payments.iter().any(|payment| payment.state == PaymentState::Presenting) {
        return Err((RefusalReason::PaymentUnderWay, "the mandate is being debited".to_owned()));
    }
    let of_pay_off = |refusal: PayOffRefusal| (RefusalReason::RepaymentAmount, refusal.to_string());
    let exactly = |total: Paise| match order.amount {
        Some(amount) if amount != total => Err(wrong(format!("{total} rupees are to be paid for this today"))),
        // Nothing is to be paid where the borrower's own money, which is held, pays the loan off.
        _ => Ok(total),
    };
    match order.purpose {
        Purpose::Instalment => instalment_amount(account, order, facts.today),
        Purpose::Prepayment => {
            let amount = order.amount.ok_or_else(|| wrong("a prepayment needs an amount".to_owned()))?;
            let pay_off = account.foreclosure(facts.today).map_err(of_pay_off)?.total;
            if amount >= pay_off || account.is_too_much_to_prepay(amount, facts.today) {
                return Err(wrong(format!("{pay_off} rupees pay the loan off: use the purpose FORECLOSURE")));
            }
            let due = account.payable_now(facts.today);
            if amount <= due {
                return Err(wrong(format!("{due} rupees are due first: a prepayment must be more")));
            }
            Ok(amount)
        }
        Purpose::Foreclosure => {
            let amount = account.foreclosure(facts.today).map_err(of_pay_off)?;
            exactly(quoted(loan, order, &amount, facts)?)
        }
        Purpose::CoolingOffExit => {
            let amount = account.cooling_off_exit(facts.today).map_err(of_pay_off)?;
            exactly(quoted(loan, order, &amount, facts)?)
        }
    }
}

/// The amount, when the quote that the order stands on still holds.
fn quoted(loan: &Loan, order: &RepaymentOrder, amount: &PayOff, facts: &Facts<'_>) -> Result<Paise, Refusal> {
    let today = quote::of(loan, order.purpose, amount, facts);
    match (&order.quote, today) {
        (Some(asked), Some(today)) if *asked != today.id => {
            let total = amount.total;
            let detail = format!("the quote does not hold: today it is {}, {total} rupees", today.id);
            Err((RefusalReason::RepaymentAmount, detail))
        }
        _ => Ok(amount.total),
    }
}

/// The quote that a pay-off of today stands on.
pub(super) fn quote_today(loan: &Loan, purpose: Purpose, facts: &Facts<'_>) -> Option<String> {
    let account = loan.account.as_ref()?;
    let amount = match purpose {
        Purpose::Foreclosure => account.foreclosure(facts.today).ok()?,
        Purpose::CoolingOffExit => account.cooling_off_exit(facts.today).ok()?,
        Purpose::Instalment | Purpose::Prepayment => return None,
    };
    quote::of(loan, purpose, &amount, facts).map(|quote| quote.id)
}

fn instalment_amount(account: &Account, order: &RepaymentOrder, today: NaiveDate) -> Result<Paise, Refusal> {
    let payable = account.payable(today);
    let most = match order.instalment {
        None => payable,
        Some(number) => {
            let unknown = || (RefusalReason::RepaymentAmount, format!("the loan has no instalment {number}"));
            let instalment = account.instalment(number).ok_or_else(unknown)?;
            let is_next = account.next_due().is_some_and(|next| next.row.number == number);
            if !instalment.left().is_positive() {
                let detail = format!("instalment {number} is paid");
                return Err((RefusalReason::NothingDue, detail));
            }
            if !instalment.billed && !is_next {
                let detail = format!("instalment {number} is not the next one");
                return Err((RefusalReason::RepaymentAmount, detail));
            }
            if !instalment.billed && account.due().is_positive() {
                let detail = format!("earlier instalments are due before instalment {number}");
                return Err((RefusalReason::RepaymentAmount, detail));
            }
            if instalment.billed {
                instalment.left()
            } else {
                instalment.left().saturating_sub(account.excess.max(Paise::ZERO))
            }
        }
    };
    if !most.is_positive() {
        return Err((
            RefusalReason::NothingDue,
            "nothing is due, and the next instalment is paid in advance".to_owned(),
        ));
    }
    match order.amount {
        Some(amount) if amount > most => {
            let detail = format!("{most} rupees are payable; for more use the purpose PREPAYMENT or FORECLOSURE");
            Err((RefusalReason::RepaymentAmount, detail))
        }
        Some(amount) => Ok(amount),
        None => Ok(most),
    }
}

impl Account {
    /// What is due on a day, penal charges up to it and what was refunded too much included.
    #[must_use]
    pub fn payable_now(&self, on: NaiveDate) -> Paise {
        self.due().saturating_add(self.claim()).saturating_add(self.all_penal_running(on))
    }
}
