//! Rows L1 to L5: a tranche is reserved once, paid once, and only the bank's final word frees it.

mod acts;
mod checks;
mod contradictions;
mod debits;
mod disputes;
mod endings;
mod repayments;
mod returns;
mod unanswered;

use chrono::Duration;

use super::{Loan, PayoutState};
use crate::domain::application::answer::{Content, DisbursementContent, PayoutStatus, RefusalReason};
use crate::domain::application::ask::{Ask, NEVER_RECEIVED, PayOrder};
use crate::domain::application::command::{Command, PaymentOrder};
use crate::domain::application::decision::{Effect, WebhookKind};
use crate::domain::application::tests::findings::{account_verified, paid, refused, unknown};
use crate::domain::application::tests::fixtures::{account, rupees, set_account};
use crate::domain::application::tests::story::ONE;
use crate::domain::application::tests::support::Scene;
use crate::domain::application::tests::words::told;
use crate::domain::ids::{ExchangeId, PaymentId};
use crate::domain::maths::money::Paise;

/// A loan with nothing paid out, and nothing told unasked yet.
fn granted() -> Scene {
    let mut scene = Scene::at("GRANTED");
    scene.webhooks.clear();
    scene
}

fn loan(scene: &Scene) -> &Loan {
    scene.loans.first().expect("a loan")
}

fn trigger(scene: &mut Scene, payment: &str, tranche: Option<u32>, amount: Option<&str>) -> ExchangeId {
    let payment = PaymentOrder { id: PaymentId::from(payment), tranche, amount: amount.map(rupees) };
    let loan_id = scene.loan_id(ONE);
    scene.tell(&Command::TriggerDisbursement { loan_id, payment })
}

fn status(scene: &mut Scene, payment: Option<&str>) -> ExchangeId {
    let loan_id = Some(scene.loan_id(ONE));
    scene.tell(&Command::DisbursementStatus { loan_id, payment_id: payment.map(PaymentId::from) })
}

fn orders(scene: &Scene) -> Vec<PayOrder> {
    let pay = |ask: &Ask| {
        if let Ask::Pay(order) = ask { Some(order.clone()) } else { None }
    };
    scene.asks.iter().filter_map(|new| pay(&new.ask)).collect()
}

fn shown(scene: &Scene, exchange: ExchangeId) -> DisbursementContent {
    match &scene.reply(exchange).expect("an answer").content {
        Content::Disbursement(content) => content.clone(),
        content => panic!("{content:?}"),
    }
}

#[test]
fn row_l1_the_tranche_is_reserved_and_the_bank_told_to_pay_what_is_left_after_the_fee() {
    let mut scene = granted();
    let triggered = trigger(&mut scene, "P1", None, Some("100000"));
    let content = shown(&scene, triggered);
    assert_eq!(content.status, Some(PayoutStatus::PendingAuth));
    assert_eq!(content.gross, Some(rupees("100000")));
    assert_eq!((content.net, content.fee), (Some(rupees("97640")), Some(rupees("2360"))));
    let [order] = orders(&scene).try_into().expect("one order");
    assert_eq!(order.bank_key, format!("LSP:{}:1:1", loan(&scene).id));
    assert_eq!((order.net, &order.account), (rupees("97640"), &account("A1")));
}

#[test]
fn row_l1_another_amount_or_tranche_is_refused() {
    for (tranche, amount) in [(None, Some("99999.99")), (Some(1), Some("97640")), (Some(2), None)] {
        let mut scene = granted();
        let triggered = trigger(&mut scene, "P1", tranche, amount);
        assert_eq!(told(&scene, triggered), "AmountNotAllowed: nothing");
        assert!(orders(&scene).is_empty() && loan(&scene).payouts.is_empty());
    }
}

#[test]
fn row_l2_the_same_payment_again_pays_nothing_again() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    let open = trigger(&mut scene, "P1", Some(1), Some("100000"));
    assert_eq!((told(&scene, open).as_str(), orders(&scene).len()), ("PendingAuth", 1));
    scene.answer("pay", &paid());
    let settled = trigger(&mut scene, "P1", None, None);
    assert_eq!((told(&scene, settled).as_str(), orders(&scene).len()), ("Success", 0));
}

#[test]
fn row_l2_the_same_payment_with_another_amount_is_a_conflict() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    for (tranche, amount) in [(None, Some("50000")), (Some(2), None)] {
        let again = trigger(&mut scene, "P1", tranche, amount);
        assert_eq!(told(&scene, again), "PaymentConflict: PendingAuth");
    }
    assert_eq!(orders(&scene).len(), 1);
}

#[test]
fn row_l1_a_taken_tranche_is_not_paid_under_another_payment() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    for settled in [false, true] {
        if settled {
            scene.answer("pay", &paid());
        }
        for tranche in [None, Some(1)] {
            let second = trigger(&mut scene, "P2", tranche, None);
            assert_eq!(told(&scene, second), "AmountNotAllowed: nothing");
        }
    }
    assert_eq!(loan(&scene).payouts.len(), 1);
}

#[test]
fn row_l3_a_paid_tranche_is_booked_and_told_unasked() {
    let mut scene = granted();
    let triggered = trigger(&mut scene, "P1", None, None);
    scene.answer("pay", &paid());
    let [journal] = scene.journals.as_slice() else { panic!("one journal") };
    assert_eq!(journal.reference, loan(&scene).payouts[0].bank_key);
    let amounts: Vec<Paise> = journal.postings.iter().map(|posting| posting.amount).collect();
    // The fee and the tax on it are told apart.
    assert_eq!(amounts, [rupees("100000"), Paise(-9_764_000), Paise(-200_000), Paise(-36_000)]);
    assert_eq!(Paise::checked_sum(amounts), Some(Paise(0)));
    let [webhook] = scene.webhooks.as_slice() else { panic!("one webhook") };
    assert_eq!(webhook.kind, WebhookKind::DisbursementStatus(triggered));
    let Content::Disbursement(content) = &webhook.content else { panic!("a payout") };
    assert_eq!((content.status, content.utr.as_deref()), (Some(PayoutStatus::Success), Some("UTR1")));
}

#[test]
fn row_l4_a_payout_that_the_bank_refused_frees_its_tranche() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    scene.answer("pay", &refused("ACCOUNT_CLOSED"));
    assert!(scene.journals.is_empty());
    assert_eq!(scene.webhooks.len(), 1);
    let same = trigger(&mut scene, "P1", None, None);
    assert_eq!((told(&scene, same).as_str(), orders(&scene).len()), ("Failure", 0), "a payment is tried once");
    let next = trigger(&mut scene, "P2", None, None);
    assert_eq!(told(&scene, next), "PendingAuth");
    assert_eq!(orders(&scene)[0].bank_key, format!("LSP:{}:1:2", loan(&scene).id));
}

#[test]
fn row_l4_silence_is_no_failure() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    scene.answer("pay", &unknown());
    assert_eq!((loan(&scene).payouts[0].state.clone(), scene.effects.len()), (PayoutState::Open, 0));
    let second = trigger(&mut scene, "P2", None, None);
    assert_eq!(scene.refusal(second), Some(RefusalReason::AmountNotAllowed));
}

#[test]
fn an_order_that_the_bank_never_got_goes_out_again_under_a_new_key() {
    let mut scene = granted();
    let triggered = trigger(&mut scene, "P1", None, None);
    let first = scene.asks[0].clone();
    scene.answer("pay", &refused(NEVER_RECEIVED));
    assert!(scene.webhooks.is_empty(), "for the LSP nothing happened");
    assert_eq!(orders(&scene)[0].bank_key, format!("LSP:{}:1:2", loan(&scene).id));
    let status = status(&mut scene, Some("P1"));
    assert_eq!(told(&scene, status), "PendingAuth");
    scene.apply(&first, &paid());
    assert!(scene.journals.is_empty(), "the dead key stays dead");
    scene.answer("pay", &paid());
    assert_eq!(scene.webhooks[0].kind, WebhookKind::DisbursementStatus(triggered));
    assert_eq!(scene.journals.len(), 1);
}

#[test]
fn a_bank_that_never_gets_anything_ends_as_a_failure() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    let mut pauses = Vec::new();
    while !orders(&scene).is_empty() {
        pauses.push(scene.asks[0].not_before.map(|at| (at - scene.now).num_seconds()));
        scene.answer("pay", &refused(NEVER_RECEIVED));
    }
    assert_eq!((pauses, scene.webhooks.len()), (vec![None, Some(0), Some(10), Some(60), Some(300)], 1));
    let told_last = status(&mut scene, None);
    assert_eq!(told(&scene, told_last), "Failure");
}

#[test]
fn the_banks_word_counts_once() {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    let order = scene.asks[0].clone();
    scene.answer("pay", &paid());
    let before = loan(&scene).clone();
    for late in [paid(), refused("RETURNED")] {
        scene.apply(&order, &late);
        assert!(scene.effects.is_empty());
    }
    assert_eq!((loan(&scene), scene.journals.len(), scene.webhooks.len()), (&before, 1, 1));
}

#[test]
fn row_l5_status_by_payment_or_of_the_latest() {
    let mut scene = granted();
    let nothing = status(&mut scene, None);
    assert_eq!(told(&scene, nothing), "LoanNotOpen: nothing");
    trigger(&mut scene, "P1", None, None);
    scene.answer("pay", &refused("ACCOUNT_CLOSED"));
    trigger(&mut scene, "P2", None, None);
    scene.now += Duration::minutes(1);
    let asked = [Some("P1"), Some("P2"), None].map(|payment| status(&mut scene, payment));
    assert_eq!(asked.map(|exchange| told(&scene, exchange)), ["Failure", "PendingAuth", "PendingAuth"]);
}

#[test]
fn a_payout_keeps_the_account_that_it_was_reserved_with() {
    let mut scene = granted();
    let set = set_account(ONE, account("A2"));
    scene.tell(&set);
    trigger(&mut scene, "P1", None, None);
    scene.answer("verify-account", &account_verified());
    scene.answer("pay", &refused(NEVER_RECEIVED));
    assert_eq!(orders(&scene)[0].account, account("A1"));
    assert!(scene.effects.iter().any(|effect| matches!(effect, Effect::SaveLoan(_))));
}
