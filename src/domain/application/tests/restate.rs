//! Payouts later than the key facts statement assumed (`lending.md` §2.3, `KFS_STALE`).

use chrono::{Duration, NaiveDate};

use super::findings::{notified, paid};
use super::fixtures::{careful_product, rupees, trigger_acceptance, verify};
use super::story::ONE;
use super::support::Scene;
use super::words::told;
use crate::domain::application::answer::{Content, RefusalReason, Restated};
use crate::domain::application::ask::{Ask, NEVER_RECEIVED, Outcome};
use crate::domain::application::copies::Copies;
use crate::domain::application::decision::Effect;
use crate::domain::application::facets::Offer;
use crate::domain::application::stage::Stage;
use crate::domain::application::{pricing, restate};
use crate::domain::ids::ExchangeId;
use crate::domain::kfs::IssuedKfs;
use crate::domain::loan::PayoutState;
use crate::domain::loan::account::Contract;
use crate::domain::maths::{DayCount, FirstPeriod, ScheduleTerms, schedule};
use crate::domain::product::Product;
use crate::domain::servicing::Servicing;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Due on the fifth: granted on 2 November, so that a payout from the sixth on waits for January.
fn product() -> Product {
    Product { servicing: Servicing { due_day: Some(5), ..Servicing::default() }, ..careful_product() }
}

fn granted() -> Scene {
    Scene::several(product(), &[ONE], "GRANTED")
}

/// Granted and stopped on the sixth.
fn stopped() -> Scene {
    let mut scene = granted();
    scene.wait(Duration::days(4));
    let stopped = scene.trigger_payment("P1");
    assert_eq!(told(&scene, stopped), "KfsStale: nothing");
    scene
}

fn shown(scene: &Scene, exchange: ExchangeId) -> Option<Restated> {
    match &scene.reply(exchange).unwrap().content {
        Content::Disbursement(content) => content.restated.clone(),
        content => panic!("{content:?}"),
    }
}

/// Statements that were issued anew.
fn published(scene: &Scene) -> Vec<IssuedKfs> {
    let kfs = |effect: &Effect| match effect {
        Effect::Publish(_, kfs) if kfs.number.contains("-R") => Some(kfs.as_ref().clone()),
        _ => None,
    };
    scene.all_effects.iter().filter_map(kfs).collect()
}

fn accept(scene: &mut Scene) {
    scene.send_otp(&[ONE]);
    let key = scene.session_key(ONE);
    let verified = scene.tell(&verify(&key));
    assert_eq!(told(scene, verified), "Success");
}

#[test]
fn a_payout_in_time_or_late_and_not_worse_goes() {
    for (product, days) in [(product(), 0), (careful_product(), 1), (careful_product(), 40)] {
        let mut scene = Scene::several(product, &[ONE], "GRANTED");
        scene.wait(Duration::days(days));
        let triggered = scene.trigger_payment("P1");
        assert_eq!(told(&scene, triggered), "PendingAuth", "{days} days late");
        assert!(published(&scene).is_empty());
    }
}

/// Fees over a shorter time cost more a year, though every instalment is lower.
#[test]
fn a_higher_annual_percentage_rate_alone_is_worse() {
    let mut scene = granted();
    let accepted = scene.deal(ONE).offer.clone();
    scene.wait(Duration::days(1));
    let stopped = scene.trigger_payment("P1");
    let restated = shown(&scene, stopped).unwrap();
    assert!(restated.apr > accepted.apr && restated.instalment < accepted.instalment);
}

#[test]
fn due_dates_that_move_along_are_never_worse_by_thirty_days_a_month() {
    let scene = Scene::several(careful_product(), &[ONE], "GRANTED");
    let offer = &scene.deal(ONE).offer;
    for days in 1..400 {
        let on = offer.terms.disbursed_on + Duration::days(days);
        let later = pricing::for_payout(offer, on).unwrap();
        assert_eq!(restate::worse(&later, offer), None, "{on}");
    }
}

#[test]
fn a_late_payout_on_worse_terms_waits_for_the_borrower() {
    let mut scene = granted();
    let accepted = scene.deal(ONE).offer.clone();
    scene.wait(Duration::days(4));
    let stopped = scene.trigger_payment("P1");
    assert_eq!(scene.refusal(stopped), Some(RefusalReason::KfsStale));
    let detail = scene.reply(stopped).unwrap().refusal.clone().unwrap().detail;
    assert!(detail.starts_with("KFS-STALE: terms got worse"), "{detail}");
    assert!(scene.loans[0].payouts.is_empty() && !scene.asked().contains(&"pay"), "nothing is reserved or sent");

    let restated = shown(&scene, stopped).unwrap();
    assert_eq!(restated.number, format!("KFS-{}-R1", accepted.id));
    assert!(restated.instalment > accepted.instalment);
    assert_eq!(published(&scene).last().unwrap().hash, restated.hash);
    let deal = scene.deal(ONE);
    let waiting = deal.restatement.as_ref().unwrap();
    assert_eq!(
        (waiting.offer.terms.disbursed_on, waiting.offer.terms.first_due),
        (day("2026-11-06"), day("2027-01-05"))
    );
    assert_eq!((&waiting.offer.id, &waiting.offer.fees), (&accepted.id, &accepted.fees));
    assert_eq!(waiting.offer.repayment_plans[0].id, accepted.repayment_plans[0].id, "the mandate is the plan's");
    assert_eq!(deal.offer, accepted, "accepted is what was signed");
    assert_eq!(deal.document_hashes(), std::slice::from_ref(&restated.hash), "no agreement on it yet");

    let again = scene.trigger_payment("P2");
    assert_eq!(shown(&scene, again), Some(restated), "the same statement on the same day");
    assert_eq!(published(&scene).len(), 1);
}

#[test]
fn once_signed_the_new_terms_are_the_deal_s_and_the_loan_s() {
    let mut scene = stopped();
    let before = scene.deal(ONE).clone();
    let first = match &scene.app(ONE).stage {
        Stage::Granted { acceptance, .. } => acceptance.clone(),
        stage => panic!("{}", stage.name()),
    };
    accept(&mut scene);
    assert_eq!(scene.stage(ONE), "GRANTED");
    let deal = scene.deal(ONE).clone();
    let waited = before.restatement.unwrap();
    assert_eq!((&deal.offer, deal.kfs.as_ref()), (&waited.offer, Some(&waited.kfs)));
    assert!(deal.restatement.is_none() && matches!(deal.copies, Copies::Sending { .. }), "copies go out again");
    let Stage::Granted { acceptance, .. } = &scene.app(ONE).stage else { panic!("not granted") };
    assert_eq!(acceptance.kfs_hash.as_ref(), Some(&waited.kfs.hash));
    assert_eq!(deal.replaced[0].acceptance, first, "what was signed first is kept");
    let loan = &scene.loans[0];
    assert_eq!((&loan.offer, loan.tranches[0].net()), (&deal.offer, deal.offer.net_disbursed));

    let triggered = scene.trigger_payment("P2");
    assert_eq!(told(&scene, triggered), "PendingAuth");
    assert!(!scene.asked().contains(&"pay"), "held until the copies left");
    scene.answer("send", &notified("2"));
    scene.answer("pay", &paid());
    assert!(scene.loans[0].payouts[0].is_paid());
}

#[test]
fn the_new_statement_has_the_tries_and_the_session_of_any_other() {
    let mut scene = stopped();
    scene.send_otp(&[ONE]);
    let key = scene.session_key(ONE);
    scene.otp_matches = false;
    for _ in 0..scene.limits.otp_max_tries {
        let wrong = scene.tell(&verify(&key));
        assert_eq!(told(&scene, wrong), "IncorrectOtp");
    }
    scene.otp_matches = true;
    let locked = scene.tell(&verify(&key));
    assert_eq!(told(&scene, locked), "OtpSession: InvalidSession");
    assert!(scene.deal(ONE).restatement.is_some(), "nothing is signed");

    let soon = scene.tell(&trigger_acceptance(&[ONE]));
    assert_eq!(scene.refusal(soon), Some(RefusalReason::ResendLimit));
    scene.wait(Duration::seconds(scene.limits.otp_send_gap_seconds));
    scene.send_otp(&[ONE]);
    let key = scene.session_key(ONE);
    scene.wait(scene.limits.otp_validity() + Duration::seconds(1));
    let expired = scene.tell(&verify(&key));
    assert_eq!(told(&scene, expired), "OtpSession: InvalidSession");
}

#[test]
fn the_first_session_signs_nothing_any_more() {
    let mut scene = granted();
    let first = match &scene.app(ONE).stage {
        Stage::Granted { acceptance, .. } => acceptance.session_key.clone(),
        stage => panic!("{}", stage.name()),
    };
    let repeated = scene.tell(&verify(&first));
    assert_eq!(told(&scene, repeated), "Success", "a repeated message, while nothing else waits");
    scene.wait(Duration::days(4));
    scene.trigger_payment("P1");
    let old = scene.tell(&verify(&first));
    assert_eq!(told(&scene, old), "OtpSession: InvalidSession");
    assert!(scene.deal(ONE).restatement.is_some());
}

#[test]
fn each_later_day_that_is_worse_has_a_statement_of_its_own() {
    let mut scene = stopped();
    scene.send_otp(&[ONE]);
    let key = scene.session_key(ONE);
    scene.wait(Duration::days(4));
    let second = scene.trigger_payment("P2");
    assert!(shown(&scene, second).unwrap().number.ends_with("-R2"));
    let dead = scene.tell(&verify(&key));
    assert_eq!(told(&scene, dead), "OtpSession: InvalidSession", "its statement was replaced");
    accept(&mut scene);
    scene.answer("send", &notified("2"));
    assert_eq!(scene.deal(ONE).offer.terms.disbursed_on, day("2026-11-10"));

    // Accepted on the tenth; on the sixth of December the first period is longer again.
    scene.wait(Duration::days(26));
    let third = scene.trigger_payment("P3");
    assert!(shown(&scene, third).unwrap().number.ends_with("-R3"));
    assert!(scene.loans[0].payouts.is_empty());

    // Nobody accepted it. What was accepted has 25 odd days, and so has a payout on the eleventh.
    scene.wait(Duration::days(5));
    let fourth = scene.trigger_payment("P4");
    assert_eq!(told(&scene, fourth), "PendingAuth");
    assert!(scene.deal(ONE).restatement.is_none());
}

#[test]
fn a_statement_that_ran_out_unsigned_is_issued_anew_with_the_payout() {
    let mut scene = stopped();
    let until = scene.deal(ONE).restatement.as_ref().unwrap().kfs.valid_till;
    scene.wait(until - scene.now + Duration::seconds(1));
    let late = scene.tell(&trigger_acceptance(&[ONE]));
    assert_eq!(scene.refusal(late), Some(RefusalReason::KfsExpired));
    scene.trigger_payment("P2");
    accept(&mut scene);
}

#[test]
fn total_interest_may_rise_by_the_product_s_tolerance() {
    for (tolerance, answer) in [("0", "KfsStale: nothing"), ("5000", "PendingAuth")] {
        let servicing = Servicing { reissue_tolerance: rupees(tolerance), ..product().servicing };
        let lenient = Product { servicing, first_period: FirstPeriod::AddToFirst, ..product() };
        let mut scene = Scene::several(lenient, &[ONE], "GRANTED");
        scene.wait(Duration::days(4));
        let triggered = scene.trigger_payment("P1");
        assert_eq!(told(&scene, triggered), answer, "{tolerance}");
    }
}

#[test]
fn a_payout_that_waited_for_the_copies_into_a_worse_day_is_free_again() {
    let mut scene = Scene::several(product(), &[ONE], "OTP_SENT");
    let key = scene.session_key(ONE);
    scene.tell(&verify(&key));
    let held = scene.asks.iter().position(|new| matches!(new.ask, Ask::Notify(_))).unwrap();
    let copies = scene.asks.remove(held);
    scene.set_up(ONE);
    scene.ask_for_grant(ONE);
    scene.answer("final-check", &super::findings::pass());
    scene.trigger_payment("P1");
    scene.wait(Duration::days(4));
    scene.asks.push(copies);
    scene.answer("send", &notified("1"));
    assert!(!scene.asked().contains(&"pay"));
    let PayoutState::Failed { code, .. } = &scene.loans[0].payouts[0].state else { panic!("not failed") };
    assert_eq!(code, restate::KFS_STALE);
    let stopped = scene.trigger_payment("P2");
    assert_eq!(scene.refusal(stopped), Some(RefusalReason::KfsStale));
}

#[test]
fn an_order_that_the_bank_never_got_is_not_repeated_on_a_worse_day() {
    let mut scene = granted();
    scene.trigger_payment("P1");
    scene.wait(Duration::days(4));
    scene.answer("pay", &Outcome::Refused { code: NEVER_RECEIVED.to_owned(), detail: String::new() });
    assert!(!scene.asked().contains(&"pay") && scene.loans[0].payouts[0].has_failed());
}

/// The bank may take a night, and nobody can ask the borrower while the money moves.
#[test]
fn money_under_way_keeps_the_accepted_due_dates_when_moved_ones_were_worse() {
    let scene = granted();
    let offer: &Offer = &scene.deal(ONE).offer;
    let first_due = |on: &str| Contract::of(offer, day(on)).unwrap().terms.first_due;
    assert_eq!(first_due("2026-11-05"), day("2026-12-05"));
    assert_eq!(first_due("2026-11-06"), day("2026-12-05"), "not January");
}

/// A short month cut the first due date only (`lending.md` §2.1), and a payout a day later does not change that.
#[test]
fn accepted_due_dates_that_stay_keep_the_day_that_a_short_month_cut() {
    let accepted = granted().deal(ONE).offer.clone();
    let terms = ScheduleTerms { due_day: None, day_count: DayCount::ActualActual, ..accepted.terms.clone() };
    let servicing = Servicing::default();
    let offer = pricing::for_payout(&Offer { servicing, terms, ..accepted }, day("2028-01-31")).unwrap();
    let due = |on: &str| {
        let terms = Contract::of(&offer, day(on)).unwrap().terms;
        schedule(&terms).unwrap().rows.iter().take(3).map(|row| row.due_date).collect::<Vec<_>>()
    };
    let expected = ["2028-02-29", "2028-03-31", "2028-04-30"].map(day);
    assert_eq!(due("2028-01-31"), expected);
    assert_eq!(due("2028-02-01"), expected, "worse if they moved, so they stay");
}
