//! The scenes of the stage × event table: each stage as it usually is, and its variants that decide otherwise.

use chrono::Duration;

use super::findings::{acknowledged, decline, handle, mandate, needs_document, needs_step, paid, prepared, refused};
use super::fixtures::{account, consent, generate, plain_product, set_account, set_repayment_plan, trigger_acceptance};
use super::story::ONE;
use super::support::Scene;
use crate::domain::application::facets::ConsentPurpose;

/// A stage with the facets that it usually has, under a product that demands everything.
pub fn plain(stage: &str) -> Scene {
    let mut scene = Scene::at(stage);
    if stage == "PROCESSING" {
        scene.give_data_consent(&[ONE]);
    }
    scene
}

/// The other ways to be in a stage, as far as some event tells them apart.
pub fn variants(stage: &str) -> Vec<(&'static str, Scene)> {
    let mut scene = plain(stage);
    match stage {
        "RECEIVED" => {
            scene.tell(&generate(&[ONE]));
            vec![("offers asked for", scene)]
        }
        "PROCESSING" => vec![
            ("no consent", Scene::at(stage)),
            ("no consent needed", Scene::under(plain_product(), stage)),
            ("consent asked", consent_asked(stage, ConsentPurpose::Data)),
            ("consent pending", consent_pending(stage, ConsentPurpose::Data)),
        ],
        "UNDERWRITING" => {
            scene.answer("fetch", &acknowledged());
            vec![("data fetched", scene)]
        }
        "OFFERED" => {
            scene.now += Duration::days(8);
            vec![("lapsed", scene)]
        }
        "OFFER_ACCEPTED" => set_ups(stage),
        "OTP_SENT" => otp_variants(),
        "AGREED" => agreed_variants(),
        "GRANTED" => granted_variants(),
        "REJECTED" => {
            let mut scene = Scene::at("GRANTING");
            scene.answer("final-check", &decline());
            vec![("after an accepted offer", scene)]
        }
        "ACTION_REQUIRED" => {
            vec![("step before offers", wanted(&needs_step())), ("document before offers", wanted(&needs_document()))]
        }
        "EXPIRED" => {
            scene.now += Duration::days(31);
            let mut idle = Scene::at("OFFER_ACCEPTED");
            idle.wait(Duration::days(31));
            vec![("for long", scene), ("after an accepted offer", idle)]
        }
        _ => Vec::new(),
    }
}

fn consent_asked(stage: &str, purpose: ConsentPurpose) -> Scene {
    let mut scene = Scene::at(stage);
    scene.tell(&consent(&[ONE], Some(purpose)));
    scene
}

fn consent_pending(stage: &str, purpose: ConsentPurpose) -> Scene {
    let mut scene = consent_asked(stage, purpose);
    scene.answer("consent-create", &handle("H"));
    scene
}

fn mandate_asked(stage: &str) -> Scene {
    let mut scene = Scene::at(stage);
    let plan = scene.repayment_plan(ONE);
    scene.tell(&set_repayment_plan(ONE, &plan));
    scene
}

fn set_ups(stage: &str) -> Vec<(&'static str, Scene)> {
    let mut pending = mandate_asked(stage);
    pending.answer("register-mandate", &mandate("M1"));
    let mut complete = Scene::at(stage);
    complete.set_up(ONE);
    vec![
        ("OTP being sent", sending(stage)),
        ("consent pending", consent_pending(stage, ConsentPurpose::Monitoring)),
        ("mandate asked", mandate_asked(stage)),
        ("mandate pending", pending),
        ("set up", complete),
    ]
}

fn sending(stage: &str) -> Scene {
    let mut scene = Scene::at(stage);
    scene.now += Duration::minutes(1);
    scene.tell(&trigger_acceptance(&[ONE]));
    scene.answer("prepare", &prepared(&["hash"]));
    scene
}

fn otp_variants() -> Vec<(&'static str, Scene)> {
    let mut expired = Scene::at("OTP_SENT");
    expired.now += Duration::minutes(5);
    let mut locked = Scene::at("OTP_SENT");
    locked.otp_matches = false;
    for _ in 0..3 {
        let key = locked.session_key(ONE);
        locked.tell(&super::fixtures::verify(&key));
    }
    locked.otp_matches = true;
    let mut soon = Scene::at("OTP_SENT");
    soon.now -= Duration::minutes(1);
    let mut wrong = Scene::at("OTP_SENT");
    wrong.otp_matches = false;
    vec![
        ("session expired", expired),
        ("wrong OTP", wrong),
        ("three wrong tries", locked),
        ("sent just now", soon),
        ("sending another", sending("OTP_SENT")),
    ]
}

fn agreed_variants() -> Vec<(&'static str, Scene)> {
    let mut complete = Scene::at("AGREED");
    complete.set_up(ONE);
    let mut lapsed = complete.clone();
    lapsed.now += Duration::days(8);
    let mut wrong = Scene::at("AGREED");
    wrong.otp_matches = false;
    vec![("set up", complete), ("set up, sanction lapsed", lapsed), ("wrong OTP", wrong)]
}

fn granted_variants() -> Vec<(&'static str, Scene)> {
    let mut open = Scene::at("GRANTED");
    open.trigger_payment("P1");
    let (mut settled, mut failed) = (open.clone(), open.clone());
    settled.answer("pay", &paid());
    failed.answer("pay", &refused("ACCOUNT_CLOSED"));
    let mut checking = Scene::at("GRANTED");
    checking.tell(&set_account(ONE, account("A3")));
    vec![("payout open", open), ("paid out", settled), ("payout failed", failed), ("other account asked", checking)]
}

fn wanted(outcome: &crate::domain::application::ask::Outcome) -> Scene {
    let mut scene = Scene::at("UNDERWRITING");
    scene.answer("fetch", &acknowledged());
    scene.answer("offers", outcome);
    scene
}
