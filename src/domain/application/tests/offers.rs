//! Rows 20 to 37: underwriting, offers and the borrower's choice. Row 27, the interim answer, is the engine's.

use chrono::Duration;
use chrono::Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};

use super::findings::{
    acknowledged, approval, approve, decline, done, needs_document, needs_step, pass, refused, unknown,
};
use super::fixtures::{careful_product, form, generate, item, plain_product, rupees, set_offer};
use super::story::ONE;
use super::support::Scene;
use super::words::told;
use crate::domain::application::MOST_WAITING;
use crate::domain::application::answer::RefusalReason;
use crate::domain::application::ask::Finding;
use crate::domain::application::command::Command;
use crate::domain::application::decision::{Effect, Exposure};
use crate::domain::application::form::{Tenure, TenureUnit};
use crate::domain::application::stage::Stage;
use crate::domain::ids::OfferId;

#[test]
fn row_20_underwriting_starts_with_consent_or_where_none_is_needed() {
    let mut scene = Scene::under(plain_product(), "PROCESSING");
    let asked = scene.tell(&generate(&[ONE]));
    assert_eq!((scene.stage(ONE), scene.asked()), ("UNDERWRITING", vec!["fetch"]));
    assert_eq!(scene.reply(asked), None);

    let mut scene = Scene::at("PROCESSING");
    scene.give_data_consent(&[ONE]);
    scene.tell(&generate(&[ONE]));
    assert_eq!(scene.stage(ONE), "UNDERWRITING");
}

#[test]
fn row_21_without_the_consent_that_is_needed_nothing_moves() {
    let mut scene = Scene::at("PROCESSING");
    let asked = scene.tell(&generate(&[ONE]));
    assert_eq!(told(&scene, asked), "ConsentNotReady: Processing, 0 offers");
    assert_eq!(scene.stage(ONE), "PROCESSING");
}

#[test]
fn row_22_a_request_during_the_check_is_held() {
    let mut scene = Scene::under(plain_product(), "RECEIVED");
    let asked = scene.tell(&generate(&[ONE]));
    scene.answer("eligibility", &pass());
    assert_eq!((scene.stage(ONE), scene.reply(asked)), ("UNDERWRITING", None));

    let mut scene = Scene::under(plain_product(), "RECEIVED");
    let asked = scene.tell(&generate(&[ONE]));
    scene.answer("eligibility", &needs_document());
    assert_eq!(told(&scene, asked), "ActionRequired, 0 offers");
}

#[test]
fn row_23_each_request_gets_its_own_answer() {
    let mut scene = Scene::under(plain_product(), "PROCESSING");
    let first = scene.tell(&generate(&[ONE]));
    let second = scene.tell(&generate(&[ONE]));
    scene.answer("fetch", &acknowledged());
    scene.answer("offers", &approve());
    assert_eq!([told(&scene, first), told(&scene, second)], ["Offered, 2 offers", "Offered, 2 offers"]);
}

#[test]
fn row_23_a_request_for_which_there_is_no_room_to_wait_is_answered_as_things_stand() {
    let mut scene = Scene::under(plain_product(), "PROCESSING");
    for _ in 0..MOST_WAITING {
        let asked = scene.tell(&generate(&[ONE]));
        assert_eq!(scene.reply(asked), None, "it waits");
    }
    for _ in 0..3 {
        let asked = scene.tell(&generate(&[ONE]));
        assert_eq!(told(&scene, asked), "Processing, 0 offers");
        assert_eq!((scene.stage(ONE), scene.app(ONE).waiting.len()), ("UNDERWRITING", MOST_WAITING));
    }
    scene.answer("fetch", &acknowledged());
    scene.answer("offers", &approve());
    assert_eq!((scene.stage(ONE), scene.app(ONE).waiting.len()), ("OFFERED", 0));
}

#[test]
fn whoever_waits_for_something_else_takes_no_room() {
    for (stage, command, answer) in [
        ("RECEIVED", Command::CreateApplications(vec![item(ONE, form(Scene::new().now))]), "Processing"),
        ("GRANTING", Command::Grant { loan_application_id: ONE.to_owned() }, "ActionRequired: grant"),
    ] {
        let mut scene = Scene::at(stage);
        let before = scene.app(ONE).waiting.len();
        for _ in before..MOST_WAITING {
            let asked = scene.tell(&command);
            assert_eq!(scene.reply(asked), None, "{stage}: it waits");
        }
        let asked = scene.tell(&command);
        assert_eq!(told(&scene, asked), answer);
        assert_eq!((scene.stage(ONE), scene.app(ONE).waiting.len()), (stage, MOST_WAITING));
    }
    let mut scene = Scene::under(plain_product(), "RECEIVED");
    for _ in 0..MOST_WAITING {
        scene.tell(&Command::CreateApplications(vec![item(ONE, scene.form())]));
    }
    let asked = scene.tell(&generate(&[ONE]));
    assert_eq!(scene.reply(asked), None, "it waits for offers, as nobody else does");
}

#[test]
fn rows_24_to_26_and_28_the_decision_engine_decides() {
    let cases = [
        (approve(), "OFFERED", "Offered, 2 offers"),
        (decline(), "REJECTED", "Rejected, 0 offers"),
        (refused("NO"), "REJECTED", "Rejected, 0 offers"),
        (needs_step(), "ACTION_REQUIRED", "ActionRequired, 0 offers"),
        (unknown(), "PROCESSING", "SourceUnavailable: Processing, 0 offers"),
    ];
    for (outcome, stage, answer) in cases {
        let mut scene = Scene::under(plain_product(), "PROCESSING");
        let asked = scene.tell(&generate(&[ONE]));
        scene.answer("fetch", &acknowledged());
        scene.answer("offers", &outcome);
        assert_eq!((scene.stage(ONE), told(&scene, asked).as_str()), (stage, answer));
    }
}

#[test]
fn row_24_an_approval_above_the_borrowers_limit_falls_away() {
    let mut scene = Scene::under(plain_product(), "UNDERWRITING");
    scene.limits.max_borrower_exposure = Some(rupees("150000"));
    scene.exposure = Exposure { committed: rupees("80000"), granted: rupees("0") };
    scene.answer("fetch", &acknowledged());
    scene.answer("offers", &approve());
    let amounts: Vec<_> = scene.offers(ONE).iter().map(|o| o.sanctioned).collect();
    assert_eq!(amounts, [rupees("60000")]);
}

#[test]
fn row_24_an_approval_without_instalments_falls_away() {
    let mut scene = Scene::under(plain_product(), "UNDERWRITING");
    let none = crate::domain::application::ask::Approval { installments: Some(0), ..approval("90000") };
    scene.answer("fetch", &acknowledged());
    scene.answer("offers", &done(Finding::Approve { offers: vec![none, approval("50000")] }));
    let amounts: Vec<_> = scene.offers(ONE).iter().map(|o| o.sanctioned).collect();
    assert_eq!(amounts, [rupees("50000")]);
}

#[test]
fn row_28_terms_of_which_none_can_be_priced_decline_nobody() {
    let mut scene = Scene::under(plain_product(), "PROCESSING");
    let asked = scene.tell(&generate(&[ONE]));
    let none = crate::domain::application::ask::Approval { installments: Some(0), ..approval("90000") };
    scene.answer("fetch", &acknowledged());
    scene.answer("offers", &done(Finding::Approve { offers: vec![none] }));
    assert_eq!(scene.stage(ONE), "PROCESSING");
    assert_eq!(told(&scene, asked), "SourceUnavailable: Processing, 0 offers");
}

#[test]
fn row_25_a_tenure_that_no_loan_can_have_is_declined_in_words() {
    for (duration, unit, word) in [(1_200, TenureUnit::Month, "1200 MONTH"), (u32::MAX, TenureUnit::Year, "YEAR")] {
        let mut scene = Scene::under(plain_product(), "PROCESSING");
        scene.apps[0].form.tenure = Some(Tenure { duration, unit });
        let asked = scene.tell(&generate(&[ONE]));
        scene.answer("fetch", &acknowledged());
        scene.answer("offers", &approve());
        assert_eq!((scene.stage(ONE), told(&scene, asked).as_str()), ("REJECTED", "Rejected, 0 offers"));
        let Stage::Rejected { reasons, .. } = &scene.app(ONE).stage else { panic!("not rejected") };
        assert!(reasons.len() == 1 && reasons[0].description.contains(word), "{reasons:?}");
    }
}

#[test]
fn row_28_data_that_cannot_be_fetched_ends_underwriting() {
    for outcome in [refused("AA"), unknown()] {
        let mut scene = Scene::under(plain_product(), "PROCESSING");
        let asked = scene.tell(&generate(&[ONE]));
        scene.answer("fetch", &outcome);
        assert_eq!(scene.stage(ONE), "PROCESSING");
        assert_eq!(told(&scene, asked), "SourceUnavailable: Processing, 0 offers");
    }
}

#[test]
fn row_29_valid_offers_are_sent_again_and_lapsed_ones_made_anew() {
    let mut scene = Scene::at("OFFERED");
    let again = scene.tell(&generate(&[ONE]));
    assert_eq!((told(&scene, again).as_str(), scene.stage(ONE)), ("Offered, 2 offers", "OFFERED"));

    scene.now += Duration::days(8);
    scene.tell(&generate(&[ONE]));
    assert_eq!(scene.stage(ONE), "UNDERWRITING");
}

#[test]
fn row_30_the_chosen_offer_is_frozen_and_reserved() {
    let mut scene = Scene::at("OFFERED");
    let offer = scene.offers(ONE)[0].clone();
    let set = scene.tell(&set_offer(ONE, &offer.id));
    assert_eq!((told(&scene, set).as_str(), scene.stage(ONE)), ("OfferAccepted", "OFFER_ACCEPTED"));
    let deal = scene.deal(ONE);
    assert_eq!((&deal.kfs, deal.clone().into_offer()), (&offer.kfs, offer.clone()));
    assert!(offer.kfs.is_some() && deal.offer.kfs.is_none(), "kept once");
    assert_eq!(deal.disbursement_plan.as_ref(), Some(&offer.disbursement_plans[0].id));
    assert_eq!((deal.account.name(), deal.repayment.name(), deal.kyc.name()), ("NONE", "NONE", "PENDING"));
    assert_eq!(scene.effects, [Effect::Reserve(scene.app(ONE).id, rupees("100000"))]);
}

#[test]
fn row_30_an_offer_is_good_until_its_last_instant() {
    let mut scene = Scene::at("OFFERED");
    scene.now = scene.offers(ONE)[0].valid_till;
    let best = scene.offer_id(ONE, 0);
    let set = scene.tell(&set_offer(ONE, &best));
    assert_eq!(scene.refusal(set), None);
}

#[test]
fn rows_31_and_32_an_offer_that_is_not_there_or_not_any_more_is_refused() {
    let mut scene = Scene::at("OFFERED");
    let set = scene.tell(&set_offer(ONE, &OfferId::from("OF-elsewhere")));
    assert_eq!(told(&scene, set), "UnknownOffer: Offered");

    scene.now += Duration::days(8);
    let best = scene.offer_id(ONE, 0);
    let set = scene.tell(&set_offer(ONE, &best));
    assert_eq!(told(&scene, set), "OfferExpired: Offered");
    assert_eq!(scene.stage(ONE), "OFFERED");
}

#[test]
fn row_30_the_borrowers_limit_is_checked_again() {
    let mut scene = Scene::at("OFFERED");
    scene.limits.max_borrower_exposure = Some(rupees("150000"));
    scene.exposure = Exposure { committed: rupees("50000.01"), granted: rupees("0") };
    let best = scene.offer_id(ONE, 0);
    let set = scene.tell(&set_offer(ONE, &best));
    assert_eq!(told(&scene, set), "ExposureLimit: Offered");
}

#[test]
fn row_33_lapsed_offers_expire_the_application_silently() {
    let mut scene = Scene::at("OFFERED");
    let told_before = scene.replies.len();
    scene.wait(Duration::days(8));
    assert_eq!((scene.stage(ONE), scene.replies.len()), ("EXPIRED", told_before));
}

#[test]
fn row_34_new_offers_may_be_asked_for_within_the_window() {
    let mut scene = Scene::at("EXPIRED");
    scene.tell(&generate(&[ONE]));
    assert_eq!(scene.stage(ONE), "UNDERWRITING");

    let mut scene = Scene::at("EXPIRED");
    scene.now += Duration::days(scene.limits.reoffer_days + 1);
    let asked = scene.tell(&generate(&[ONE]));
    assert_eq!(told(&scene, asked), "WrongState: Rejected, 0 offers");
}

#[test]
fn row_60_an_application_that_expired_without_consent_is_told_as_expired() {
    let mut scene = Scene::at("PROCESSING");
    scene.wait(Duration::days(31));
    assert_eq!((scene.stage(ONE), scene.app(ONE).data_consent.name()), ("EXPIRED", "NONE"));
    let asked = scene.tell(&generate(&[ONE]));
    assert_eq!((scene.stage(ONE), told(&scene, asked).as_str()), ("EXPIRED", "WrongState: Rejected, 0 offers"));
}

#[test]
fn row_34_a_revived_application_falls_idle_like_any_other() {
    let mut scene = Scene::at("PROCESSING");
    scene.give_data_consent(&[ONE]);
    scene.wait(Duration::days(31));
    assert_eq!(scene.stage(ONE), "EXPIRED");
    let asked = scene.tell(&generate(&[ONE]));
    scene.wait(Duration::days(31));
    assert_eq!((scene.stage(ONE), scene.refusal(asked)), ("EXPIRED", Some(RefusalReason::WrongState)));
}

#[test]
fn row_35_the_same_offer_again_changes_nothing() {
    for stage in ["OFFER_ACCEPTED", "OTP_SENT", "AGREED", "GRANTING", "GRANTED"] {
        let mut scene = Scene::at(stage);
        let before = scene.app(ONE).stage.clone();
        let id = scene.deal(ONE).offer.id.clone();
        let set = scene.tell(&set_offer(ONE, &id));
        assert_eq!(scene.refusal(set), None);
        assert_eq!(scene.app(ONE).stage, before);
    }
}

#[test]
fn row_36_another_offer_starts_the_set_up_anew_but_keeps_who_the_borrower_is() {
    for stage in ["OFFER_ACCEPTED", "OTP_SENT"] {
        let mut scene = Scene::at(stage);
        scene.set_up(ONE);
        let other = scene.deal(ONE).others[0].id.clone();
        scene.tell(&set_offer(ONE, &other));
        let deal = scene.deal(ONE);
        assert_eq!((scene.stage(ONE), &deal.offer.id), ("OFFER_ACCEPTED", &other));
        assert_eq!((deal.account.name(), deal.repayment.name(), deal.agreement.name()), ("NONE", "NONE", "NONE"));
        assert_eq!(deal.kyc.name(), "DONE");
        assert_eq!(scene.asked(), ["cancel"], "the mandate of the first choice");
        assert_eq!(scene.effects, [Effect::Reserve(scene.app(ONE).id, rupees("60000"))]);
    }
}

#[test]
fn row_36_the_borrower_may_come_back_to_the_first_offer() {
    let mut scene = Scene::at("OFFER_ACCEPTED");
    let first = scene.deal(ONE).offer.id.clone();
    let second = scene.deal(ONE).others[0].id.clone();
    scene.tell(&set_offer(ONE, &second));
    scene.tell(&set_offer(ONE, &first));
    assert_eq!(scene.deal(ONE).offer.id, first);
    assert_eq!(scene.deal(ONE).others.len(), 1);
}

#[test]
fn row_37_a_signed_agreement_fixes_the_offer() {
    for stage in ["AGREED", "GRANTING", "GRANTED"] {
        let mut signed = Scene::under(careful_product(), "OFFERED");
        let other = signed.offer_id(ONE, 1);
        signed = Scene::at(stage);
        let set = signed.tell(&set_offer(ONE, &other));
        assert_eq!(signed.refusal(set), Some(RefusalReason::WrongState));
        assert_eq!(signed.stage(ONE), stage);
    }
}

#[test]
fn an_approval_that_cannot_be_priced_says_why_where_the_lender_looks() {
    let mut scene = Scene::under(plain_product(), "PROCESSING");
    let asked = scene.tell(&generate(&[ONE]));
    scene.answer("fetch", &acknowledged());
    scene.calendar.weekly_off = [Mon, Tue, Wed, Thu, Fri, Sat, Sun].to_vec();
    scene.answer("offers", &approve());
    assert!(told(&scene, asked).starts_with("SourceUnavailable"), "{}", told(&scene, asked));
    assert!(scene.warnings[0].starts_with("an approved amount could not be priced: "), "{:?}", scene.warnings);
    assert_eq!(scene.warnings.last().unwrap(), "none of the approved terms could be priced");
}
