//! Amounts, rates and rounding: their text, their limits, their halves.

use rust_decimal::Decimal;

use super::support::{decimal, rate, rupees};
use crate::domain::maths::{AnnualRate, MoneyTextError, Paise, RateError, Rounding, YearFraction};

#[test]
fn amounts_are_written_in_rupees_and_read_back() {
    for (paise, text) in [
        (3_059_500, "30595.00"),
        (-105, "-1.05"),
        (-5, "-0.05"),
        (0, "0.00"),
        (7, "0.07"),
        (i64::MAX, "92233720368547758.07"),
        (i64::MIN, "-92233720368547758.08"),
    ] {
        assert_eq!(Paise(paise).to_string(), text);
        assert_eq!(text.parse(), Ok(Paise(paise)));
    }
    assert_eq!(format!("{:>8}|", Paise(100)), "    1.00|");
}

#[test]
fn other_spellings_of_an_amount_are_refused() {
    for text in
        ["", "1", "1.0", "1.000", ".50", "01.00", "+1.00", "-0.00", "1,000.00", "1e3", " 1.00", "1.0x", "--1.00"]
    {
        assert_eq!(text.parse::<Paise>(), Err(MoneyTextError::Form), "{text:?}");
    }
    assert_eq!("92233720368547758.08".parse::<Paise>(), Err(MoneyTextError::Range));
}

#[test]
fn amounts_are_integers_of_paise_in_json() {
    assert_eq!(serde_json::to_string(&Paise(105)).expect("json"), "105");
    assert_eq!(serde_json::from_str::<Paise>("105").expect("paise"), Paise(105));
    assert!(serde_json::from_str::<Paise>("1.05").is_err());
}

#[test]
fn an_amount_from_outside_is_exact_or_refused() {
    assert_eq!(Paise::from_rupees_exact(decimal("1.050")), Some(Paise(105)));
    assert_eq!(Paise::from_rupees_exact(decimal("1.055")), None);
    assert_eq!(Paise::from_rupees_exact(Decimal::MAX), None);
    assert_eq!(Paise::from_rupees_exact(decimal("92233720368547758.08")), None);
}

#[test]
fn sums_never_wrap() {
    let most = Paise(i64::MAX);
    assert_eq!(most.checked_add(Paise(1)), None);
    assert_eq!(Paise(i64::MIN).checked_sub(Paise(1)), None);
    assert_eq!(Paise::checked_sum([most, Paise(1)]), None);
    assert_eq!(Paise::checked_sum([Paise(1), Paise(2)]), Some(Paise(3)));
    assert_eq!(Paise::checked_from_rupees(i64::MAX), None);
    assert_eq!(Paise(5).saturating_sub(Paise(7)), Paise::ZERO);
}

#[test]
fn rates_are_written_with_two_decimals_or_more() {
    for (text, shown) in
        [("12.58", "12.58"), ("15", "15.00"), ("9.4822", "9.4822"), ("200.000", "200.00"), ("0", "0.00")]
    {
        assert_eq!(rate(text).to_string(), shown);
    }
    assert_eq!(serde_json::to_string(&rate("15")).expect("json"), "\"15.00\"");
    assert_eq!(serde_json::from_str::<AnnualRate>("\"12.58\"").expect("a rate"), rate("12.58"));
}

#[test]
fn what_is_not_a_rate_is_refused() {
    assert_eq!("200.01".parse::<AnnualRate>(), Err(RateError::Range));
    assert_eq!(AnnualRate::new(decimal("-0.01")), Err(RateError::Range));
    for text in ["", "-1", "+1", "1_0", ".5", "5.", "1e1", "1.2.3", "12%"] {
        assert_eq!(text.parse::<AnnualRate>(), Err(RateError::Form), "{text:?}");
    }
}

#[test]
fn each_rounding_treats_the_half_in_its_own_way() {
    let of = |rounding: Rounding, paise: &str| rounding.apply(decimal(paise)).expect("in range").0;
    assert_eq!(of(Rounding::PaiseHalfUp, "100.5"), 101);
    assert_eq!(of(Rounding::PaiseHalfEven, "100.5"), 100);
    assert_eq!(of(Rounding::PaiseHalfEven, "101.5"), 102);
    assert_eq!(of(Rounding::RupeeHalfUp, "149.99"), 100);
    assert_eq!(of(Rounding::RupeeHalfUp, "150"), 200);
    assert_eq!(of(Rounding::RupeeCeil, "100.01"), 200);
    assert_eq!(of(Rounding::RupeeCeil, "100"), 100);
    assert_eq!(of(Rounding::MultipleOf(rupees("50")), "12500"), 15_000);
    assert_eq!(Rounding::MultipleOf(Paise::ZERO).apply(Decimal::ONE), None);
    assert_eq!(Rounding::PaiseHalfUp.apply(Decimal::MAX), None);
}

#[test]
fn interest_rounds_an_exact_half_paisa_up() {
    // 1.00 at 6 % for a month is half a paisa; 1/12 alone would be a little less than that.
    let month = YearFraction { numerator: 1, denominator: 12 };
    assert_eq!(rate("6").interest(rupees("1"), month), Some(Paise(1)));
    assert_eq!(rate("5.99").interest(rupees("1"), month), Some(Paise::ZERO));
    assert_eq!(rate("6").interest(rupees("1"), YearFraction { numerator: 1, denominator: 0 }), None);
}
