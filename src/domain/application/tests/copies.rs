//! Copies of the signed documents, and payouts that wait for them (RBI digital lending, DL 8).

use super::findings::{notified, paid, refused};
use super::fixtures::verify;
use super::story::ONE;
use super::support::Scene;
use crate::domain::application::answer::{Content, PayoutStatus, RefusalReason};
use crate::domain::application::ask::Ask;
use crate::domain::application::copies::Copies;
use crate::domain::application::notice::{Notice, NoticeKind};
use crate::domain::loan::PayoutState;

/// Granted while the copies are still on their way.
fn waiting() -> Scene {
    let mut scene = Scene::at("OTP_SENT");
    let key = scene.session_key(ONE);
    scene.tell(&verify(&key));
    let held = scene.asks.iter().position(|new| matches!(new.ask, Ask::Notify(_))).unwrap();
    let copies = scene.asks.remove(held);
    scene.set_up(ONE);
    scene.ask_for_grant(ONE);
    scene.answer("final-check", &super::findings::pass());
    scene.asks.push(copies);
    scene
}

fn message(scene: &Scene) -> Notice {
    let asked = scene.asks.iter().find_map(|new| match &new.ask {
        Ask::Notify(notice) => Some(notice.clone()),
        _ => None,
    });
    asked.expect("a message")
}

#[test]
fn copies_go_out_with_the_signature_and_name_the_very_texts() {
    let scene = waiting();
    let (notice, deal) = (message(&scene), scene.deal(ONE));
    let kfs = deal.kfs.as_ref().unwrap();
    assert_eq!(notice.kind, NoticeKind::SignedDocuments);
    assert!(notice.text.contains(&kfs.url) && notice.text.contains(&deal.agreement.text().unwrap().url));
    assert!(notice.key.contains(&kfs.number));
}

#[test]
fn a_payout_is_held_until_the_copies_left() {
    let mut scene = waiting();
    scene.trigger_payment("P1");
    assert_eq!(scene.loans[0].payouts.len(), 1, "reserved");
    assert!(!scene.asked().contains(&"pay"), "and held");
    scene.answer("send", &notified("M-7"));
    let Copies::Sent(proof) = &scene.deal(ONE).copies else { panic!("not sent") };
    assert_eq!((proof.message_id.as_str(), proof.at), ("MSG-M-7", scene.now));
    scene.answer("pay", &paid());
    assert!(matches!(scene.loans[0].payouts[0].state, PayoutState::Paid { .. }));
    assert!(!scene.asked().contains(&"pay"), "paid once");
}

#[test]
fn copies_that_cannot_be_sent_free_the_payout_and_are_sent_again() {
    let mut scene = waiting();
    let first = message(&scene).key;
    scene.trigger_payment("P1");
    scene.answer("send", &refused("NO_ADDRESS"));
    assert!(scene.loans[0].payouts[0].has_failed() && !scene.asked().contains(&"pay"));
    let Content::Disbursement(told) = &scene.webhooks.last().unwrap().content else { panic!("another message") };
    assert_eq!(told.status, Some(PayoutStatus::Failure));

    let again = scene.trigger_payment("P2");
    assert_eq!(scene.refusal(again), Some(RefusalReason::LoanNotOpen));
    let reply = scene.replies.iter().find(|reply| reply.exchange == again).unwrap();
    assert!(reply.answer.refusal.as_ref().unwrap().detail.starts_with("DL-8-copies: "));
    assert_ne!(message(&scene).key, first, "another message");
    scene.answer("send", &notified("M-8"));
    scene.trigger_payment("P2");
    scene.answer("pay", &paid());
    assert!(matches!(scene.loans[0].payouts[1].state, PayoutState::Paid { .. }));
}
