//! Laws that hold for every schedule, whatever its terms.

use chrono::Days;
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::support::day;
use crate::domain::maths::{
    AnnualRate, DayCount, FirstPeriod, Flow, Frequency, Method, Paise, Rounding, ScheduleTerms, apr, apr_of, schedule,
};

fn frequency() -> impl Strategy<Value = Frequency> {
    prop_oneof![
        Just(Frequency::Monthly),
        Just(Frequency::Weekly),
        Just(Frequency::Fortnightly),
        Just(Frequency::Quarterly),
        Just(Frequency::HalfYearly),
        Just(Frequency::Yearly),
        (1_u32..100).prop_map(Frequency::EveryDays),
    ]
}

fn rounding() -> impl Strategy<Value = Rounding> {
    prop_oneof![
        Just(Rounding::PaiseHalfUp),
        Just(Rounding::PaiseHalfEven),
        Just(Rounding::RupeeHalfUp),
        Just(Rounding::RupeeCeil),
        (1_i64..20_000).prop_map(|unit| Rounding::MultipleOf(Paise(unit))),
    ]
}

fn method() -> impl Strategy<Value = Method> {
    prop::sample::select(vec![Method::EqualInstalment, Method::EqualPrincipal, Method::Bullet])
}

fn day_count() -> impl Strategy<Value = DayCount> {
    prop::sample::select(vec![
        DayCount::Thirty360,
        DayCount::Actual365,
        DayCount::Actual360,
        DayCount::Actual364,
        DayCount::ActualActual,
    ])
}

fn first_period() -> impl Strategy<Value = FirstPeriod> {
    prop::sample::select(vec![FirstPeriod::Stretch, FirstPeriod::AddToFirst, FirstPeriod::Upfront])
}

prop_compose! {
    pub(super) fn terms()(
        principal in 1_i64..10_000_000_000,
        basis_points in 0_i64..=20_000,
        installments in 1_u32..=60,
        frequency in frequency(),
        method in method(),
        rounding in rounding(),
        day_count in day_count(),
        start in 0_u64..4_000,
        first_days in 1_u64..200,
        (first_period, odd_day_count) in (first_period(), prop::option::of(day_count())),
    ) -> ScheduleTerms {
        let disbursed_on = day("2020-01-01") + Days::new(start);
        ScheduleTerms {
            principal: Paise(principal),
            annual_rate: AnnualRate::new(Decimal::new(basis_points, 2)).expect("a rate"),
            installments: if method == Method::Bullet { 1 } else { installments },
            frequency,
            method,
            rounding,
            day_count,
            disbursed_on,
            first_due: disbursed_on + Days::new(first_days),
            due_day: None,
            first_period,
            odd_day_count,
        }
    }
}

proptest! {
    #[test]
    fn rows_chain_from_the_principal_to_zero(terms in terms()) {
        let Ok(schedule) = schedule(&terms) else { return Ok(()) };
        let mut balance = terms.principal;
        let mut due_before = terms.disbursed_on;
        for (number, row) in (1..).zip(&schedule.rows) {
            prop_assert_eq!(row.number, number);
            prop_assert_eq!(row.opening, balance);
            prop_assert_eq!(row.opening.checked_sub(row.principal), Some(row.closing));
            prop_assert_eq!(row.principal.checked_add(row.interest), Some(row.instalment));
            prop_assert!(row.principal.is_positive() && row.interest >= Paise::ZERO);
            prop_assert!(row.due_date > due_before);
            balance = row.closing;
            due_before = row.due_date;
        }
        prop_assert_eq!(balance, Paise::ZERO);
        prop_assert_eq!(schedule.rows.len(), usize::try_from(terms.installments).expect("fits"));
    }

    #[test]
    fn principal_is_conserved_and_totals_add_up(terms in terms()) {
        let Ok(schedule) = schedule(&terms) else { return Ok(()) };
        let repaid = Paise::checked_sum(schedule.rows.iter().map(|row| row.principal));
        prop_assert_eq!(repaid, Some(terms.principal));
        prop_assert_eq!(terms.principal.checked_add(schedule.total_interest), Some(schedule.total_paid));
    }

    #[test]
    fn same_terms_give_the_same_schedule(terms in terms()) {
        prop_assert_eq!(schedule(&terms), schedule(&terms));
    }

    #[test]
    fn equal_instalments_are_equal_but_the_last(terms in terms()) {
        let Ok(schedule) = schedule(&terms) else { return Ok(()) };
        if terms.method == Method::EqualInstalment {
            let special_first = usize::from(terms.first_period == FirstPeriod::AddToFirst);
            let mut regular = schedule.rows.iter().skip(special_first).rev().skip(1);
            prop_assert!(regular.all(|row| row.instalment == schedule.instalment));
        }
    }

    #[test]
    fn a_fee_never_lowers_the_apr(terms in terms(), fee_percent in 0_i64..50) {
        let Ok(schedule) = schedule(&terms) else { return Ok(()) };
        let fee = Paise(terms.principal.0 / 100 * fee_percent);
        let net = |fee| schedule.net_disbursed(terms.principal, fee).expect("fits");
        let without = apr_of(&terms, &schedule, net(Paise::ZERO));
        let with = apr_of(&terms, &schedule, net(fee));
        if let (Ok(without), Ok(with)) = (without, with) {
            prop_assert!(with >= without);
        }
    }

    #[test]
    fn the_apr_gives_back_the_net_amount(
        net in 1_000_i64..100_000_000,
        payment in 100_i64..10_000_000,
        count in 1_u32..48,
    ) {
        let flows: Vec<Flow> = (1..=count).map(|period| Flow { period, amount: Paise(payment) }).collect();
        let Ok(rate) = apr(Paise(net), &flows, Decimal::ZERO, Decimal::ONE) else { return Ok(()) };
        let growth = Decimal::ONE + rate.percent() / Decimal::ONE_HUNDRED;
        let worth = (0..count).fold(Decimal::ZERO, |worth, _| (worth + Decimal::from(payment)) / growth);
        prop_assert!((worth - Decimal::from(net)).abs() < Decimal::ONE);
    }

    #[test]
    fn amounts_survive_their_text(paise in any::<i64>()) {
        prop_assert_eq!(Paise(paise).to_string().parse(), Ok(Paise(paise)));
        prop_assert_eq!(Paise::from_rupees_exact(Paise(paise).to_rupees()), Some(Paise(paise)));
    }

    #[test]
    fn no_terms_make_it_panic(
        mut terms in terms(),
        principal in any::<i64>(),
        installments in any::<u32>(),
        days in any::<u32>(),
    ) {
        terms.principal = Paise(principal);
        terms.installments = installments % 700;
        terms.frequency = Frequency::EveryDays(days);
        let _schedule_or_refusal = schedule(&terms);
    }
}
