//! Rows 38 to 43: the agreement and its signature by OTP.

use chrono::Duration;

use super::findings::{acknowledged, approve, prepared, refused, unknown};
use super::fixtures::{generate, plain_product, set_offer, trigger_acceptance, verify};
use super::story::ONE;
use super::support::Scene;
use super::words::told;
use crate::domain::application::answer::{Content, RefusalReason};
use crate::domain::application::ask::Ask;
use crate::domain::application::decision::Effect;
use crate::domain::application::stage::Stage;
use crate::domain::ids::ExchangeId;

const TWO: [&str; 2] = [ONE, "LA-2"];

#[test]
fn row_38_the_agreement_is_prepared_and_one_otp_sent_for_all() {
    let mut scene = Scene::several(plain_product(), &TWO, "OFFER_ACCEPTED");
    let triggered = scene.send_otp(&TWO);
    assert_eq!(TWO.map(|name| scene.stage(name)), ["OTP_SENT", "OTP_SENT"]);
    assert_eq!(scene.session_key(ONE), scene.session_key("LA-2"));
    let answer = scene.reply(triggered).expect("an answer");
    let Content::Otp(otp) = &answer.content else { panic!("an OTP step") };
    assert_eq!(otp.session_key.as_ref(), Some(&scene.session_key(ONE)));
    assert_eq!(otp.masked_phone.as_deref(), Some("XXXXXXX210"));
}

#[test]
fn row_38_a_new_session_replaces_the_old_one() {
    let mut scene = Scene::at("OTP_SENT");
    let old = scene.session_key(ONE);
    scene.now += Duration::seconds(31);
    scene.send_otp(&[ONE]);
    assert_ne!(scene.session_key(ONE), old);
    let verified = scene.tell(&verify(&old));
    assert_eq!(told(&scene, verified), "OtpSession: InvalidSession");
    assert_eq!(scene.stage(ONE), "OTP_SENT", "the new session lives on");
}

#[test]
fn row_38_all_or_none() {
    let mut scene = Scene::several(plain_product(), &TWO, "OFFERED");
    let best = scene.offer_id(ONE, 0);
    scene.tell(&set_offer(ONE, &best));
    let triggered = scene.tell(&trigger_acceptance(&TWO));
    assert_eq!(scene.refusal(triggered), Some(RefusalReason::WrongState));
    assert_eq!(scene.deal(ONE).agreement.name(), "NONE");
    assert!(scene.asks.is_empty());
}

#[test]
fn row_38_one_otp_is_one_borrowers() {
    let mut scene = Scene::several(plain_product(), &TWO, "OFFER_ACCEPTED");
    scene.apps[1].form.borrower.pan = Some("ZZZZZ9999Z".to_owned());
    let triggered = scene.tell(&trigger_acceptance(&TWO));
    assert_eq!(scene.refusal(triggered), Some(RefusalReason::WrongState));
}

#[test]
fn row_38_otps_are_sent_with_a_gap_and_not_too_often() {
    let mut scene = Scene::at("OTP_SENT");
    let too_soon = scene.tell(&trigger_acceptance(&[ONE]));
    assert_eq!(told(&scene, too_soon), "ResendLimit: InvalidSession");
    for _ in 0..3 {
        scene.now += Duration::seconds(30);
        scene.send_otp(&[ONE]);
    }
    scene.now += Duration::seconds(30);
    let too_many = scene.tell(&trigger_acceptance(&[ONE]));
    assert_eq!(scene.refusal(too_many), Some(RefusalReason::ResendLimit));
    scene.now += Duration::minutes(15);
    scene.send_otp(&[ONE]);
    assert_eq!(scene.app(ONE).otp_sent_at.len(), 1, "what left the window is forgotten");
}

#[test]
fn row_39_an_agreement_or_sms_that_fails_leaves_the_offer_accepted() {
    for outcome in [refused("SMS"), unknown()] {
        let mut scene = Scene::at("OFFER_ACCEPTED");
        let triggered = scene.tell(&trigger_acceptance(&[ONE]));
        scene.answer("prepare", &prepared(&["hash"]));
        scene.answer("send-otp", &outcome);
        assert_eq!(told(&scene, triggered), "SmsFailed: InvalidSession");
        assert_eq!(scene.stage(ONE), "OFFER_ACCEPTED");
    }
    for outcome in [refused("DOC"), unknown(), prepared(&["too", "many"])] {
        let mut scene = Scene::at("OFFER_ACCEPTED");
        let triggered = scene.tell(&trigger_acceptance(&[ONE]));
        scene.answer("prepare", &outcome);
        assert_eq!(told(&scene, triggered), "AgreementFailed: InvalidSession");
        assert_eq!(scene.deal(ONE).agreement.name(), "NONE");
    }
}

#[test]
fn row_40_the_right_otp_signs_for_every_application_of_the_session() {
    let mut scene = Scene::several(plain_product(), &TWO, "OTP_SENT");
    let key = scene.session_key(ONE);
    let verified = scene.tell(&verify(&key));
    assert_eq!(told(&scene, verified), "Success");
    for name in TWO {
        let Stage::Agreed { acceptance, deal } = &scene.app(name).stage else { panic!("not signed") };
        assert_eq!((acceptance.at, acceptance.agreement_hash.as_str()), (scene.now, "hash"));
        assert_eq!(acceptance.masked_phone, "XXXXXXX210");
        assert_eq!((deal.agreement.name(), deal.others.len()), ("SIGNED", 0));
    }
}

#[test]
fn rows_41_and_42_three_wrong_tries_and_the_session_is_dead() {
    let mut scene = Scene::at("OTP_SENT");
    let key = scene.session_key(ONE);
    scene.otp_matches = false;
    for _ in 0..3 {
        let verified = scene.tell(&verify(&key));
        assert_eq!((told(&scene, verified).as_str(), scene.stage(ONE)), ("IncorrectOtp", "OTP_SENT"));
    }
    scene.otp_matches = true;
    let verified = scene.tell(&verify(&key));
    assert_eq!(told(&scene, verified), "OtpSession: InvalidSession");
    assert_eq!(scene.stage(ONE), "OFFER_ACCEPTED");
}

#[test]
fn row_42_an_expired_session_is_dead() {
    let mut scene = Scene::at("OTP_SENT");
    let key = scene.session_key(ONE);
    scene.now += Duration::minutes(5) + Duration::milliseconds(1);
    let verified = scene.tell(&verify(&key));
    assert_eq!(told(&scene, verified), "OtpSession: InvalidSession");
    assert_eq!(scene.stage(ONE), "OFFER_ACCEPTED");
}

#[test]
fn row_42_an_unknown_session_is_answered_too() {
    let mut scene = Scene::at("OTP_SENT");
    let verified = scene.tell(&verify("never made"));
    assert_eq!(told(&scene, verified), "OtpSession: InvalidSession");
    assert_eq!(scene.stage(ONE), "OTP_SENT");
}

#[test]
fn row_42_a_session_that_lost_an_application_signs_for_none() {
    let mut scene = Scene::several(plain_product(), &TWO, "OTP_SENT");
    let key = scene.session_key(ONE);
    let other = scene.deal("LA-2").others[0].id.clone();
    scene.tell(&set_offer("LA-2", &other));
    let verified = scene.tell(&verify(&key));
    assert_eq!(told(&scene, verified), "OtpSession: InvalidSession");
    assert_eq!(TWO.map(|name| scene.stage(name)), ["OFFER_ACCEPTED", "OFFER_ACCEPTED"]);
}

#[test]
fn row_43_the_same_otp_again_succeeds_without_signing_twice() {
    for stage in ["AGREED", "GRANTING", "GRANTED"] {
        let mut scene = Scene::at("AGREED");
        let key = scene.session_key(ONE);
        scene = Scene::at(stage);
        let before = scene.app(ONE).stage.clone();
        let verified = scene.tell(&verify(&key));
        assert_eq!(told(&scene, verified), "Success");
        scene.otp_matches = false;
        let verified = scene.tell(&verify(&key));
        assert_eq!(told(&scene, verified), "IncorrectOtp");
        assert_eq!(scene.app(ONE).stage, before);
    }
}

#[test]
fn the_otp_is_bound_to_statement_and_agreement() {
    let mut scene = Scene::at("OFFER_ACCEPTED");
    scene.tell(&trigger_acceptance(&[ONE]));
    scene.answer("prepare", &prepared(&["text"]));
    let kfs = scene.deal(ONE).kfs.clone().unwrap();
    let bound = scene.asks.iter().find_map(|new| match &new.ask {
        Ask::SendOtp { document_hashes, .. } => Some(document_hashes.clone()),
        _ => None,
    });
    assert_eq!(bound, Some(vec![kfs.hash.clone(), "text".to_owned()]));
    scene.answer("send-otp", &acknowledged());
    assert_eq!(scene.stage(ONE), "OTP_SENT");
    let key = scene.session_key(ONE);
    scene.tell(&verify(&key));
    let Stage::Agreed { acceptance, .. } = &scene.app(ONE).stage else { panic!("not signed") };
    assert_eq!((acceptance.kfs_hash.as_ref(), acceptance.agreement_hash.as_str()), (Some(&kfs.hash), "text"));
}

#[test]
fn nothing_is_signed_on_a_statement_that_ran_out() {
    let mut scene = Scene::at("OFFER_ACCEPTED");
    let valid_till = scene.deal(ONE).kfs.clone().unwrap().valid_till;
    scene.now = valid_till - Duration::minutes(1);
    scene.send_otp(&[ONE]);
    let Stage::OtpSent { session, .. } = &scene.app(ONE).stage else { panic!("no OTP") };
    assert_eq!(session.expires_at, valid_till, "the session ends with the statement");

    scene.now = valid_till + Duration::milliseconds(1);
    let key = scene.session_key(ONE);
    let late = scene.tell(&verify(&key));
    assert_eq!(scene.refusal(late), Some(RefusalReason::OtpSession));
    let late = scene.tell(&trigger_acceptance(&[ONE]));
    assert_eq!(scene.refusal(late), Some(RefusalReason::KfsExpired));
    assert!(words(&scene, late).starts_with("DL-8i: "));
}

#[test]
fn an_accepted_offer_that_ran_out_unsigned_makes_room_for_new_ones() {
    let mut scene = Scene::at("OFFER_ACCEPTED");
    let first = scene.deal(ONE).kfs.clone().unwrap();
    scene.now = first.valid_till + Duration::milliseconds(1);
    scene.tell(&generate(&[ONE]));
    assert_eq!(scene.stage(ONE), "UNDERWRITING");
    assert_eq!(scene.effects, [Effect::Release(scene.app(ONE).id)]);
    scene.answer("fetch", &acknowledged());
    scene.answer("offers", &approve());
    let anew = scene.offers(ONE)[0].kfs.clone().unwrap();
    assert!(anew.number != first.number && anew.valid_till > scene.now);
}

fn words(scene: &Scene, exchange: ExchangeId) -> String {
    let reply = scene.replies.iter().find(|reply| reply.exchange == exchange).unwrap();
    reply.answer.refusal.clone().unwrap().detail
}

#[test]
fn a_trigger_that_a_later_one_replaced_is_refused_under_its_own_code() {
    for answered in [&["prepare"][..], &["prepare", "send-otp"]] {
        let mut scene = Scene::at("OFFER_ACCEPTED");
        let first = scene.tell(&trigger_acceptance(&[ONE]));
        let (last, before) = answered.split_last().unwrap();
        for method in before {
            scene.answer(method, &prepared(&["hash"]));
        }
        scene.wait(Duration::minutes(5));
        scene.tell(&trigger_acceptance(&[ONE]));
        let outcome = if *last == "prepare" { prepared(&["hash"]) } else { acknowledged() };
        scene.answer(last, &outcome);
        assert_eq!(scene.refusal(first), Some(RefusalReason::WrongState));
    }
}
