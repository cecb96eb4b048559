//! Rows L16 and L18: only the words that the lender waits for move a dispute.

use super::{granted, loan};
use crate::domain::application::answer::{Content, RefusalReason};
use crate::domain::application::command::Command;
use crate::domain::application::decision::Effect;
use crate::domain::application::tests::story::ONE;
use crate::domain::application::tests::support::Scene;
use crate::domain::ids::{DisputeId, ExchangeId};
use crate::domain::loan::content::DisputeContent;
use crate::domain::loan::dispute::{Dispute, DisputeStatus, STATUSES};

fn raise(scene: &mut Scene, dispute: Option<&DisputeId>, description: &str) -> ExchangeId {
    let loan_id = scene.loan_id(ONE);
    scene.tell(&Command::RaiseDispute { loan_id, dispute: dispute.cloned(), description: description.to_owned() })
}

fn shown(scene: &Scene, exchange: ExchangeId) -> DisputeContent {
    match &scene.reply(exchange).expect("an answer").content {
        Content::Dispute(content) => content.clone(),
        content => panic!("{content:?}"),
    }
}

/// A dispute that the lender has brought to a status.
fn standing(status: DisputeStatus) -> (Scene, Dispute) {
    let mut scene = granted();
    raise(&mut scene, None, "charged twice");
    let raised = scene.all_effects.iter().rev().find_map(|effect| match effect {
        Effect::SaveDispute(dispute) => Some(dispute.as_ref().clone()),
        _ => None,
    });
    let dispute = Dispute { status, note: Some("a word".to_owned()), ..raised.expect("a dispute") };
    scene.all_effects.push(Effect::SaveDispute(Box::new(dispute.clone())));
    (scene, dispute)
}

#[test]
fn row_l18_more_words_move_only_the_dispute_that_waits_for_them() {
    for status in STATUSES {
        let (mut scene, before) = standing(status);
        scene.now += chrono::Duration::hours(1);
        let told = raise(&mut scene, Some(&before.id), "on the 5th");
        let saved = scene.effects.iter().find_map(|effect| match effect {
            Effect::SaveDispute(dispute) => Some(dispute.as_ref().clone()),
            _ => None,
        });
        let words = "charged twice\non the 5th".to_owned();
        match status {
            DisputeStatus::Resolved | DisputeStatus::Closed => {
                assert_eq!((scene.refusal(told), saved), (Some(RefusalReason::DisputeState), None), "{status:?}");
                assert_eq!(shown(&scene, told).status, Some(status));
            }
            DisputeStatus::NeedMoreInfo => {
                let moved = Dispute { description: words, status: DisputeStatus::Processing, at: scene.now, ..before };
                assert_eq!(saved, Some(moved));
            }
            DisputeStatus::New | DisputeStatus::Processing => {
                assert_eq!(saved, Some(Dispute { description: words, ..before }), "it stays where it was");
            }
        }
    }
}

#[test]
fn row_l16_a_dispute_is_told_with_the_page_where_it_is_followed() {
    let mut scene = granted();
    let raised = raise(&mut scene, None, "charged twice");
    let told = shown(&scene, raised);
    assert_eq!((told.status, told.url), (Some(DisputeStatus::New), Some(format!("/dispute/{}", told.id))));
    let opens = Effect::PublishDispute(loan(&scene).application, told.id);
    assert!(scene.effects.contains(&opens), "{:?}", scene.effects);
}

#[test]
fn a_dispute_does_not_grow_without_end() {
    let (mut scene, before) = standing(DisputeStatus::Processing);
    let words = "x".repeat(4_000);
    let taken = (0..20).take_while(|_| {
        let told = raise(&mut scene, Some(&before.id), &words);
        scene.refusal(told).is_none()
    });
    assert_eq!(taken.count(), 9);
}

#[test]
fn the_lender_does_not_take_its_answer_back() {
    let mut moves = Vec::new();
    for from in STATUSES {
        let (scene, dispute) = standing(from);
        let may = |to: &DisputeStatus| dispute.moved(*to, Some("a word"), scene.now).is_ok();
        moves.push(STATUSES.into_iter().filter(may).map(DisputeStatus::name).collect::<Vec<_>>().join(" "));
    }
    let expected =
        ["PROCESSING NEED_MORE_INFO RESOLVED", "NEED_MORE_INFO RESOLVED", "PROCESSING RESOLVED", "CLOSED", ""];
    assert_eq!(moves, expected);
    let (scene, dispute) = standing(DisputeStatus::Resolved);
    let refused = dispute.moved(DisputeStatus::Processing, Some("a word"), scene.now).unwrap_err();
    assert_eq!(refused.to_string(), "a dispute that is RESOLVED cannot become PROCESSING");
}
