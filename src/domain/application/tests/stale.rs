//! What comes back too late: it changes nothing, and what it set up elsewhere is undone (design §5, "Generation").

use chrono::Duration;

use super::findings::{account_verified, acknowledged, approve, done, handle, kyc_done, mandate, pass, prepared};
use super::fixtures::{
    account, consent, generate, item, plain_product, rupees, set_account, set_offer, set_repayment_plan,
    trigger_acceptance,
};
use super::story::ONE;
use super::support::Scene;
use crate::domain::application::ask::{Finding, NewAsk, Outcome};
use crate::domain::application::command::Command;
use crate::domain::application::facets::ConsentPurpose;
use crate::domain::application::form::Form;

/// Applies an outcome whose question is not the current one any more.
fn too_late(scene: &mut Scene, new: &NewAsk, outcome: &Outcome) {
    let before = scene.app(ONE).clone();
    let webhooks = scene.webhooks.len();
    scene.apply(new, outcome);
    assert_eq!(scene.app(ONE), &before, "{} changed something", new.ask.method());
    assert_eq!((scene.webhooks.len(), scene.effects.len()), (webhooks, 0));
}

fn take(scene: &mut Scene, method: &str) -> NewAsk {
    let found = scene.asks.iter().position(|new| new.ask.method() == method);
    scene.asks.remove(found.expect("an open question"))
}

fn assert_all_answered_once(scene: &Scene) {
    for (exchange, slot) in &scene.owed {
        let told = scene.replies.iter().filter(|r| (r.exchange, r.slot) == (*exchange, *slot));
        assert_eq!(told.count(), 1);
    }
}

#[test]
fn a_check_of_replaced_data() {
    let mut scene = Scene::at("RECEIVED");
    let old = take(&mut scene, "eligibility");
    let other = Form { requested: rupees("1"), ..scene.form() };
    scene.tell(&Command::CreateApplications(vec![item(ONE, other)]));
    too_late(&mut scene, &old, &super::findings::decline());
    scene.answer("eligibility", &pass());
    assert_all_answered_once(&scene);
}

#[test]
fn an_underwriting_that_ended() {
    let mut scene = Scene::under(plain_product(), "UNDERWRITING");
    let fetch = take(&mut scene, "fetch");
    scene.apply(&fetch, &super::findings::unknown());
    scene.tell(&generate(&[ONE]));
    too_late(&mut scene, &fetch, &acknowledged());
    let offers = NewAsk { ask: crate::domain::application::ask::Ask::Offers, ..fetch };
    too_late(&mut scene, &offers, &approve());
}

#[test]
fn a_consent_handle_that_was_replaced() {
    let mut scene = Scene::at("PROCESSING");
    scene.tell(&consent(&[ONE], Some(ConsentPurpose::Data)));
    let old = take(&mut scene, "consent-create");
    scene.tell(&consent(&[ONE], Some(ConsentPurpose::Data)));
    too_late(&mut scene, &old, &handle("H-OLD"));
    scene.answer("consent-create", &handle("H-NEW"));
    assert_eq!(scene.app(ONE).data_consent.handle(), Some("H-NEW"));
    assert_all_answered_once(&scene);
}

#[test]
fn an_otp_that_was_replaced() {
    let mut scene = Scene::at("OFFER_ACCEPTED");
    scene.tell(&trigger_acceptance(&[ONE]));
    let prepare = take(&mut scene, "prepare");
    scene.now += Duration::seconds(31);
    scene.send_otp(&[ONE]);
    too_late(&mut scene, &prepare, &prepared(&["old"]));
    scene.now += Duration::seconds(31);
    scene.tell(&trigger_acceptance(&[ONE]));
    scene.answer("prepare", &prepared(&["hash"]));
    let send = take(&mut scene, "send-otp");
    scene.now += Duration::seconds(31);
    scene.send_otp(&[ONE]);
    too_late(&mut scene, &send, &acknowledged());
    assert_all_answered_once(&scene);
}

#[test]
fn an_account_that_was_replaced() {
    let mut scene = Scene::at("AGREED");
    scene.tell(&set_account(ONE, account("A1")));
    let old = take(&mut scene, "verify-account");
    scene.tell(&set_account(ONE, account("A2")));
    too_late(&mut scene, &old, &account_verified());
    scene.answer("verify-account", &account_verified());
    assert_eq!(scene.deal(ONE).account.active(), Some(&account("A2")));
    assert_all_answered_once(&scene);
}

#[test]
fn a_final_check_that_was_over() {
    let mut scene = Scene::at("GRANTING");
    let old = take(&mut scene, "final-check");
    scene.apply(&old, &super::findings::needs_step());
    too_late(&mut scene, &old, &pass());
    scene.ask_for_grant(ONE);
    too_late(&mut scene, &old, &pass());
}

#[test]
fn a_mandate_that_nobody_wants_any_more_is_cancelled() {
    type Supersede = fn(&mut Scene);
    let supersede: [Supersede; 2] = [
        |scene| {
            let other = scene.deal(ONE).others[0].id.clone();
            scene.tell(&set_offer(ONE, &other));
        },
        |scene| scene.wait(Duration::days(31)),
    ];
    for step in supersede {
        let mut scene = Scene::at("OFFER_ACCEPTED");
        scene.answer("start", &kyc_done());
        let plan = scene.repayment_plan(ONE);
        scene.tell(&set_repayment_plan(ONE, &plan));
        let register = take(&mut scene, "register-mandate");
        step(&mut scene);
        let timers = scene.timers.len();
        too_late(&mut scene, &register, &mandate("M-LATE"));
        assert_eq!((scene.asked(), scene.timers.len()), (vec!["cancel"], timers));
        assert_all_answered_once(&scene);
    }
}

#[test]
fn whatever_comes_back_for_an_expired_application() {
    let mut scene = Scene::at("OFFER_ACCEPTED");
    scene.tell(&trigger_acceptance(&[ONE]));
    let set = scene.tell(&set_account(ONE, account("A1")));
    let plan = scene.repayment_plan(ONE);
    scene.tell(&set_repayment_plan(ONE, &plan));
    scene.answer("register-mandate", &mandate("M1"));
    scene.timers.retain(|timer| timer.timer == crate::domain::application::timer::Timer::Idle);
    scene.wait(Duration::days(31));
    assert_eq!(scene.stage(ONE), "EXPIRED");
    let late = [
        ("start", kyc_done()),
        ("prepare", prepared(&["hash"])),
        ("verify-account", account_verified()),
        ("status", done(Finding::MandateActive)),
    ];
    for (method, outcome) in late {
        let new = take(&mut scene, method);
        too_late(&mut scene, &new, &outcome);
    }
    assert_eq!(super::words::told(&scene, set), "AccountRefused: Inactive");
    assert_eq!(scene.asked(), ["cancel"]);
    assert_all_answered_once(&scene);
}
