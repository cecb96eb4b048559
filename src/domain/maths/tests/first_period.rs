//! The ways to pay for a broken first period (`lending.md` §2.3).

use super::properties::terms as any_terms;
use super::support::{bullet, day, monthly, plan, rupees};
use crate::domain::maths::{DayCount, FirstPeriod, Method, Paise, Schedule, ScheduleTerms, apr_of, schedule};
use proptest::prelude::*;

/// The worked example: 3,00,000 at 18 % over 12 months, disbursed on 15 Jan, first due on 5 Mar. Its
/// months are 30/360 (27,504.00) and its 21 odd days ACT/365 (3,106.85).
fn example(first_period: FirstPeriod) -> ScheduleTerms {
    ScheduleTerms {
        disbursed_on: day("2026-01-15"),
        first_due: day("2026-03-05"),
        due_day: None,
        first_period,
        odd_day_count: Some(DayCount::Actual365),
        ..monthly("300000", "18", 12)
    }
}

fn shown_apr(terms: &ScheduleTerms) -> String {
    let schedule = plan(terms);
    let net = schedule.net_disbursed(terms.principal, Paise::ZERO).expect("fits");
    apr_of(terms, &schedule, net).expect("a rate").to_string()
}

fn first_instalment(schedule: &Schedule) -> Paise {
    schedule.rows.first().expect("a row").instalment
}

#[test]
fn odd_days_added_to_the_first_instalment() {
    let terms = example(FirstPeriod::AddToFirst);
    let schedule = plan(&terms);
    assert_eq!(schedule.instalment, rupees("27504.00"));
    assert_eq!(first_instalment(&schedule), rupees("30610.85"));
    assert_eq!(schedule.rows[0].interest, rupees("7606.85"));
    assert_eq!(schedule.rows[1].instalment, rupees("27504.00"));
    assert_eq!(schedule.upfront_interest, Paise::ZERO);
    assert_eq!(schedule.cost_of_interest(), Some(schedule.total_interest));
    // 17.95 when every row is 27,504.00 and the odd days are paid with the first.
    assert_eq!(shown_apr(&terms), "17.95");
}

#[test]
fn odd_days_kept_from_the_disbursal() {
    let terms = example(FirstPeriod::Upfront);
    let schedule = plan(&terms);
    assert_eq!(schedule.upfront_interest, rupees("3106.85"));
    assert_eq!(first_instalment(&schedule), rupees("27504.00"));
    assert_eq!(schedule.net_disbursed(terms.principal, Paise::ZERO), Some(rupees("296893.15")));
    assert_eq!(schedule.cost_of_interest(), schedule.total_interest.checked_add(rupees("3106.85")));
    assert_eq!(shown_apr(&terms), "17.99");
}

#[test]
fn odd_days_in_a_first_row_of_its_own_length() {
    let terms = ScheduleTerms { odd_day_count: None, ..example(FirstPeriod::Stretch) };
    let schedule = plan(&terms);
    assert_eq!(first_instalment(&schedule), schedule.instalment);
    assert!(schedule.instalment > rupees("27504.00"));
    assert_eq!(schedule.upfront_interest, Paise::ZERO);
}

#[test]
fn odd_days_follow_the_product_unless_they_have_a_day_count_of_their_own() {
    // 15 Jan to 5 Feb is 21 days, which count 1/360 each: 300000 * 18 % * 21 / 360.
    let terms = ScheduleTerms { odd_day_count: None, ..example(FirstPeriod::Upfront) };
    assert_eq!(plan(&terms).upfront_interest, rupees("3150"));
    let actual = ScheduleTerms { day_count: DayCount::Actual365, ..terms };
    assert_eq!(plan(&actual).upfront_interest, rupees("3106.85"));
}

// `lending.md` §1.4: interest for the days on which the money was held, over a February too.
#[test]
fn odd_days_over_the_end_of_february_are_the_days_that_the_money_was_held() {
    let of = |first_period| {
        let terms = ScheduleTerms {
            disbursed_on: day("2026-02-28"),
            first_due: day("2026-04-05"),
            odd_day_count: None,
            ..example(first_period)
        };
        plan(&terms)
    };
    // Five days, 28 Feb to 5 Mar: 300000 * 18 % * 5 / 360.
    assert_eq!(of(FirstPeriod::Upfront).upfront_interest, rupees("750"));
    assert_eq!(first_instalment(&of(FirstPeriod::AddToFirst)), rupees("28254"));
    assert_eq!(of(FirstPeriod::Stretch).rows[0].interest, rupees("5250"));
}

#[test]
fn due_dates_do_not_depend_on_the_policy() {
    let dates = |policy| plan(&example(policy)).rows.iter().map(|row| row.due_date).collect::<Vec<_>>();
    assert_eq!(dates(FirstPeriod::AddToFirst), dates(FirstPeriod::Stretch));
    assert_eq!(dates(FirstPeriod::Upfront), dates(FirstPeriod::Stretch));
}

#[test]
fn a_short_or_whole_first_period_and_a_bullet_have_no_odd_days() {
    let short = ScheduleTerms { first_due: day("2024-01-20"), ..monthly("100000", "18", 12) };
    let moratorium = ScheduleTerms { first_due: day("2024-04-01"), ..monthly("100000", "18", 12) };
    for terms in [short, moratorium, monthly("100000", "18", 12), bullet("100000", "18", "2024-02-15")] {
        let stretched = plan(&terms);
        for first_period in [FirstPeriod::AddToFirst, FirstPeriod::Upfront] {
            assert_eq!(plan(&ScheduleTerms { first_period, ..terms.clone() }), stretched);
        }
    }
}

#[test]
fn policies_are_words_in_json_and_older_terms_stretch() {
    let terms = example(FirstPeriod::AddToFirst);
    let mut json = serde_json::to_value(&terms).expect("json");
    assert_eq!(json["first_period"], "ADD_TO_FIRST");
    let object = json.as_object_mut().expect("an object");
    object.remove("first_period");
    object.remove("odd_day_count");
    let read: ScheduleTerms = serde_json::from_value(json).expect("terms");
    assert_eq!((read.first_period, read.odd_day_count), (FirstPeriod::Stretch, None));
}

proptest! {
    #[test]
    fn policies_only_move_the_interest_of_the_odd_days(terms in any_terms()) {
        let of = |first_period| schedule(&ScheduleTerms { first_period, ..terms.clone() });
        let (Ok(added), Ok(upfront)) = (of(FirstPeriod::AddToFirst), of(FirstPeriod::Upfront)) else { return Ok(()) };
        prop_assert_eq!(added.instalment, upfront.instalment);
        prop_assert_eq!(&added.rows[1..], &upfront.rows[1..]);
        prop_assert!(upfront.upfront_interest >= Paise::ZERO);
        if terms.method == Method::EqualInstalment {
            prop_assert_eq!(added.cost_of_interest(), upfront.cost_of_interest());
        }
    }
}
