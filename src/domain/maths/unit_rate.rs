//! The search for the rate of one unit period, at which payments are worth what was received.

use rust_decimal::Decimal;

use super::apr::AprError;
use super::money::Paise;

/// The rate of one unit period is looked for between 0 and 1000 %.
const MAX_UNIT_RATE: Decimal = Decimal::TEN;
/// The search stops when the rate of one unit period is known to 1e-12.
const UNIT_RATE_DIGITS: u32 = 12;
/// That of one day to 1e-16: a year of days adds two digits of error.
const DAY_RATE_DIGITS: u32 = 16;
const MAX_PERIODS: u32 = 40_000;

/// The rate of one unit period at which the payments are worth the net amount.
///
/// The present value falls as the rate rises, so a bracket whose ends lie on both sides holds
/// exactly one solution and bisection cannot miss it; fees near the principal make an unguarded
/// Newton step diverge.
///
/// Further advances may make several rates solve it; the search then finds one of them.
pub(super) fn unit_rate(
    net_disbursed: Paise,
    payments: Vec<Payment>,
    odd_fraction: Decimal,
) -> Result<Decimal, AprError> {
    rate_known_to(UNIT_RATE_DIGITS, net_disbursed, payments, odd_fraction)
}

/// The same where the unit period is a day and the rate will be compounded over a year of them.
pub(super) fn day_rate(net_disbursed: Paise, payments: Vec<Payment>) -> Result<Decimal, AprError> {
    rate_known_to(DAY_RATE_DIGITS, net_disbursed, payments, Decimal::ZERO)
}

fn rate_known_to(
    digits: u32,
    net_disbursed: Paise,
    payments: Vec<Payment>,
    odd_fraction: Decimal,
) -> Result<Decimal, AprError> {
    if !net_disbursed.is_positive() {
        return Err(AprError::NetNotPositive);
    }
    if odd_fraction < Decimal::ZERO || payments.iter().any(|payment| payment.period > MAX_PERIODS) {
        return Err(AprError::OutOfRange);
    }
    let total = Paise::checked_sum(payments.iter().map(|payment| payment.amount)).ok_or(AprError::OutOfRange)?;
    if total < net_disbursed {
        return Err(AprError::Negative);
    }
    if total == net_disbursed {
        return Ok(Decimal::ZERO);
    }
    let mut latest_first = payments;
    latest_first.sort_by_key(|payment| std::cmp::Reverse(payment.period));
    let payments = Payments { latest_first, odd_fraction, net: Decimal::from(net_disbursed.0) };
    if payments.exceed_net(MAX_UNIT_RATE).ok_or(AprError::OutOfRange)? {
        return Err(AprError::TooHigh);
    }
    bisect(digits, |rate| payments.exceed_net(rate)).ok_or(AprError::OutOfRange)
}

/// Halves [0, `MAX_UNIT_RATE`] until the rate is known to so many digits.
///
/// A trial rate has two more, few enough to multiply fast; the answer one less, so that an exact
/// rate comes out exact.
fn bisect(digits: u32, too_low: impl Fn(Decimal) -> Option<bool>) -> Option<Decimal> {
    let tolerance = Decimal::try_new(1, digits).ok()?;
    let (mut low, mut high) = (Decimal::ZERO, MAX_UNIT_RATE);
    while high.checked_sub(low)? > tolerance {
        let middle = low.checked_add(high)?.checked_div(Decimal::TWO)?.round_dp(digits.checked_add(2)?);
        if too_low(middle)? {
            low = middle;
        } else {
            high = middle;
        }
    }
    let middle = low.checked_add(high)?.checked_div(Decimal::TWO)?;
    Some(middle.round_dp(digits.checked_sub(1)?))
}

/// A payment with its distance from the start: whole unit periods and an odd part before them.
pub(super) struct Payment {
    /// Whole unit periods.
    pub period: u32,
    /// The odd part as a fraction of a unit period.
    pub odd: Decimal,
    /// Amount paid by the borrower; negative for a further advance.
    pub amount: Paise,
}

impl Payment {
    /// The amount discounted over the odd part, not yet over the whole periods.
    fn without_odd_part(&self, rate: Decimal) -> Option<Decimal> {
        let amount = Decimal::from(self.amount.0);
        if self.odd.is_zero() {
            return Some(amount);
        }
        amount.checked_div(Decimal::ONE.checked_add(self.odd.checked_mul(rate)?)?)
    }
}

struct Payments {
    latest_first: Vec<Payment>,
    odd_fraction: Decimal,
    net: Decimal,
}

impl Payments {
    /// Whether the present value at `rate` is above the net amount, that is, the rate too low.
    ///
    /// Horner's scheme from the last payment back: one multiplication for each period.
    fn exceed_net(&self, rate: Decimal) -> Option<bool> {
        let discount = Decimal::ONE.checked_div(Decimal::ONE.checked_add(rate)?)?;
        let mut value = Decimal::ZERO;
        let mut at_period = self.latest_first.first().map_or(0, |payment| payment.period);
        for payment in &self.latest_first {
            value = discounted(value, discount, at_period.checked_sub(payment.period)?)?;
            value = value.checked_add(payment.without_odd_part(rate)?)?;
            at_period = payment.period;
        }
        value = discounted(value, discount, at_period)?;
        let odd_growth = Decimal::ONE.checked_add(self.odd_fraction.checked_mul(rate)?)?;
        Some(value > self.net.checked_mul(odd_growth)?)
    }
}

/// `value * discount ^ periods` by repeated squaring.
fn discounted(mut value: Decimal, discount: Decimal, mut periods: u32) -> Option<Decimal> {
    let mut power = discount;
    while periods > 0 {
        if periods & 1 == 1 {
            value = value.checked_mul(power)?;
        }
        periods >>= 1;
        if periods > 0 {
            power = power.checked_mul(power)?;
        }
    }
    Some(value)
}
