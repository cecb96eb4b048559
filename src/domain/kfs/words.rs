//! What the borrower reads on a statement beside the figures.

use chrono::NaiveDate;
use rust_decimal::Decimal;

use crate::domain::application::facets::Offer;
use crate::domain::application::form::{LoanType, Tenure, TenureUnit};
use crate::domain::maths::day_count::DayCount;
use crate::domain::maths::first_period::FirstPeriod;
use crate::domain::maths::money::Paise;
use crate::domain::maths::reschedule::PrepaymentMode;
use crate::domain::maths::rounding::Rounding;
use crate::domain::maths::schedule::{Frequency, Method, ScheduleTerms};
use crate::domain::servicing::{AllocationPolicy, CoolingOffPolicy};

/// How the money is paid out (part 1, row 3; Annex B, row 10).
pub(super) const UPFRONT: &str = "100% upfront";
/// Redress of grievances (part 2, row 2; RBI digital lending, DL 11).
pub(super) const GRIEVANCE: &str = "Write to or call the nodal grievance officer. If you have no reply within 30 days, \
    or are not content with it, you may turn to the Reserve Bank's Ombudsman at https://cms.rbi.org.in.";
pub(super) fn loan_type(loan_type: LoanType) -> &'static str {
    match loan_type {
        LoanType::Cashflow => "Working capital loan against receivables",
        LoanType::Personal => "Personal loan",
        LoanType::Home => "Home loan",
        LoanType::Vehicle => "Vehicle loan",
        LoanType::Business => "Business loan",
    }
}

pub(super) fn term(tenure: Tenure) -> String {
    let unit = match tenure.unit {
        TenureUnit::Month => "month",
        TenureUnit::Day => "day",
        TenureUnit::Year => "year",
    };
    let s = if tenure.duration == 1 { "" } else { "s" };
    format!("{} {unit}{s}", tenure.duration)
}

pub(super) fn rhythm(terms: &ScheduleTerms) -> String {
    if terms.method == Method::Bullet {
        return "one payment at the end".to_owned();
    }
    match terms.frequency {
        Frequency::Monthly => "monthly".to_owned(),
        Frequency::Quarterly => "quarterly".to_owned(),
        Frequency::HalfYearly => "half-yearly".to_owned(),
        Frequency::Yearly => "yearly".to_owned(),
        Frequency::Weekly => "weekly".to_owned(),
        Frequency::Fortnightly => "fortnightly".to_owned(),
        Frequency::EveryDays(days) => format!("every {days} days"),
    }
}

/// e.g. `monthly, 969.73 x 24`; a `first` instalment that is another amount stands apart, and of falling ones the first
/// and the `last`.
pub(super) fn instalments(offer: &Offer, first: Option<Paise>, last: Option<Paise>) -> String {
    let (rhythm, amount, count) = (rhythm(&offer.terms), offer.instalment, offer.terms.installments);
    match (first, last) {
        (None, None) => format!("{rhythm}, {amount} x {count}"),
        (Some(first), None) => format!("{rhythm}, {first}, then {amount} x {}", count.saturating_sub(1)),
        (first, Some(last)) => format!("{rhythm}, {count} from {} to {last}", first.unwrap_or(amount)),
    }
}

pub(super) fn penal(offer: &Offer) -> String {
    let rules = &offer.servicing;
    let rate = offer.charges.late_payment_percent;
    if rate.is_zero() {
        return "No penal charge for late payment.".to_owned();
    }
    let grace = match rules.penal_grace_days {
        0 => "from the day after the due date".to_owned(),
        days => format!("beginning {days} days after the due date"),
    };
    let cap = rules.penal_cap_percent.map_or_else(
        || "There is no other cap.".to_owned(),
        |cap| format!("For one instalment it is never more than {cap}% of that instalment."),
    );
    format!(
        "{rate}% per annum (days divided by 365) on the amount in default alone, that is the unpaid interest and \
        principal of due instalments, {grace}. It is charged every {every} days after the due date while something is \
        unpaid, and on the day of each payment for the days up to it, each time for the days since the last charge; \
        only after you have been told of it and why, never on an unpaid penal charge, and it bears no interest and no \
        tax. {cap}",
        every = rules.penal_every_days,
    )
}

pub(super) fn bounce(offer: &Offer) -> String {
    if offer.charges.bounce.is_positive() {
        format!(
            "Rs. {} for each instalment whose debit fails or comes back; there is no tax on it.",
            offer.charges.bounce
        )
    } else {
        "No charge for an instalment whose debit fails.".to_owned()
    }
}

pub(super) fn foreclosure(offer: &Offer) -> String {
    let cost = early(offer.servicing.foreclosure_percent, offer.gst_percent, "paying the whole loan off early");
    format!(
        "{cost} You then pay all principal, the interest that is due and that of the running period up to the day of \
        the payment, and the charges up to it, less what is held for you."
    )
}

pub(super) fn prepayment(offer: &Offer) -> String {
    let then = match offer.servicing.prepayment_mode {
        PrepaymentMode::ReduceCount => {
            "Afterwards the instalment stays and the loan ends earlier, the last instalment paying what is left."
        }
        PrepaymentMode::ReduceInstalment => {
            "Afterwards the due dates stay and the instalment falls: it is worked out anew for the principal that is \
            left and the instalments that are left, from the running one on."
        }
    };
    let cost = early(offer.servicing.prepayment_percent, offer.gst_percent, "paying a part of the loan early");
    format!(
        "{cost} What is due is settled first, then the charge; all the rest is prepaid principal. The running period \
        bears interest on the old principal until that day and on the new one from it. {then}"
    )
}

fn early(percent: Decimal, tax: Decimal, what: &str) -> String {
    if percent.is_zero() {
        return format!("No charge for {what}.");
    }
    format!(
        "{percent}% of the principal paid before it is due, and {tax}% goods and services tax on that charge, each to \
        the nearest paisa, for {what}; none for leaving within the cooling-off period."
    )
}

pub(super) fn recovery(by_agents: bool) -> String {
    if by_agents {
        "The lender may have overdue amounts collected by the agents named here, and by others only after telling you \
        who they are before they contact you."
            .to_owned()
    } else {
        "The lender collects by itself. Should it ever send an agent, it tells you who that is before the agent \
        contacts you."
            .to_owned()
    }
}

pub(super) fn apr(offer: &Offer) -> String {
    format!(
        "The rate at which the instalments are worth the net disbursed amount of Rs. {}: the internal rate of return \
        of one period, multiplied by the number of periods in a year, not compounded. All fees of the lender and of \
        third parties count, goods and services tax included; charges that depend on what happens do not.",
        offer.net_disbursed,
    )
}

pub(super) fn rounding(offer: &Offer) -> String {
    let how = match offer.terms.rounding {
        Rounding::PaiseHalfUp | Rounding::PaiseHalfEven => "to the nearest paisa".to_owned(),
        Rounding::RupeeHalfUp => "to the nearest rupee".to_owned(),
        Rounding::RupeeCeil => "up to the next rupee".to_owned(),
        Rounding::MultipleOf(unit) => format!("to the nearest multiple of Rs. {unit}"),
    };
    let odd = odd_interest(offer).map_or_else(String::new, |interest| {
        format!(
            " The first instalment is more than the others by the interest of the odd days before its period, \
            Rs. {interest}, which is no rounding."
        )
    });
    format!(
        "Each instalment is rounded {how} and interest of each period to the nearest paisa. The last instalment pays \
        what is then left, so it may differ, and instalment times number may differ from the total to be paid.{odd}"
    )
}

/// What the first instalment pays on top of the others' amount, under [`FirstPeriod::AddToFirst`].
fn odd_interest(offer: &Offer) -> Option<Paise> {
    let first = offer.schedule.rows.first()?.instalment;
    first.checked_sub(offer.instalment).filter(|interest| interest.is_positive())
}

pub(super) fn day_count(terms: &ScheduleTerms) -> String {
    let how = match terms.day_count {
        DayCount::Thirty360 => format!(
            "30/360: {}; up to a day inside a period, the interest of the period before rounding by the share of its \
            days that are gone.",
            thirty_360(terms),
        ),
        other => days_of(other).to_owned(),
    };
    format!(
        "{how} Interest runs on the principal that is not due yet; an overdue instalment bears no further interest."
    )
}

/// What a day is under 30/360, which depends on the period.
const fn thirty_360(terms: &ScheduleTerms) -> &'static str {
    match terms.frequency {
        Frequency::EveryDays(_) => "each day counts 1/360",
        Frequency::Weekly | Frequency::Fortnightly => {
            "a whole period is exactly its share of a year of 52 weeks, odd days count 1/364 each"
        }
        Frequency::Monthly => "a whole period is exactly its share of a year, odd days count 1/360 each",
        Frequency::Quarterly | Frequency::HalfYearly | Frequency::Yearly => {
            "a whole period is exactly its share of a year, a whole month before it a twelfth, odd days count 1/360 each"
        }
    }
}

/// What a day is where none belongs to a whole period.
const fn days_of(day_count: DayCount) -> &'static str {
    match day_count {
        DayCount::Thirty360 => "1/360 for each day.",
        DayCount::Actual365 => "Actual days divided by 365.",
        DayCount::Actual360 => "Actual days divided by 360.",
        DayCount::Actual364 => "Actual days divided by 364.",
        DayCount::ActualActual => "Actual days divided by the days of the calendar year in which they lie.",
    }
}

/// `lending.md` §2.3, and the circular on interest from disbursal (§1.4).
pub(super) fn broken_period(offer: &Offer) -> String {
    let begin = "Interest runs from the day on which the money is paid out, never from an earlier one.";
    let odd = "If the first period is longer than the others, the interest of its odd days";
    let counted = match offer.terms.odd_day_count {
        Some(day_count) if day_count != offer.terms.day_count => {
            format!(" Day count of these odd days: {}", days_of(day_count))
        }
        _ => String::new(),
    };
    match offer.terms.first_period {
        FirstPeriod::Stretch => format!(
            "{begin} A first period that is longer or shorter than the others bears interest for its own days, and \
            all instalments are worked out for it; nothing is charged upfront."
        ),
        FirstPeriod::AddToFirst => format!(
            "{begin} {odd}, which come before its whole \
        ones, is paid on top of the first instalment.{counted}"
        ),
        FirstPeriod::Upfront => {
            format!("{begin} {odd} is kept from the payout: Rs. {}.{counted}", offer.schedule.upfront_interest)
        }
    }
}

pub(super) fn allocation(policy: AllocationPolicy) -> String {
    let order = match policy {
        AllocationPolicy::InstalmentWise => {
            "The oldest due instalment first, its interest, then its principal; then the next one; charges last, \
            penal charges after all others."
        }
        AllocationPolicy::InterestFirst => {
            "The interest of all due instalments, oldest first, then their principal; charges last, penal charges \
            after all others."
        }
        AllocationPolicy::PrincipalFirst => {
            "The principal of all due instalments, oldest first, then their interest; charges last, penal charges \
            after all others."
        }
    };
    format!(
        "{order} What is paid beyond what is due is held for you without interest and settles, in the same order, what \
        falls due next."
    )
}

pub(super) fn cooling_off(offer: &Offer) -> String {
    let next_day = offer.terms.disbursed_on.succ_opt();
    let begin = if next_day.is_some_and(|next| offer.terms.first_due <= next) {
        "Until the end of the day after the payout you may leave without penalty".to_owned()
    } else {
        let days = days(offer.cooling_off_days);
        format!("Within {days} of the payout, and before the first due date, you may leave without penalty")
    };
    let upfront = offer.schedule.upfront_interest;
    let upfront = if upfront.is_positive() {
        format!(", less the interest kept from the payout, Rs. {upfront}")
    } else {
        String::new()
    };
    match offer.servicing.cooling_off {
        CoolingOffPolicy::AprOnly => format!(
            "{begin}: you pay back the net disbursed amount, Rs. {net}, and for the days you held the money \
            Rs. {principal} x {apr}% x days / 365, the annual percentage rate. The fees, which that rate spreads, are \
            given back.",
            net = offer.net_disbursed,
            principal = offer.sanctioned,
            apr = offer.apr,
        ),
        CoolingOffPolicy::RatePlusFee => format!(
            "{begin}: you pay back the principal, Rs. {principal}{upfront}, and for the days you held the money \
            Rs. {principal} x {rate}% x days / 365, the contract rate. The one-time fees are kept.",
            principal = offer.sanctioned,
            rate = offer.annual_rate,
        ),
    }
}

/// A number of days in words.
#[must_use]
pub fn days(count: u32) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

pub(super) fn overdue(due: NaiveDate, sma_1: NaiveDate, sma_2: NaiveDate, npa: NaiveDate) -> String {
    let day = |date: NaiveDate| date.format("%d %b %Y").to_string();
    format!(
        "If the instalment due on {} is not paid in full by the end of that day, the loan is overdue and classed \
        SMA-0 that day, SMA-1 on {}, SMA-2 on {} and as a non-performing asset (NPA) on {}. It becomes standard again \
        only when all arrears of interest and principal are paid. All loans of one borrower are classed NPA while one of \
        them is, until the arrears of all are paid. Overdue loans are reported to credit bureaus.",
        day(due),
        day(sma_1),
        day(sma_2),
        day(npa),
    )
}
