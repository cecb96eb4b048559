//! Over random loans and payment histories: every paisa has its place, and time may pass in any steps.

use chrono::{Days, NaiveDate};
use proptest::prelude::*;
use rust_decimal::Decimal;

use super::super::{Account, Contract, Fact, Out, Position, Purpose, What, replay};
use super::support::{check, contract, received};
use crate::domain::application::facets::Offer;
use crate::domain::application::tests::priced_offer;
use crate::domain::ids::PaymentId;
use crate::domain::maths::money::Paise;
use crate::domain::maths::reschedule::PrepaymentMode;
use crate::domain::maths::{AnnualRate, DayCount, Frequency, Method, ScheduleTerms, apr_of, schedule};
use crate::domain::servicing::{AllocationPolicy, Servicing};

/// Something that may happen, some days after the one before.
#[derive(Debug, Clone)]
struct Step {
    days: u64,
    kind: u8,
    share: u8,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(
        (0_u64..40, 0_u8..10, 1_u8..=120).prop_map(|(days, kind, share)| Step { days, kind, share }),
        0..24,
    )
}

prop_compose! {
    fn terms()(
        principal in 100_000_i64..50_000_000,
        rate in 0_i64..4_000,
        installments in 1_u32..24,
        frequency in prop_oneof![
            Just(Frequency::Monthly), Just(Frequency::Weekly), Just(Frequency::Fortnightly),
            Just(Frequency::Quarterly), Just(Frequency::EveryDays(10)),
        ],
        day_count in prop_oneof![
            Just(DayCount::Thirty360), Just(DayCount::Actual365), Just(DayCount::Actual360), Just(DayCount::ActualActual),
        ],
        equal_principal in any::<bool>(),
        start in 0_u64..700,
    ) -> Option<ScheduleTerms> {
        let disbursed_on = NaiveDate::from_ymd_opt(2026, 1, 1)?.checked_add_days(Days::new(start))?;
        let terms = ScheduleTerms {
            principal: Paise(principal),
            annual_rate: AnnualRate::new(Decimal::new(rate, 2)).ok()?,
            installments,
            frequency,
            day_count,
            method: if equal_principal { Method::EqualPrincipal } else { Method::EqualInstalment },
            disbursed_on,
            first_due: frequency.after(disbursed_on, 1)?,
            due_day: None,
            ..contract().terms
        };
        schedule(&terms).is_ok().then_some(terms)
    }
}

prop_compose! {
    fn servicing()(
        allocation in prop_oneof![
            Just(AllocationPolicy::InstalmentWise), Just(AllocationPolicy::InterestFirst), Just(AllocationPolicy::PrincipalFirst),
        ],
        penal_every_days in 1_u32..45,
        percent in 0_i64..5,
        keep_count in any::<bool>(),
    ) -> Servicing {
        Servicing {
            allocation,
            penal_every_days,
            foreclosure_percent: Decimal::from(percent),
            prepayment_percent: Decimal::from(percent),
            prepayment_mode: if keep_count { PrepaymentMode::ReduceInstalment } else { PrepaymentMode::ReduceCount },
            ..Servicing::default()
        }
    }
}

fn offer(terms: ScheduleTerms, servicing: Servicing) -> Offer {
    let schedule = schedule(&terms).unwrap();
    Offer {
        sanctioned: terms.principal,
        net_disbursed: terms.principal,
        fees: Vec::new(),
        servicing,
        terms,
        schedule,
        ..priced_offer()
    }
}

/// Facts as they may follow from steps, each judged by the account as it stands then.
fn facts(offer: &Offer, steps: &[Step]) -> (Vec<Fact>, NaiveDate) {
    let mut day = offer.terms.disbursed_on;
    let what = What::Disbursed { reference: "B".to_owned(), net: offer.net_disbursed };
    let mut facts = vec![Fact { value_date: day, what }];
    let mut out = Out::default();
    let opened = Contract::of(offer, day).unwrap();
    let mut account = Account::open(opened, "B", offer.net_disbursed, &mut out).unwrap();
    for (number, step) in steps.iter().enumerate() {
        day = day.checked_add_days(Days::new(step.days)).unwrap();
        account.advance(Position::open(day), &mut out);
        if let Some(what) = what_happens(&account, day, number, step) {
            let fact = Fact { value_date: day, what };
            account.apply(&fact, &mut out);
            facts.push(fact);
        }
    }
    (facts, day)
}

fn what_happens(account: &Account, day: NaiveDate, number: usize, step: &Step) -> Option<What> {
    let payment = format!("P-{number}");
    let pay = |amount: Paise, purpose| {
        let amount = Paise(amount.0 * i64::from(step.share) / 100);
        amount.is_positive().then(|| received(&payment, amount, purpose, account.policy()))
    };
    let unpaid = account.unpaid().next().map(|row| row.row.number);
    match step.kind {
        0..=3 => pay(account.payable(day), Purpose::Instalment),
        4 => pay(account.principal_outstanding(), Purpose::Prepayment),
        5 => pay(account.foreclosure(day).ok()?.total, Purpose::Foreclosure),
        6 => Some(What::Noticed { instalment: unpaid?, message_id: format!("M-{number}") }),
        7 => Some(What::Bounced { payment: PaymentId(payment), instalment: unpaid? }),
        8 => {
            let days = Days::new(u64::from(step.share) * 2);
            Some(What::Moratorium { from: day, to: day.checked_add_days(days) })
        }
        _ => (account.excess.is_positive())
            .then(|| What::Refunded { reference: format!("R-{number}"), amount: account.excess }),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn every_book_adds_up_at_every_step(terms in terms(), servicing in servicing(), steps in steps()) {
        let Some(terms) = terms else { return Ok(()) };
        let offer = offer(terms, servicing);
        let (facts, last) = facts(&offer, &steps);
        for known in 1..=facts.len() {
            let until = facts.get(known).map_or(last, |next| next.value_date);
            let replayed = replay(&offer, &facts[..known], Position::open(until)).unwrap();
            check(replayed.account.as_ref().unwrap(), &replayed.out.journals);
        }
    }

    #[test]
    fn day_by_day_is_the_same_as_all_at_once(terms in terms(), servicing in servicing(), steps in steps()) {
        let Some(terms) = terms else { return Ok(()) };
        let offer = offer(terms, servicing);
        let (facts, last) = facts(&offer, &steps);
        let end = last.checked_add_days(Days::new(120)).unwrap();
        let at_once = replay(&offer, &facts, Position::closed(end)).unwrap();

        let mut out = Out::default();
        let contract = Contract::of(&offer, offer.terms.disbursed_on).unwrap();
        let mut account = Account::open(contract, "B", offer.net_disbursed, &mut out).unwrap();
        let mut day = offer.terms.disbursed_on;
        let mut rest = facts.iter().skip(1).peekable();
        while day <= end {
            account.advance(Position::open(day), &mut out);
            while let Some(fact) = rest.next_if(|fact| fact.value_date == day) {
                account.apply(fact, &mut out);
            }
            account.advance(Position::closed(day), &mut out);
            day = day.succ_opt().unwrap();
        }
        prop_assert_eq!(Some(&account), at_once.account.as_ref());
        prop_assert_eq!(&out.journals, &at_once.out.journals);
    }

    #[test]
    fn a_fact_that_comes_late_leaves_the_book_that_it_would_have_had(
        terms in terms(), servicing in servicing(), steps in steps(), late in any::<prop::sample::Index>(),
    ) {
        let Some(terms) = terms else { return Ok(()) };
        let offer = offer(terms, servicing);
        let (facts, last) = facts(&offer, &steps);
        prop_assume!(facts.len() > 1);
        let which = 1 + late.index(facts.len() - 1);
        let to = Position::closed(last.checked_add_days(Days::new(40)).unwrap());
        let mut without = facts.clone();
        let missing = without.remove(which);
        let posted = replay(&offer, &without, to).unwrap().out.journals;
        without.push(missing);
        let after = replay(&offer, &without, to).unwrap();
        let mut all = posted.clone();
        all.extend(after.corrections(&posted));
        check(after.account.as_ref().unwrap(), &all);
        prop_assert_eq!(after.corrections(&all), Vec::new());
    }

    #[test]
    fn a_payment_that_comes_back_leaves_the_book_of_a_loan_that_never_had_it(
        terms in terms(), servicing in servicing(), steps in steps(), back in any::<prop::sample::Index>(),
    ) {
        let Some(terms) = terms else { return Ok(()) };
        let offer = offer(terms, servicing);
        let (mut facts, last) = facts(&offer, &steps);
        let payments: Vec<PaymentId> = facts.iter().filter_map(|fact| match &fact.what {
            What::Received { payment, .. } => Some(payment.clone()),
            _ => None,
        }).collect();
        prop_assume!(!payments.is_empty());
        let payment = back.get(&payments).clone();
        let to = Position::closed(last.checked_add_days(Days::new(10)).unwrap());
        let posted = replay(&offer, &facts, to).unwrap().out.journals;
        facts.push(Fact { value_date: last, what: What::Returned { payment: payment.clone() } });
        let after = replay(&offer, &facts, to).unwrap();
        let mut all = posted.clone();
        all.extend(after.corrections(&posted));
        check(after.account.as_ref().unwrap(), &all);
        let never: Vec<Fact> = facts.iter().filter(|fact| match &fact.what {
            What::Received { payment: id, .. } | What::Returned { payment: id } => *id != payment,
            _ => true,
        }).cloned().collect();
        prop_assert_eq!(after.account, replay(&offer, &never, to).unwrap().account);
    }

    #[test]
    fn the_apr_of_the_schedule_is_the_apr_of_the_key_facts(terms in terms()) {
        let Some(terms) = terms else { return Ok(()) };
        let schedule = schedule(&terms).unwrap();
        prop_assert_eq!(&schedule, &crate::domain::maths::schedule(&terms).unwrap());
        let principal: i64 = schedule.rows.iter().map(|row| row.principal.0).sum();
        prop_assert_eq!(Paise(principal), terms.principal);
        // The contract rate is the APR when nothing is kept from the payout, up to the rounding of the instalment.
        if terms.principal > Paise(10_000_000) && terms.installments > 3 && terms.day_count == DayCount::Thirty360
            && !matches!(terms.frequency, Frequency::EveryDays(_)) {
            let apr = apr_of(&terms, &schedule, terms.principal).unwrap().rounded();
            let gap = (apr - terms.annual_rate.percent()).abs();
            prop_assert!(gap <= Decimal::new(5, 2), "{apr} and {}", terms.annual_rate);
        }
    }
}
