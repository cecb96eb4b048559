//! Rows 10 to 18 and 52: data consent before the offer, monitoring consent after it. Row 19 is the engine's.

use chrono::Duration;

use super::findings::{consent_ready, done, handle, refused, unknown};
use super::fixtures::{consent, consent_status};
use super::story::ONE;
use super::support::Scene;
use super::words::told;
use crate::domain::application::Application;
use crate::domain::application::answer::{Content, RefusalReason};
use crate::domain::application::ask::{Ask, Finding, Outcome};
use crate::domain::application::command::{Command, RequestConsent};
use crate::domain::application::consent::knows_vua;
use crate::domain::application::decision::Effect;
use crate::domain::application::erase::ERASED;
use crate::domain::application::facets::Consent;
use crate::domain::application::facets::ConsentPurpose::{self, Data, Monitoring};
use crate::domain::application::timer::Timer;

fn at_other_address(purpose: ConsentPurpose) -> Command {
    Command::RequestConsent(RequestConsent {
        loan_application_ids: vec![ONE.to_owned()],
        purpose: Some(purpose),
        vua: Some("asha@other".to_owned()),
        aggregation_id: None,
        aggregated: None,
        lsp: None,
    })
}

/// Stages in which each consent may be asked for: rows 10 and 52.
const OPEN: [(ConsentPurpose, &[&str]); 2] =
    [(Data, &["RECEIVED", "PROCESSING", "ACTION_REQUIRED"]), (Monitoring, &["OFFER_ACCEPTED", "OTP_SENT", "AGREED"])];

#[test]
fn rows_10_12_and_52_the_account_aggregator_is_asked_and_its_handle_handed_on() {
    for (purpose, stages) in OPEN {
        for stage in stages {
            let mut scene = Scene::at(stage);
            let asked = scene.tell(&consent(&[ONE], Some(purpose)));
            assert_eq!(scene.app(ONE).consent(purpose).name(), "REQUESTED");
            scene.answer("consent-create", &handle("H"));
            assert_eq!(scene.app(ONE).consent(purpose).name(), "PENDING");
            assert_eq!(told(&scene, asked), "Pending");
            assert_eq!(scene.stage(ONE), *stage);
        }
    }
}

#[test]
fn row_10_one_handle_serves_all_applications_of_the_request() {
    let names = [ONE, "LA-2"];
    let mut scene = Scene::several(super::fixtures::careful_product(), &names, "PROCESSING");
    scene.give_data_consent(&names);
    let handles = names.map(|name| scene.app(name).data_consent.handle().map(str::to_owned));
    assert_eq!(handles, [Some("H-DATA".to_owned()), Some("H-DATA".to_owned())]);
}

#[test]
fn row_10_nobody_consents_for_another_borrower() {
    let mut scene = Scene::several(super::fixtures::careful_product(), &[ONE, "LA-2"], "PROCESSING");
    scene.apps[1].form.borrower.pan = Some("BBBPL1234C".to_owned());
    let asked = scene.tell(&consent(&[ONE, "LA-2"], Some(Data)));
    assert_eq!(told(&scene, asked), "WrongState: Failed");
    assert!(scene.apps.iter().all(|app| app.data_consent == Consent::None) && scene.asks.is_empty());
}

#[test]
fn row_10_without_a_type_the_stage_tells_which_consent_is_meant() {
    for (stage, purpose) in [("PROCESSING", Data), ("AGREED", Monitoring)] {
        let mut scene = Scene::at(stage);
        scene.tell(&consent(&[ONE], None));
        assert_eq!(scene.app(ONE).consent(purpose).name(), "REQUESTED");
    }
}

#[test]
fn row_10_a_pending_consent_may_move_to_another_address() {
    let mut scene = Scene::at("PROCESSING");
    scene.tell(&consent(&[ONE], Some(Data)));
    scene.answer("consent-create", &handle("H1"));
    scene.tell(&at_other_address(Data));
    scene.answer("consent-create", &handle("H2"));
    assert_eq!(scene.app(ONE).data_consent.handle(), Some("H2"));
}

#[test]
fn row_10_an_address_that_was_told_before_need_not_be_told_again() {
    let without = |purpose| RequestConsent {
        loan_application_ids: vec![ONE.to_owned()],
        purpose: Some(purpose),
        vua: None,
        aggregation_id: None,
        aggregated: None,
        lsp: None,
    };
    let mut scene = Scene::at("PROCESSING");
    assert!(!knows_vua(scene.apps.iter(), &without(Data)));
    scene.tell(&consent(&[ONE], Some(Data)));
    assert!(knows_vua(scene.apps.iter(), &without(Monitoring)));

    let mut scene = Scene::at("AGREED");
    scene.apps[0].data_consent = Consent::Pending { handle: "H".to_owned(), vua: "asha@before".to_owned() };
    scene.apps[0].monitoring_consent = Consent::None;
    scene.tell(&Command::RequestConsent(without(Monitoring)));
    let asked = scene.asks.pop().expect("a question").ask;
    assert!(matches!(asked, Ask::ConsentCreate { vua, .. } if vua == "asha@before"));

    let erased = Consent::Failed { handle: None, vua: ERASED.to_owned() };
    assert_eq!(erased.vua(), None, "what was erased is not known any more");
}

#[test]
fn row_10_no_data_consent_is_asked_for_beside_an_offer() {
    for stage in ["OFFERED", "OFFER_ACCEPTED", "GRANTED", "REJECTED", "EXPIRED"] {
        let mut scene = Scene::at(stage);
        let asked = scene.tell(&at_other_address(Data));
        assert_eq!(scene.refusal(asked), Some(RefusalReason::WrongState));
        assert!(!scene.asked().contains(&"consent-create"));
    }
}

#[test]
fn row_11_the_same_consent_again_has_the_same_handle() {
    for ready in [false, true] {
        let mut scene = Scene::at("PROCESSING");
        scene.tell(&consent(&[ONE], Some(Data)));
        scene.answer("consent-create", &handle("H"));
        if ready {
            scene.tell(&consent_status("H"));
            scene.answer("consent-status", &consent_ready());
        }
        let again = scene.tell(&consent(&[ONE], Some(Data)));
        let answer = scene.reply(again).expect("an answer at once");
        let Content::Consent(content) = &answer.content else { panic!("a consent") };
        assert_eq!(content.handle.as_deref(), Some("H"));
        assert!(scene.asks.is_empty());
    }
}

#[test]
fn row_13_no_handle_fails_the_consent_which_may_be_asked_for_again() {
    for outcome in [refused("AA"), unknown()] {
        let mut scene = Scene::at("PROCESSING");
        let asked = scene.tell(&consent(&[ONE], Some(Data)));
        scene.answer("consent-create", &outcome);
        assert_eq!(told(&scene, asked), "SourceUnavailable: Failed");
        assert_eq!(scene.app(ONE).data_consent.name(), "FAILED");
        scene.tell(&consent(&[ONE], Some(Data)));
        assert_eq!(scene.asked(), ["consent-create"]);
    }
}

#[test]
fn rows_14_to_18_and_52_the_account_aggregator_has_the_last_word() {
    let failed = done(Finding::ConsentFailed);
    let pending = done(Finding::ConsentPending);
    let cases: [(&[&Outcome], &str, &str); 6] = [
        (&[&consent_ready()], "READY", "Ready"),
        (&[&failed], "FAILED", "Failed"),
        (&[&pending], "PENDING", "Pending"),
        (&[&unknown()], "PENDING", "SourceUnavailable: Pending"),
        // Row 18: a given consent is looked at again and may have been revoked.
        (&[&consent_ready(), &consent_ready()], "READY", "Ready"),
        (&[&consent_ready(), &failed], "FAILED", "Failed"),
    ];
    for (purpose, stages) in OPEN {
        for (outcomes, state, answer) in cases {
            let mut scene = Scene::at(stages[0]);
            scene.tell(&consent(&[ONE], Some(purpose)));
            scene.answer("consent-create", &handle("H"));
            let mut last = String::new();
            for outcome in outcomes {
                let asked = scene.tell(&consent_status("H"));
                scene.answer("consent-status", outcome);
                last = told(&scene, asked);
            }
            assert_eq!((scene.app(ONE).consent(purpose).name(), last.as_str()), (state, answer));
        }
    }
}

#[test]
fn row_18_a_failed_consent_is_told_without_asking() {
    let mut scene = Scene::at("PROCESSING");
    scene.tell(&consent(&[ONE], Some(Data)));
    scene.answer("consent-create", &handle("H"));
    scene.tell(&consent_status("H"));
    scene.answer("consent-status", &done(Finding::ConsentFailed));
    let again = scene.tell(&consent_status("H"));
    assert_eq!(told(&scene, again), "Failed");
    assert!(scene.asks.is_empty());
}

#[test]
fn row_52_monitoring_consent_may_be_renewed_after_the_grant() {
    let mut scene = Scene::at("GRANTED");
    scene.tell(&consent_status("H-MON-LA-1"));
    scene.answer("consent-status", &done(Finding::ConsentFailed));
    let renewed = scene.tell(&consent(&[ONE], None));
    scene.answer("consent-create", &handle("H-NEW"));
    assert_eq!(told(&scene, renewed), "Pending");
}

#[test]
fn a_consent_is_used_up_when_its_data_life_ends_and_a_later_one_is_not() {
    let mut scene = Scene::at("PROCESSING");
    let end = scene.now + Duration::days(5);
    scene.tell(&consent(&[ONE], Some(Data)));
    scene.answer("consent-create", &handle("H"));
    scene.tell(&consent_status("H"));
    let finding = Finding::ConsentReady { consent_id: "ARTEFACT".to_owned(), data_life_ends: Some(end) };
    scene.answer("consent-status", &done(finding.clone()));
    let timer = Timer::DataLife { purpose: Data, handle: "H".to_owned() };
    let set = |scene: &Scene| scene.timers.iter().filter(|set| set.timer == timer && set.at == end).count();
    assert_eq!(set(&scene), 1);
    // Asking again sets no second timer.
    scene.tell(&consent_status("H"));
    scene.answer("consent-status", &done(finding));
    assert_eq!(set(&scene), 1);

    let mut later = Scene::at("PROCESSING");
    later.give_data_consent(&[ONE]);
    later.ring(ONE, &timer);
    assert_eq!(later.app(ONE).data_consent.name(), "READY");
    scene.ring(ONE, &timer);
    let failed = Consent::Failed { handle: Some("H".to_owned()), vua: ERASED.to_owned() };
    assert_eq!(scene.app(ONE).data_consent, failed);
    assert!(scene.effects.contains(&Effect::ForgetData(scene.app(ONE).id)));
}

#[test]
fn an_erased_application_names_nobody_and_stands_where_it_stood() {
    for stage in ["REJECTED", "EXPIRED", "OFFER_ACCEPTED", "AGREED", "GRANTED"] {
        let scene = Scene::at(stage);
        let before = scene.app(ONE);
        let mut erased = before.clone();
        erased.erase(scene.now, "{}".to_owned());
        assert_eq!(erased.stage.name(), before.stage.name());
        assert_eq!(erased.data_consent.name(), before.data_consent.name());
        assert_eq!(erased.form.requested, before.form.requested);
        let text = serde_json::to_string(&erased).unwrap();
        let borrower = &before.form.borrower;
        for secret in [&borrower.pan, &borrower.name, &borrower.phone, &borrower.email].into_iter().flatten() {
            assert!(!text.contains(secret.as_str()), "{secret}: {text}");
        }
        assert_eq!(serde_json::from_str::<Application>(&text).unwrap(), erased);
    }
}
