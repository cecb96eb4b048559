//! Row L14: what was set up for a loan ends with it.

use super::super::account::{Ending, Purpose};
use super::super::content::LoanStatus;
use super::super::operator::Act;
use super::super::repayment::Payment;
use super::{granted, loan, trigger};
use crate::domain::application::answer::{Content, GrantStatus, PlanStatus, RefusalReason};
use crate::domain::application::ask::{Ask, NewAsk};
use crate::domain::application::command::Command;
use crate::domain::application::decision::{Effect, WebhookKind};
use crate::domain::application::facets::{ConsentPurpose, RepaymentSetup};
use crate::domain::application::notice::NoticeKind;
use crate::domain::application::tests::findings::{acknowledged, mandate, paid, refused};
use crate::domain::application::tests::fixtures::{account, consent, set_account, set_repayment_plan, subject};
use crate::domain::application::tests::story::ONE;
use crate::domain::application::tests::support::Scene;
use crate::domain::application::tests::words::told;

/// A loan that was paid out and paid off on the same day.
pub(super) fn closed() -> Scene {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    scene.answer("pay", &paid());
    let today = (scene.now + chrono::Duration::minutes(330)).date_naive();
    let amount = loan(&scene).account.as_ref().unwrap().cooling_off_exit(today).expect("an exit").total;
    let (utr, purpose) = ("UTR-EXIT".to_owned(), Purpose::CoolingOffExit);
    scene.operate(ONE, &Act::ManualReceipt { amount, value_date: today, utr, purpose }).unwrap();
    assert!(loan(&scene).is_over());
    scene
}

fn withdrawn() -> Scene {
    let mut scene = granted();
    scene.operate(ONE, &Act::Withdraw {}).unwrap();
    scene
}

fn summary(scene: &mut Scene) -> (LoanStatus, Option<Ending>) {
    let asked = scene.tell(&Command::LoanSummary(scene.loan_id(ONE)));
    match &scene.reply(asked).expect("an answer").content {
        Content::Summary(summary) => (summary.head.status, summary.head.ending),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_mandate_is_cancelled_once_and_the_plan_is_inactive() {
    for mut scene in [closed(), withdrawn()] {
        assert_eq!(scene.asked().iter().filter(|method| **method == "cancel").count(), 1);
        let plan = scene.repayment_plan(ONE);
        let cancelled = RepaymentSetup::Inactive { plan: plan.clone(), cancelled: Some("M1".to_owned()) };
        assert_eq!(scene.deal(ONE).repayment, cancelled);
        let status = scene.tell(&Command::RepaymentPlanStatus(plan));
        assert_eq!(told(&scene, status), "Inactive");
    }
}

#[test]
fn nothing_is_set_up_for_a_loan_that_is_over() {
    for mut scene in [closed(), withdrawn()] {
        let plan = scene.repayment_plan(ONE);
        let disbursement = scene.deal(ONE).offer.disbursement_plans[0].id.clone();
        let before = (scene.app(ONE).stage.clone(), scene.asks.len());
        for command in [
            set_repayment_plan(ONE, &plan),
            set_account(ONE, account("A9")),
            Command::SetDisbursementPlan(subject(ONE), disbursement),
        ] {
            let asked = scene.tell(&command);
            assert_eq!(scene.refusal(asked), Some(RefusalReason::WrongState));
        }
        assert_eq!((scene.app(ONE).stage.clone(), scene.asks.len()), before);
    }
}

#[test]
fn a_registration_that_comes_after_the_end_is_cancelled_and_who_waits_for_it_is_told() {
    let mut scene = granted();
    let plan = scene.repayment_plan(ONE);
    scene.tell(&Command::RepaymentPlanStatus(plan.clone()));
    scene.answer("status", &refused("CANCELLED"));
    let set = scene.tell(&set_repayment_plan(ONE, &plan));
    scene.operate(ONE, &Act::Withdraw {}).unwrap();
    assert_eq!(told(&scene, set), "MandateRefused: Inactive");
    assert!(!scene.asked().contains(&"cancel"), "nothing is registered yet");
    scene.answer("register-mandate", &mandate("M2"));
    scene.answer("cancel", &acknowledged());
    assert_eq!(scene.deal(ONE).repayment.name(), "INACTIVE");
}

#[test]
fn a_withdrawn_loan_is_completed_and_says_how() {
    assert_eq!(summary(&mut withdrawn()), (LoanStatus::Completed, Some(Ending::Withdrawn)));
    assert_eq!(summary(&mut closed()), (LoanStatus::Completed, Some(Ending::CoolingOff)));
    assert_eq!(summary(&mut granted()), (LoanStatus::Granted, None));
}

#[test]
fn row_58_the_grant_asked_for_again_tells_how_the_loan_stands() {
    let cases = [
        (granted(), GrantStatus::Granted),
        (closed(), GrantStatus::Completed),
        (withdrawn(), GrantStatus::Completed),
        (unpaid(40), GrantStatus::Granted),
        (unpaid(200), GrantStatus::Defaulted),
    ];
    for (mut scene, status) in cases {
        let asked = scene.tell(&Command::Grant { loan_application_id: ONE.to_owned() });
        let Content::Grant(content) = &scene.reply(asked).expect("an answer").content else { panic!("a grant") };
        assert_eq!((content.status, content.loan_id.clone()), (status, Some(scene.loan_id(ONE))));
    }
}

/// A loan that was paid out some days ago, and of which nothing was paid.
fn unpaid(days: i64) -> Scene {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    scene.answer("pay", &paid());
    scene.wait(chrono::Duration::days(days));
    scene
}

#[test]
fn the_monitoring_consent_stops_with_the_loan() {
    for (outcome, state) in [(acknowledged(), "FAILED"), (refused("X"), "READY")] {
        for mut scene in [closed(), withdrawn()] {
            assert_eq!(scene.app(ONE).monitoring_consent.name(), "READY");
            scene.answer("consent-revoke", &outcome);
            assert_eq!(scene.app(ONE).monitoring_consent.name(), state);
            let anew = scene.tell(&consent(&[ONE], Some(ConsentPurpose::Monitoring)));
            assert_eq!(scene.refusal(anew), Some(RefusalReason::WrongState), "there is nothing to be monitored");
        }
    }
}

#[test]
fn a_loan_that_is_open_again_takes_back_what_secured_it() {
    let mut scene = closed();
    let loan_id = loan(&scene).id.clone();
    let payment = loan_payment(&scene);
    scene.payment = Some(payment.clone());
    let on = (scene.now + chrono::Duration::minutes(330)).date_naive();
    scene.operate(ONE, &Act::ReverseReceipt { payment_id: payment.id, on }).unwrap();
    assert!(!loan(&scene).is_over());
    let app = scene.app(ONE).id;
    let reopened = Effect::Reopen(app, loan_id, loan(&scene).offer.sanctioned);
    assert!(scene.effects.contains(&reopened), "{:?}", scene.effects);
    let plan = scene.repayment_plan(ONE);
    let told = scene.webhooks.iter().rev().find(|hook| hook.kind == WebhookKind::RepaymentPlanStatus(plan.clone()));
    let Some(Content::Plan { plan: content }) = told.map(|hook| &hook.content) else { panic!("{:?}", scene.webhooks) };
    assert_eq!(content.status, PlanStatus::Inactive, "nothing will be debited");
    let is_told = |new: &NewAsk| matches!(&new.ask, Ask::Notify(n) if n.kind == NoticeKind::LoanReopened);
    assert_eq!(scene.asks.iter().filter(|new| is_told(new)).count(), 1, "the borrower hears that it is open again");
    let plan = scene.repayment_plan(ONE);
    scene.tell(&set_repayment_plan(ONE, &plan));
    assert!(scene.asked().contains(&"register-mandate"), "the mandate is gone, another one may be set up");
}

#[test]
fn a_loan_that_is_written_off_is_owed_until_it_is_recovered() {
    let told = |scene: &Scene| {
        let is_told = |new: &&NewAsk| matches!(&new.ask, Ask::Notify(n) if n.kind == NoticeKind::LoanClosed);
        scene.asks.iter().filter(is_told).count()
    };
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    scene.answer("pay", &paid());
    let (app, loan_id) = (scene.app(ONE).id, loan(&scene).id.clone());
    let finish = Effect::Finish(app, loan_id.clone());
    let today = (scene.now + chrono::Duration::minutes(330)).date_naive();
    let receipt = |amount: &str| {
        let (amount, utr) = (amount.parse().unwrap(), format!("UTR-{amount}"));
        Act::ManualReceipt { amount, value_date: today, utr, purpose: Purpose::Instalment }
    };
    scene.operate(ONE, &Act::WriteOff {}).unwrap();
    assert!(loan(&scene).is_over() && !scene.effects.contains(&finish), "{:?}", scene.effects);
    assert!(scene.asked().contains(&"cancel"), "nothing is debited any more");
    assert_eq!(told(&scene), 0, "nobody says that nothing is owed");

    scene.operate(ONE, &receipt("99999.99")).unwrap();
    assert!(!scene.effects.contains(&finish));
    scene.operate(ONE, &receipt("0.01")).unwrap();
    assert!(scene.effects.contains(&finish), "{:?}", scene.effects);
    assert_eq!(told(&scene), 1);
    let payment = loan_payment(&scene);
    scene.payment = Some(payment.clone());
    scene.operate(ONE, &Act::ReverseReceipt { payment_id: payment.id, on: today }).unwrap();
    let owed = Effect::Reopen(app, loan_id, "0.01".parse().unwrap());
    assert!(scene.effects.contains(&owed) && loan(&scene).is_over(), "{:?}", scene.effects);
}

/// The payment that closed the loan, as it was stored.
fn loan_payment(scene: &Scene) -> Payment {
    let saved = scene.all_effects.iter().rev().find_map(|effect| match effect {
        Effect::SavePayment(payment) => Some(payment.as_ref().clone()),
        _ => None,
    });
    saved.expect("a payment")
}
