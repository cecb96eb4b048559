//! A payout that came back keeps the bank's reference; the key that it has at the bank is told to nobody.

use super::super::operator::Act;
use super::acts::{day, receipt, running};
use super::{loan, shown, status, trigger};
use crate::domain::application::answer::{Content, PayoutStatus};
use crate::domain::application::command::Command;
use crate::domain::application::tests::findings::paid;
use crate::domain::application::tests::fixtures::rupees;
use crate::domain::application::tests::story::ONE;
use crate::domain::application::tests::support::Scene;
use crate::domain::ids::PaymentId;
use crate::domain::loan::Loan;
use crate::domain::loan::account::Purpose;

/// The references of a loan's statement.
fn references(scene: &mut Scene) -> Vec<String> {
    let loan_id = scene.loan_id(ONE);
    let told = scene.tell(&Command::LoanStatement { loan_id, from: None, to: None });
    match &scene.reply(told).expect("an answer").content {
        Content::Statement(statement) => statement.rows.iter().map(|row| row.reference.clone()).collect(),
        content => panic!("{content:?}"),
    }
}

fn returned() -> Scene {
    let mut scene = running();
    scene.operate(ONE, &Act::ReturnPayout { payment_id: PaymentId::from("P1"), on: day("2026-11-02") }).unwrap();
    scene
}

#[test]
fn a_row_that_was_told_stays_and_its_reversal_has_the_same_reference() {
    let mut scene = running();
    assert_eq!(references(&mut scene), ["UTR1"]);
    let mut scene = returned();
    assert_eq!(references(&mut scene), ["UTR1", "UTR1"]);
    let asked = status(&mut scene, Some("P1"));
    let told = shown(&scene, asked);
    assert_eq!((told.status, told.utr.as_deref()), (Some(PayoutStatus::Failure), Some("UTR1")));
    assert_eq!(told.failure.as_deref(), Some("the payout came back from the bank"));
}

#[test]
fn a_return_that_was_stored_without_its_reference_is_read_and_tells_no_key_of_ours() {
    let mut scene = returned();
    let mut stored = serde_json::to_value(loan(&scene)).unwrap();
    stored["payouts"][0].as_object_mut().unwrap().remove("returned_utr").expect("it is kept");
    scene.loans[0] = serde_json::from_value::<Loan>(stored).unwrap();
    assert_eq!(references(&mut scene), ["DISBURSEMENT/P1", "PAYOUT_RETURN/P1"]);
}

#[test]
fn what_corrects_a_payout_tells_no_key_either() {
    let mut scene = returned();
    trigger(&mut scene, "P2", None, None);
    scene.answer("pay", &paid());
    scene.operate(ONE, &receipt(&rupees("5000").to_string(), "2026-11-02", Purpose::Instalment)).unwrap();
    let key = loan(&scene).payouts[0].bank_key.rsplit_once(':').unwrap().0.to_owned();
    for reference in references(&mut scene) {
        assert!(!reference.contains(&key), "{reference}");
    }
}
