//! Rows 1 and 4 to 9: filing, filing again, and the preliminary check. Rows 2 and 3 are the engine's.

use chrono::Duration;

use super::findings::{decline, handle, needs_document, needs_step, pass, refused, unknown};
use super::fixtures::{account, consent, consent_status, generate, item, rupees, set_account};
use super::story::ONE;
use super::support::Scene;
use super::words::told;
use crate::domain::application::answer::{Content, RefusalReason};
use crate::domain::application::command::Command;
use crate::domain::application::facets::Consent;
use crate::domain::application::form::{Borrower, Collateral, Form, LoanType};
use crate::domain::ids::ExchangeId;

fn file_form(scene: &mut Scene, form: Form) -> ExchangeId {
    scene.tell(&Command::CreateApplications(vec![item(ONE, form)]))
}

fn other_form(scene: &Scene) -> Form {
    Form { requested: rupees("120000"), ..scene.form() }
}

#[test]
fn row_1_a_new_application_is_received_and_checked() {
    let mut scene = Scene::new();
    let filed = scene.file(&[ONE]);
    assert_eq!(scene.stage(ONE), "RECEIVED");
    assert_eq!(scene.app(ONE).data_consent, Consent::None);
    assert_eq!(scene.app(ONE).monitoring_consent, Consent::None);
    assert_eq!(scene.asked(), ["eligibility"]);
    assert_eq!(scene.reply(filed), None);
}

#[test]
fn row_1_what_can_never_pass_is_declined_without_a_check() {
    let good = Scene::new().form();
    let collateral =
        |id: &str| Collateral { id_type: "INVOICE".to_owned(), id: id.to_owned(), value: None, unreadable: false };
    let cases = [
        (RefusalReason::LoanTypeNotSupported, Form { loan_type: LoanType::Home, ..good.clone() }),
        (RefusalReason::CreatedInFuture, Form { created_at: good.created_at + Duration::minutes(6), ..good.clone() }),
        (RefusalReason::AmountAboveLimit, Form { requested: rupees("1000000.01"), ..good.clone() }),
        (
            RefusalReason::CollateralInvalid,
            Form { collaterals: vec![collateral("7"), collateral("7")], ..good.clone() },
        ),
        (RefusalReason::CollateralInvalid, Form { collaterals: vec![collateral(" ")], ..good.clone() }),
        (
            RefusalReason::CollateralInvalid,
            Form { collaterals: vec![Collateral { unreadable: true, ..collateral("7") }], ..good },
        ),
    ];
    for (reason, form) in cases {
        let mut scene = Scene::new();
        let filed = file_form(&mut scene, form);
        assert_eq!(scene.refusal(filed), Some(reason));
        assert_eq!(told(&scene, filed), format!("{reason:?}: Rejected"));
        assert_eq!((scene.stage(ONE), scene.asked().len()), ("REJECTED", 0));
    }
}

#[test]
fn a_collateral_is_looked_for_under_all_that_it_may_have_been_pledged_as() {
    let collateral = |id_type: &str, id: &str| Collateral {
        id_type: id_type.to_owned(),
        id: id.to_owned(),
        value: None,
        unreadable: false,
    };
    // As earlier versions wrote it, and without a type, as they wrote what came without one.
    let pledges = collateral("GST_INVOICE", " 7").earlier_pledges();
    for pledge in ["GST_INVOICE:7", "GST_INVOICE: 7", ":7"] {
        assert!(pledges.contains(&pledge.to_owned()), "{pledges:?}");
    }
    // Without a type it may be any of those known.
    assert!(collateral("", "7").earlier_pledges().contains(&collateral("VIN", "7").pledge()));
    assert!(!collateral("VIN", "7").earlier_pledges().contains(&collateral("GST_INVOICE", "7").pledge()));
    assert_ne!(collateral("A:B", "C").pledge(), collateral("A", "B:C").pledge());
}

#[test]
fn row_1_one_bad_item_does_not_fail_its_siblings() {
    let mut scene = Scene::new();
    let bad = Form { loan_type: LoanType::Home, ..scene.form() };
    let items = vec![item(ONE, scene.form()), item("LA-2", bad)];
    scene.tell(&Command::CreateApplications(items));
    assert_eq!((scene.stage(ONE), scene.stage("LA-2")), ("RECEIVED", "REJECTED"));
}

#[test]
fn row_4_the_same_data_again_gives_the_current_status() {
    for stage in ["PROCESSING", "UNDERWRITING", "OFFERED", "OFFER_ACCEPTED", "AGREED", "GRANTED", "EXPIRED"] {
        let mut scene = Scene::at(stage);
        let before = scene.app(ONE).form.clone();
        let again = file_form(&mut scene, before);
        let status = scene.app(ONE).stage.status();
        assert_eq!(told(&scene, again), format!("{status:?}"));
        assert_eq!(scene.stage(ONE), stage);
    }
}

#[test]
fn row_4_while_the_check_runs_both_requests_wait_for_it() {
    let mut scene = Scene::at("RECEIVED");
    let first = scene.owed[0].0;
    let again = scene.file(&[ONE]);
    assert_eq!(scene.asked(), ["eligibility"]);
    scene.answer("eligibility", &pass());
    assert_eq!([told(&scene, first), told(&scene, again)], ["Processing", "Processing"]);
}

#[test]
fn row_4_other_data_replaces_early_data_and_is_checked_anew() {
    for stage in ["RECEIVED", "PROCESSING"] {
        let mut scene = Scene::at(stage);
        let form = other_form(&scene);
        let again = file_form(&mut scene, form);
        assert_eq!(scene.stage(ONE), "RECEIVED");
        assert_eq!(scene.app(ONE).form.requested, rupees("120000"));
        let newest = scene.asks.pop().expect("a check");
        scene.apply(&newest, &pass());
        assert_eq!(told(&scene, again), "Processing");
    }
}

#[test]
fn row_4_other_data_is_refused_once_underwriting_began() {
    for stage in ["UNDERWRITING", "OFFERED", "OTP_SENT", "AGREED", "GRANTED", "REJECTED", "EXPIRED"] {
        let mut scene = Scene::at(stage);
        let form = other_form(&scene);
        let again = file_form(&mut scene, form);
        assert_eq!(scene.refusal(again), Some(RefusalReason::ApplicationIdReused));
        assert_eq!(scene.stage(ONE), stage);
        assert_eq!(scene.app(ONE).form.requested, rupees("100000"));
    }
}

#[test]
fn rows_5_to_7_the_check_decides() {
    let cases = [
        (pass(), "PROCESSING", "Processing"),
        (decline(), "REJECTED", "Rejected"),
        (refused("NO"), "REJECTED", "Rejected"),
        (unknown(), "REJECTED", "Rejected"),
        (needs_document(), "ACTION_REQUIRED", "ActionRequired"),
    ];
    for (outcome, stage, answer) in cases {
        let mut scene = Scene::at("RECEIVED");
        let filed = scene.owed[0].0;
        scene.answer("eligibility", &outcome);
        assert_eq!((scene.stage(ONE), told(&scene, filed).as_str()), (stage, answer));
    }
}

#[test]
fn rows_6_and_7_say_why() {
    for (outcome, rejections, actions) in [(decline(), 1, 0), (needs_document(), 0, 1)] {
        let mut scene = Scene::at("RECEIVED");
        let filed = scene.owed[0].0;
        scene.answer("eligibility", &outcome);
        let answer = scene.reply(filed).expect("an answer");
        let Content::Application(content) = &answer.content else { panic!("an application") };
        assert_eq!((content.rejections.len(), content.actions.len()), (rejections, actions));
    }
}

#[test]
fn row_8_the_wanted_document_comes_with_a_new_filing() {
    let mut scene = Scene::at("ACTION_REQUIRED");
    let with_document = Form { documents: vec!["GST_PROFILE".to_owned()], ..scene.form() };
    let again = file_form(&mut scene, with_document);
    scene.answer("eligibility", &pass());
    assert_eq!((scene.stage(ONE), told(&scene, again).as_str()), ("PROCESSING", "Processing"));
}

/// The usual form with one file of a type, known by its digest, or by nothing as earlier versions stored it.
fn with_file(scene: &Scene, digest: Option<&str>) -> Form {
    let documents = vec!["GST_PROFILE".to_owned()];
    Form { documents, documents_digest: digest.map(str::to_owned), ..scene.form() }
}

/// An application for which a form was filed, at `RECEIVED`.
fn filed(form: impl Fn(&Scene) -> Form) -> Scene {
    let mut scene = Scene::new();
    let form = form(&scene);
    file_form(&mut scene, form);
    scene
}

#[test]
fn row_8_a_better_copy_of_a_file_resumes_the_application_though_nothing_else_is_new() {
    for before in [Some("blurred"), None] {
        let mut scene = filed(|scene| with_file(scene, before));
        scene.answer("eligibility", &needs_document());
        let again = with_file(&scene, Some("sharp"));
        let again = file_form(&mut scene, again);
        scene.answer("eligibility", &pass());
        assert_eq!((scene.stage(ONE), told(&scene, again).as_str()), ("PROCESSING", "Processing"));
    }
}

#[test]
fn row_8_the_same_file_again_is_not_what_was_wanted() {
    let mut scene = filed(|scene| with_file(scene, Some("blurred")));
    scene.answer("eligibility", &needs_document());
    let again = with_file(&scene, Some("blurred"));
    let again = file_form(&mut scene, again);
    assert_eq!((scene.stage(ONE), told(&scene, again).as_str()), ("ACTION_REQUIRED", "ActionRequired"));
    assert_eq!(scene.asked(), Vec::<&str>::new());
}

#[test]
fn row_4_a_corrected_file_replaces_the_one_before() {
    let mut scene = filed(|scene| with_file(scene, Some("blurred")));
    scene.answer("eligibility", &pass());
    let corrected = with_file(&scene, Some("sharp"));
    file_form(&mut scene, corrected);
    assert_eq!((scene.stage(ONE), scene.asked()), ("RECEIVED", vec!["eligibility"]));
    assert_eq!(scene.app(ONE).form.documents_digest.as_deref(), Some("sharp"));
}

#[test]
fn row_4_a_file_that_was_filed_before_digests_were_kept_counts_as_the_same() {
    let mut scene = filed(|scene| with_file(scene, None));
    let stored = serde_json::to_string(scene.app(ONE)).unwrap();
    assert!(!stored.contains("documents_digest"), "as earlier versions wrote it: {stored}");
    scene.answer("eligibility", &pass());
    let again = with_file(&scene, Some("any"));
    let again = file_form(&mut scene, again);
    assert_eq!((scene.stage(ONE), told(&scene, again).as_str()), ("PROCESSING", "Processing"));
}

#[test]
fn row_9_once_the_missing_step_is_done_offers_go_on() {
    let mut scene = Scene::at("UNDERWRITING");
    scene.answer("fetch", &super::findings::acknowledged());
    scene.answer("offers", &needs_step());
    let consented = scene.tell(&consent(&[ONE], None));
    assert_eq!(told(&scene, consented), "Ready");
    scene.tell(&generate(&[ONE]));
    assert_eq!(scene.stage(ONE), "UNDERWRITING");
}

#[test]
fn row_9_a_step_that_is_not_the_missing_one_is_refused() {
    let mut scene = Scene::at("ACTION_REQUIRED");
    let set = scene.tell(&set_account(ONE, account("A1")));
    assert_eq!(scene.refusal(set), Some(RefusalReason::WrongState));
    assert_eq!(scene.stage(ONE), "ACTION_REQUIRED");
}

#[test]
fn row_4_another_borrower_does_not_inherit_a_consent() {
    let borrower = |pan: Option<&str>, primary: (&str, &str)| Borrower {
        primary_id: primary.1.to_owned(),
        primary_id_type: primary.0.to_owned(),
        pan: pan.map(str::to_owned),
        ..Scene::new().form().borrower
    };
    let phone = ("MOBILE", "9845012367");
    let cases = [
        ((Some("AAAPL1234C"), ("PAN", "AAAPL1234C")), (Some("BBBPL1234C"), ("PAN", "BBBPL1234C")), "NONE"),
        ((Some("AAAPL1234C"), phone), (Some("BBBPL1234C"), phone), "NONE"),
        // Whose PAN was told once is known; without it he may be anybody.
        ((Some("AAAPL1234C"), phone), (None, phone), "NONE"),
        ((None, phone), (Some("AAAPL1234C"), ("PAN", "AAAPL1234C")), "NONE"),
        ((None, phone), (Some("AAAPL1234C"), phone), "READY"),
        ((Some("AAAPL1234C"), phone), (Some("aaapl1234c"), ("pan", "aaapl1234c")), "READY"),
    ];
    for (before, after, state) in cases {
        let mut scene = Scene::selling(super::fixtures::careful_product());
        let form = Form { borrower: borrower(before.0, before.1), ..scene.form() };
        file_form(&mut scene, form);
        scene.answer("eligibility", &pass());
        scene.give_data_consent(&[ONE]);
        let form = Form { borrower: borrower(after.0, after.1), requested: rupees("120000"), ..scene.form() };
        file_form(&mut scene, form);
        scene.answer("eligibility", &pass());
        assert_eq!(scene.app(ONE).data_consent.name(), state, "{before:?} {after:?}");
        let asked = scene.tell(&generate(&[ONE]));
        if state == "READY" {
            assert_eq!(scene.stage(ONE), "UNDERWRITING");
        } else {
            assert_eq!(scene.refusal(asked), Some(RefusalReason::ConsentNotReady));
            assert_eq!(scene.app(ONE).aggregation_id, None);
            let late = scene.tell(&consent_status("H-DATA"));
            assert_eq!(scene.refusal(late), Some(RefusalReason::WrongState), "what comes of it is the first one's");
        }
    }
}

#[test]
fn row_4_a_handle_that_comes_too_late_for_another_borrower_is_not_his() {
    let mut scene = Scene::selling(super::fixtures::careful_product());
    scene.file(&[ONE]);
    scene.answer("eligibility", &pass());
    let asked = scene.tell(&consent(&[ONE], None));
    let mut form = other_form(&scene);
    form.borrower.pan = Some("BBBPL1234C".to_owned());
    file_form(&mut scene, form);
    scene.answer("consent-create", &handle("H"));
    assert_eq!(told(&scene, asked), "WrongState: Failed");
    assert_eq!(scene.app(ONE).data_consent, Consent::None);
}
