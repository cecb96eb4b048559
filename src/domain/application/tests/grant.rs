//! Rows 53 to 61: the grant, requests that come too early or too late, and idleness.

use chrono::Duration;

use super::findings::{account_verified, consent_ready, decline, done, mandate, needs_step, pass, refused, unknown};
use super::fixtures::{
    account, careful_product, generate, grant, plain_product, rupees, set_account, set_offer, set_repayment_plan,
    subject, trigger_acceptance,
};
use super::story::ONE;
use super::support::Scene;
use super::words::told;
use crate::domain::application::answer::{Content, GrantStatus, RefusalReason};
use crate::domain::application::ask::Finding;
use crate::domain::application::command::Command;
use crate::domain::application::decision::{Effect, Exposure};
use crate::domain::application::stage::Stage;
use crate::domain::ids::OfferId;
use crate::domain::product::Product;

#[test]
fn row_53_a_complete_set_up_goes_to_the_final_check() {
    let mut scene = Scene::at("AGREED");
    scene.set_up(ONE);
    let asked = scene.tell(&grant(ONE));
    assert_eq!((scene.stage(ONE), scene.asked()), ("GRANTING", vec!["status", "consent-status"]));
    scene.answer("consent-status", &consent_ready());
    assert_eq!((scene.stage(ONE), scene.asked()), ("GRANTING", vec!["status"]), "both must be confirmed");
    scene.answer("status", &done(Finding::MandateActive));
    assert_eq!((scene.stage(ONE), scene.asked()), ("GRANTING", vec!["final-check"]));
    let again = scene.tell(&grant(ONE));
    assert_eq!((scene.reply(asked), scene.reply(again)), (None, None));
    scene.answer("final-check", &pass());
    assert_eq!([told(&scene, asked), told(&scene, again)], ["Granted with loan", "Granted with loan"]);
}

#[test]
fn row_53_no_loan_is_granted_on_a_mandate_that_was_cancelled() {
    for outcome in [done(Finding::MandateInactive), refused("UNKNOWN_MANDATE")] {
        let mut scene = Scene::at("AGREED");
        scene.set_up(ONE);
        let asked = scene.tell(&grant(ONE));
        scene.answer("status", &outcome);
        assert_eq!((scene.stage(ONE), told(&scene, asked).as_str()), ("AGREED", "ActionRequired: repayment"));
        assert_eq!((scene.deal(ONE).repayment.name(), scene.webhooks.len()), ("INACTIVE", 2));
        scene.answer("consent-status", &consent_ready());
        assert!(scene.asked().is_empty(), "no decision is asked for, nothing is left to be cancelled");
        let plan = scene.repayment_plan(ONE);
        scene.tell(&set_repayment_plan(ONE, &plan));
        assert_eq!(scene.asked(), ["register-mandate"], "the borrower may authorise another one");
    }
}

#[test]
fn row_53_a_mandate_that_waits_for_the_borrower_is_looked_at_before_it_is_called_missing() {
    let cases = [
        (done(Finding::MandateActive), "GRANTED", "Granted with loan"),
        (done(Finding::MandateInactive), "AGREED", "ActionRequired: repayment"),
        (unknown(), "AGREED", "ActionRequired: repayment"),
    ];
    for (outcome, stage, answer) in cases {
        let mut scene = Scene::under(Product { repay_by_mandate: true, ..plain_product() }, "AGREED");
        scene.tell(&set_account(ONE, account("A1")));
        scene.answer("verify-account", &account_verified());
        let plan = scene.repayment_plan(ONE);
        scene.tell(&set_repayment_plan(ONE, &plan));
        scene.answer("register-mandate", &mandate("M1"));
        let asked = scene.tell(&grant(ONE));
        assert_eq!((scene.stage(ONE), scene.asked()), ("GRANTING", vec!["status", "status"]));
        let look = scene.asks.remove(1);
        scene.apply(&look, &outcome);
        if stage == "GRANTED" {
            scene.answer("final-check", &pass());
        }
        assert_eq!((scene.stage(ONE), told(&scene, asked).as_str()), (stage, answer));
    }
}

#[test]
fn row_53_a_mandate_that_nobody_knows_of_grants_nothing_and_costs_nothing() {
    let mut scene = Scene::at("AGREED");
    scene.set_up(ONE);
    let asked = scene.tell(&grant(ONE));
    let again = scene.tell(&grant(ONE));
    let twice = ["status", "consent-status", "status", "consent-status"];
    assert_eq!(scene.asked(), twice, "an answer may have been lost");
    scene.answer("status", &unknown());
    for exchange in [asked, again] {
        assert_eq!(told(&scene, exchange), "SourceUnavailable: ActionRequired");
    }
    assert_eq!((scene.stage(ONE), scene.deal(ONE).repayment.name()), ("AGREED", "ACTIVE"));
    scene.answer("status", &done(Finding::MandateActive));
    for _ in 0..2 {
        scene.answer("consent-status", &consent_ready());
    }
    assert_eq!((scene.stage(ONE), scene.asked()), ("AGREED", Vec::new()), "too late");
}

#[test]
fn row_53_no_loan_is_granted_on_a_monitoring_consent_that_was_revoked() {
    let cases = [
        (done(Finding::ConsentFailed), "ActionRequired: consent", "FAILED"),
        (unknown(), "SourceUnavailable: ActionRequired", "READY"),
        (done(Finding::ConsentPending), "SourceUnavailable: ActionRequired", "READY"),
    ];
    for (outcome, answer, state) in cases {
        let mut scene = Scene::at("AGREED");
        scene.set_up(ONE);
        let asked = scene.tell(&grant(ONE));
        scene.answer("consent-status", &outcome);
        assert_eq!((scene.stage(ONE), told(&scene, asked).as_str()), ("AGREED", answer));
        assert_eq!(scene.app(ONE).monitoring_consent.name(), state);
        assert!(!scene.asked().contains(&"final-check"));
        if state == "FAILED" {
            scene.give_monitoring_consent(ONE);
            scene.ask_for_grant(ONE);
            scene.answer("final-check", &pass());
            assert_eq!(scene.stage(ONE), "GRANTED", "with a new one it is");
        }
    }
}

#[test]
fn row_54_every_missing_step_is_named_at_once() {
    let all = "ActionRequired: agreement repayment consent account kyc";
    let cases =
        [("OFFER_ACCEPTED", all), ("OTP_SENT", all), ("AGREED", "ActionRequired: repayment consent account kyc")];
    for (stage, answer) in cases {
        let mut scene = Scene::at(stage);
        let asked = scene.tell(&grant(ONE));
        assert_eq!((told(&scene, asked).as_str(), scene.stage(ONE)), (answer, stage));
        assert_eq!(scene.refusal(asked), None);
    }
}

#[test]
fn row_54_a_product_demands_only_what_it_says() {
    let demands: [(Product, &str); 4] = [
        (plain_product(), "repayment account"),
        (Product { needs_monitoring_consent: true, ..plain_product() }, "repayment consent account"),
        (Product { needs_kyc: true, ..plain_product() }, "repayment account kyc"),
        (careful_product(), "repayment consent account kyc"),
    ];
    for (product, missing) in demands {
        let mut scene = Scene::under(product, "AGREED");
        let asked = scene.tell(&grant(ONE));
        assert_eq!(told(&scene, asked), format!("ActionRequired: {missing}"));
    }
}

#[test]
fn row_54_a_lapsed_sanction_grants_nothing() {
    let mut scene = Scene::at("AGREED");
    scene.set_up(ONE);
    scene.now = scene.deal(ONE).offer.valid_till + Duration::milliseconds(1);
    let asked = scene.tell(&grant(ONE));
    assert_eq!(told(&scene, asked), "SanctionLapsed: ActionRequired: offer");
    assert_eq!(scene.stage(ONE), "AGREED");
}

#[test]
fn row_55_the_loan_stands_on_the_frozen_terms() {
    let scene = Scene::at("GRANTED");
    let [loan] = scene.loans.as_slice() else { panic!("one loan") };
    let deal = scene.deal(ONE);
    assert_eq!((&loan.id, &loan.offer), (&scene.loan_id(ONE), &deal.offer));
    assert_eq!((loan.application, loan.payouts.len()), (scene.app(ONE).id, 0));
    assert_eq!(loan.tranches[0].gross, deal.offer.sanctioned);
    assert_eq!(loan.tranches[0].net(), deal.offer.net_disbursed);
}

#[test]
fn rows_55_to_57_the_final_check_decides() {
    let cases = [
        (pass(), "GRANTED", "Granted with loan"),
        (decline(), "REJECTED", "Rejected"),
        (refused("NO"), "REJECTED", "Rejected"),
        (needs_step(), "AGREED", "ActionRequired: documents"),
        (unknown(), "AGREED", "SourceUnavailable: ActionRequired"),
    ];
    for (outcome, stage, answer) in cases {
        let mut scene = Scene::at("AGREED");
        scene.set_up(ONE);
        let asked = scene.ask_for_grant(ONE);
        scene.answer("final-check", &outcome);
        assert_eq!((scene.stage(ONE), told(&scene, asked).as_str()), (stage, answer));
    }
}

#[test]
fn row_55_limit_and_collateral_are_looked_at_once_more() {
    let mut scene = Scene::at("GRANTING");
    scene.limits.max_borrower_exposure = Some(rupees("150000"));
    scene.exposure = Exposure { committed: rupees("0"), granted: rupees("50000.01") };
    scene.answer("final-check", &pass());
    assert_eq!(scene.stage(ONE), "REJECTED");

    let mut scene = Scene::at("GRANTING");
    scene.collateral_pledged = true;
    scene.answer("final-check", &pass());
    assert_eq!(scene.stage(ONE), "REJECTED");
}

#[test]
fn row_56_a_refused_grant_still_shows_its_terms_and_frees_what_it_held() {
    let mut scene = Scene::at("GRANTING");
    scene.answer("final-check", &decline());
    assert_eq!(scene.asked(), ["cancel"]);
    assert_eq!(scene.effects, [Effect::Release(scene.app(ONE).id)]);
    let answer = &scene.replies.last().expect("an answer").answer;
    let Content::Grant(content) = &answer.content else { panic!("a grant") };
    assert_eq!((content.status, content.rejections.len()), (GrantStatus::Rejected, 1));
    assert!(content.deal.is_some() && content.loan_id.is_none());
}

#[test]
fn row_58_a_second_grant_gives_the_same_loan() {
    let mut scene = Scene::at("GRANTED");
    let loan_id = scene.loan_id(ONE);
    let again = scene.tell(&grant(ONE));
    let answer = scene.reply(again).expect("an answer");
    let Content::Grant(content) = &answer.content else { panic!("a grant") };
    assert_eq!(content.loan_id.as_ref(), Some(&loan_id));
    assert_eq!(scene.loans.len(), 1);
}

#[test]
fn row_59_neither_signature_nor_grant_comes_before_an_accepted_offer() {
    for stage in ["RECEIVED", "PROCESSING", "UNDERWRITING", "OFFERED", "ACTION_REQUIRED"] {
        let mut scene = Scene::at(stage);
        for command in [grant(ONE), trigger_acceptance(&[ONE])] {
            let asked = scene.tell(&command);
            assert_eq!(scene.refusal(asked), Some(RefusalReason::WrongState));
        }
        assert_eq!(scene.stage(ONE), stage);
    }
}

#[test]
fn row_60_what_is_over_stays_over() {
    let plan = crate::domain::ids::PlanId::from("RP");
    for scene in [Scene::at("REJECTED"), lapsed_for_good(), idle_since("AGREED")] {
        let mut scene = scene;
        let before = scene.app(ONE).stage.clone();
        for command in [
            generate(&[ONE]),
            set_offer(ONE, &OfferId::from("OF")),
            trigger_acceptance(&[ONE]),
            set_account(ONE, account("A1")),
            set_repayment_plan(ONE, &plan),
            Command::SetDisbursementPlan(subject(ONE), plan.clone()),
            grant(ONE),
        ] {
            let asked = scene.tell(&command);
            assert_eq!(scene.refusal(asked), Some(RefusalReason::WrongState));
        }
        assert_eq!(scene.app(ONE).stage, before);
    }
}

fn lapsed_for_good() -> Scene {
    let mut scene = Scene::at("EXPIRED");
    scene.now += Duration::days(31);
    scene
}

fn idle_since(stage: &str) -> Scene {
    let mut scene = Scene::at(stage);
    scene.wait(Duration::days(31));
    scene
}

#[test]
fn row_61_an_untouched_application_expires_wherever_it_is() {
    for stage in
        ["RECEIVED", "PROCESSING", "UNDERWRITING", "OFFERED", "OFFER_ACCEPTED", "OTP_SENT", "AGREED", "ACTION_REQUIRED"]
    {
        let scene = idle_since(stage);
        assert_eq!(scene.stage(ONE), "EXPIRED", "since {stage}");
        for (exchange, slot) in &scene.owed {
            let told = scene.replies.iter().filter(|r| (r.exchange, r.slot) == (*exchange, *slot));
            assert_eq!(told.count(), 1, "nobody waits for what is over");
        }
    }
}

#[test]
fn row_61_a_touch_begins_the_time_anew() {
    let mut scene = Scene::at("AGREED");
    scene.wait(Duration::days(20));
    scene.tell(&Command::DisbursementPlans(subject(ONE)));
    scene.wait(Duration::days(20));
    assert_eq!(scene.stage(ONE), "AGREED");
    scene.wait(Duration::days(11));
    assert_eq!(scene.stage(ONE), "EXPIRED");
}

#[test]
fn row_61_frees_what_the_application_held() {
    let mut scene = Scene::at("AGREED");
    scene.set_up(ONE);
    scene.wait(Duration::days(31));
    assert_eq!(scene.asked(), ["cancel"]);
    assert!(matches!(&scene.app(ONE).stage, Stage::Expired { deal: Some(_), .. }));
}

#[test]
fn row_61_neither_a_final_check_nor_a_loan_falls_idle() {
    for stage in ["GRANTING", "GRANTED", "REJECTED"] {
        assert_eq!(idle_since(stage).stage(ONE), stage);
    }
}

#[test]
fn row_61_a_set_up_that_waits_for_its_mandate_is_told_so_in_its_own_words() {
    let mut scene = Scene::at("OFFER_ACCEPTED");
    let plan = scene.repayment_plan(ONE);
    let set = scene.tell(&set_repayment_plan(ONE, &plan));
    scene.wait(Duration::days(31));
    assert_eq!(told(&scene, set), "WrongState: Inactive");
}
