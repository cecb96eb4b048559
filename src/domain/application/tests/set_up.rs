//! Rows 44 to 51: disbursement plan and account, repayment plan and mandate.

use chrono::Duration;

use super::findings::{account_verified, done, mandate, refused, unknown};
use super::fixtures::{
    account, careful_product, plain_product, set_account, set_account_without_id, set_offer, set_repayment_plan,
    subject,
};
use super::story::ONE;
use super::support::Scene;
use super::words::told;
use crate::domain::application::answer::{Content, RefusalReason};
use crate::domain::application::ask::{Ask, Finding, Outcome};
use crate::domain::application::command::{ChosenAccount, Command};
use crate::domain::application::facets::{Account, AccountTarget, RepaymentSetup};
use crate::domain::application::notice::{Notice, NoticeKind};
use crate::domain::ids::{AccountId, PlanId};
use crate::domain::product::Product;

/// Where set-up is open (rows 45 to 48).
const OPEN: [&str; 4] = ["OFFER_ACCEPTED", "OTP_SENT", "AGREED", "GRANTED"];
/// Where there is no deal, or none that may change.
const CLOSED: [&str; 7] =
    ["PROCESSING", "UNDERWRITING", "OFFERED", "GRANTING", "REJECTED", "ACTION_REQUIRED", "EXPIRED"];

#[test]
fn row_44_plans_and_accounts_are_told_from_the_accepted_offer_on() {
    for stage in ["OFFER_ACCEPTED", "OTP_SENT", "AGREED", "GRANTING", "GRANTED"] {
        let mut scene = Scene::at(stage);
        let plans = scene.tell(&Command::DisbursementPlans(subject(ONE)));
        assert_eq!(told(&scene, plans), "1 plans [Active]", "the only plan is chosen by itself");
        let plans = scene.tell(&Command::RepaymentPlans(subject(ONE)));
        assert!(told(&scene, plans).starts_with("1 plans"));
        let accounts = scene.tell(&Command::DisbursementAccounts(subject(ONE)));
        assert_eq!(scene.refusal(accounts), None);
    }
    for stage in ["RECEIVED", "OFFERED", "ACTION_REQUIRED"] {
        let mut scene = Scene::at(stage);
        for command in [
            Command::DisbursementPlans(subject(ONE)),
            Command::RepaymentPlans(subject(ONE)),
            Command::DisbursementAccounts(subject(ONE)),
        ] {
            let asked = scene.tell(&command);
            assert_eq!(scene.refusal(asked), Some(RefusalReason::WrongState));
        }
    }
}

#[test]
fn row_45_a_plan_of_the_offer_is_set() {
    for stage in OPEN {
        let mut scene = Scene::at(stage);
        let plan = scene.deal(ONE).offer.disbursement_plans[0].id.clone();
        let set = scene.tell(&Command::SetDisbursementPlan(subject(ONE), plan));
        assert_eq!(told(&scene, set), "Active");
        let foreign = PlanId::from("DP-elsewhere");
        let set = scene.tell(&Command::SetDisbursementPlan(subject(ONE), foreign));
        assert_eq!(told(&scene, set), "UnknownPlan: Inactive");
    }
}

#[test]
fn row_46_an_account_counts_once_the_bank_knows_its_holder() {
    for stage in OPEN {
        let mut scene = Scene::at(stage);
        let set = scene.tell(&set_account(ONE, account("A2")));
        assert_eq!(scene.reply(set), None);
        scene.answer("verify-account", &account_verified());
        assert_eq!(told(&scene, set), "Active");
        assert_eq!(scene.deal(ONE).account.active(), Some(&account("A2")));
        let known = ChosenAccount::Known(AccountId::from("A2"));
        let again = scene.tell(&Command::SetDisbursementAccount(subject(ONE), known));
        assert_eq!(told(&scene, again), "Active");
    }
}

#[test]
fn row_46_an_account_without_an_id_has_one_of_its_application_and_keeps_it() {
    let names = [ONE, "LA-2"];
    let mut scene = Scene::several(plain_product(), &names, "OFFER_ACCEPTED");
    let ids = names.map(|name| {
        scene.tell(&set_account_without_id(name, account("A1")));
        scene.answer("verify-account", &account_verified());
        scene.deal(name).account.active().expect("an account").id.clone()
    });
    assert_ne!(ids[0], ids[1]);
    scene.tell(&set_account_without_id(ONE, account("A1")));
    assert!(!scene.asked().contains(&"verify-account"), "it is the same account");
    // One that stands from an earlier version has its number in its id, and keeps it.
    let mut scene = Scene::at("AGREED");
    scene.tell(&set_account(ONE, account("ACC-OLD")));
    scene.answer("verify-account", &account_verified());
    let again = scene.tell(&set_account_without_id(ONE, account("ACC-OLD")));
    assert_eq!(told(&scene, again), "Active");
    assert_eq!(scene.deal(ONE).account.active(), Some(&account("ACC-OLD")));
}

#[test]
fn never_more_than_a_third_of_an_account_is_shown() {
    let masked = |vpa: &str| Account { target: AccountTarget::Vpa { vpa: vpa.to_owned() }, ..account("A") }.masked();
    assert_eq!(["12", "noat", "asha@aa", "9876543210@ok"].map(masked), ["XX", "XXXt", "XXXXXaa", "XXXXXXXXX0@ok"]);
}

#[test]
fn row_47_a_failed_check_keeps_the_earlier_account() {
    for (outcome, answer) in [(refused("NAME"), "AccountRefused: Inactive"), (unknown(), "SourceUnavailable: Inactive")]
    {
        let mut scene = Scene::at("AGREED");
        scene.tell(&set_account(ONE, account("A1")));
        scene.answer("verify-account", &account_verified());
        let set = scene.tell(&set_account(ONE, account("A2")));
        scene.answer("verify-account", &outcome);
        assert_eq!(told(&scene, set), answer);
        assert_eq!(scene.deal(ONE).account.active(), Some(&account("A1")));
    }
}

#[test]
fn row_47_an_account_that_is_refused_does_not_bear_the_id_of_the_one_in_force() {
    let mut scene = Scene::at("AGREED");
    scene.tell(&set_account(ONE, account("A1")));
    scene.answer("verify-account", &account_verified());
    let ids = |scene: &Scene, exchange| match &scene.reply(exchange).expect("an answer").content {
        Content::Account { account } => vec![(account.id.clone(), account.active)],
        Content::Accounts { accounts } => accounts.iter().map(|one| (one.id.clone(), one.active)).collect(),
        content => panic!("{content:?}"),
    };
    // The same number under another name has the same id.
    let renamed = Account { holder: Some("Somebody Else".to_owned()), ..account("A1") };
    let set = scene.tell(&set_account(ONE, renamed));
    let both = scene.tell(&Command::DisbursementAccounts(subject(ONE)));
    assert_eq!(ids(&scene, both), [("A1".to_owned(), true), ("A1-NOT-SET".to_owned(), false)]);
    scene.answer("verify-account", &refused("NAME"));
    assert_eq!(ids(&scene, set), [("A1-NOT-SET".to_owned(), false)]);
    let wallet = Account { kind: Some("WALLET".to_owned()), ..account("A1") };
    let never = scene.tell(&set_account(ONE, wallet));
    assert_eq!(ids(&scene, never), [("A1-NOT-SET".to_owned(), false)]);
    let stands = scene.tell(&Command::DisbursementAccounts(subject(ONE)));
    assert_eq!(ids(&scene, stands), [("A1".to_owned(), true)]);
}

#[test]
fn row_47_no_loan_is_paid_into_somebody_elses_pot() {
    let lsp_own = AccountTarget::Account { ifsc: "HDFC0000001".to_owned(), number: "999900001111".to_owned() };
    let cases = [
        Account { kind: Some("PREPAID_WALLET".to_owned()), ..account("A1") },
        Account { kind: Some("escrow".to_owned()), ..account("A1") },
        Account { target: lsp_own, ..account("A1") },
    ];
    for refused in cases {
        let mut scene = Scene::under(plain_product(), "AGREED");
        let set = scene.tell(&set_account(ONE, refused));
        assert_eq!(told(&scene, set), "AccountRefused: Inactive");
        assert!(scene.asks.is_empty(), "the bank is not even asked");
    }
}

#[test]
fn row_46_the_account_named_last_is_the_one_that_counts() {
    let mut scene = Scene::at("AGREED");
    scene.tell(&set_account(ONE, account("A1")));
    scene.answer("verify-account", &account_verified());
    let other = scene.tell(&set_account(ONE, account("A2")));
    let back = scene.tell(&set_account(ONE, account("A1")));
    assert_eq!(told(&scene, back), "Active");
    scene.answer("verify-account", &account_verified());
    assert_eq!(told(&scene, other), "AccountRefused: Inactive");
    assert_eq!(scene.deal(ONE).account.active(), Some(&account("A1")));
}

#[test]
fn rows_45_to_48_are_closed_elsewhere() {
    for stage in CLOSED {
        let mut scene = Scene::at(stage);
        let before = scene.app(ONE).stage.clone();
        for command in [
            Command::SetDisbursementPlan(subject(ONE), PlanId::from("DP")),
            set_account(ONE, account("A9")),
            set_repayment_plan(ONE, &PlanId::from("RP")),
        ] {
            let asked = scene.tell(&command);
            assert_eq!(scene.refusal(asked), Some(RefusalReason::WrongState));
        }
        assert_eq!(scene.app(ONE).stage, before);
    }
}

#[test]
fn rows_45_to_47_close_when_money_is_reserved() {
    let mut scene = Scene::at("GRANTED");
    scene.trigger_payment("P1");
    let set = scene.tell(&set_account(ONE, account("A9")));
    assert_eq!(scene.refusal(set), Some(RefusalReason::WrongState));
    scene.answer("pay", &refused("CLOSED_ACCOUNT"));
    scene.tell(&set_account(ONE, account("A9")));
    assert_eq!(scene.asked(), ["verify-account"], "a failed payout frees the account");
}

#[test]
fn row_48_a_mandate_waits_for_the_borrower() {
    let mut scene = Scene::at("OFFER_ACCEPTED");
    let plan = scene.repayment_plan(ONE);
    let set = scene.tell(&set_repayment_plan(ONE, &plan));
    assert_eq!((scene.reply(set), scene.deal(ONE).repayment.name()), (None, "PENDING_AUTH"));
    let again = scene.tell(&set_repayment_plan(ONE, &plan));
    scene.answer("register-mandate", &mandate("M1"));
    for exchange in [set, again] {
        assert_eq!(told(&scene, exchange), "PendingAuth + page");
    }
    assert!(scene.asked().contains(&"status"));
    let third = scene.tell(&set_repayment_plan(ONE, &plan));
    assert_eq!(told(&scene, third), "PendingAuth + page");
}

#[test]
fn row_48_without_a_mandate_the_plan_is_active_at_once() {
    let mut scene = Scene::under(plain_product(), "OFFER_ACCEPTED");
    let plan = scene.repayment_plan(ONE);
    let set = scene.tell(&set_repayment_plan(ONE, &plan));
    assert_eq!(told(&scene, set), "Active");
    let set = scene.tell(&set_repayment_plan(ONE, &PlanId::from("RP-elsewhere")));
    assert_eq!(told(&scene, set), "UnknownPlan: Inactive");
}

#[test]
fn row_48_a_mandate_that_cannot_be_registered_may_be_tried_again() {
    for outcome in [refused("NPCI"), unknown()] {
        let mut scene = Scene::at("OFFER_ACCEPTED");
        let plan = scene.repayment_plan(ONE);
        let set = scene.tell(&set_repayment_plan(ONE, &plan));
        scene.answer("register-mandate", &outcome);
        assert_eq!(told(&scene, set), "MandateRefused: Inactive");
        scene.tell(&set_repayment_plan(ONE, &plan));
        assert!(scene.asked().contains(&"register-mandate"));
    }
}

#[test]
fn row_48_a_new_choice_of_offer_answers_who_waits_for_the_old_mandate() {
    let mut scene = Scene::at("OFFER_ACCEPTED");
    let plan = scene.repayment_plan(ONE);
    let set = scene.tell(&set_repayment_plan(ONE, &plan));
    let other = scene.deal(ONE).others[0].id.clone();
    scene.tell(&set_offer(ONE, &other));
    let answer = scene.reply(set).expect("an answer");
    let Content::Plan { plan: shown } = &answer.content else { panic!("a plan") };
    assert_eq!((told(&scene, set).as_str(), &shown.id), ("MandateRefused: Inactive", &plan));
    scene.answer("register-mandate", &mandate("M1"));
    assert!(scene.asked().contains(&"cancel"), "what came too late is cancelled");
    assert_eq!(scene.deal(ONE).repayment.name(), "NONE");
}

#[test]
fn rows_49_and_50_the_borrower_decides_and_the_lsp_is_told_unasked() {
    let cases = [
        (done(Finding::MandateActive), "ACTIVE"),
        (done(Finding::MandateInactive), "INACTIVE"),
        (refused("CANCELLED"), "INACTIVE"),
    ];
    for (outcome, state) in cases {
        let mut scene = Scene::at("OFFER_ACCEPTED");
        let plan = scene.repayment_plan(ONE);
        scene.tell(&set_repayment_plan(ONE, &plan));
        scene.answer("register-mandate", &mandate("M1"));
        scene.answer("status", &outcome);
        assert_eq!((scene.deal(ONE).repayment.name(), scene.webhooks.len()), (state, 1));
    }
}

#[test]
fn row_50_a_link_that_nobody_used_dies_and_its_mandate_with_it() {
    let mut scene = Scene::at("OFFER_ACCEPTED");
    let plan = scene.repayment_plan(ONE);
    scene.tell(&set_repayment_plan(ONE, &plan));
    scene.answer("register-mandate", &mandate("M1"));
    scene.wait(Duration::hours(25));
    assert_eq!((scene.deal(ONE).repayment.name(), scene.webhooks.len()), ("INACTIVE", 1));
    scene.answer("status", &done(Finding::MandateActive));
    assert_eq!(scene.deal(ONE).repayment.name(), "INACTIVE", "too late");
    assert!(scene.asked().contains(&"cancel"));
}

#[test]
fn row_51_the_status_of_a_plan_is_told_at_any_time() {
    let mut scene = Scene::at("OFFER_ACCEPTED");
    let plan = scene.repayment_plan(ONE);
    let status = Command::RepaymentPlanStatus(plan.clone());
    let none = scene.tell(&status);
    scene.tell(&set_repayment_plan(ONE, &plan));
    scene.answer("register-mandate", &mandate("M1"));
    let pending = scene.tell(&status);
    look(&mut scene, &still_pending());
    scene.answer("status", &done(Finding::MandateActive));
    let active = scene.tell(&status);
    scene.answer("status", &done(Finding::MandateActive));
    let answers = [none, pending, active].map(|exchange| told(&scene, exchange));
    assert_eq!(answers, ["Inactive", "PendingAuth + page", "Active + page"]);
}

/// What the collection system says to the request that waits for its word.
fn look(scene: &mut Scene, outcome: &Outcome) {
    let waited_for = scene.asks.iter().position(|new| new.exchange.is_some() && new.ask.method() == "status");
    let new = scene.asks.remove(waited_for.expect("a request waits"));
    scene.apply(&new, outcome);
}

fn still_pending() -> Outcome {
    let poll_after = "2026-11-02T06:30:00Z".parse().unwrap();
    Outcome::Pending { reference: "M1".to_owned(), poll_after, url: None }
}

#[test]
fn row_51_who_asks_about_a_mandate_that_waits_is_told_what_it_is_now() {
    let cases = [
        (done(Finding::MandateActive), "Active + page", "ACTIVE"),
        (refused("EXPIRED"), "Inactive", "INACTIVE"),
        (unknown(), "SourceUnavailable: PendingAuth + page", "PENDING_AUTH"),
        (still_pending(), "PendingAuth + page", "PENDING_AUTH"),
    ];
    for (outcome, answer, state) in cases {
        let mut scene = Scene::at("AGREED");
        let plan = scene.repayment_plan(ONE);
        scene.tell(&set_repayment_plan(ONE, &plan));
        scene.answer("register-mandate", &mandate("M1"));
        let asked = scene.tell(&Command::RepaymentPlanStatus(plan));
        assert_eq!(scene.reply(asked), None, "the collection system knows better");
        look(&mut scene, &outcome);
        assert_eq!((told(&scene, asked).as_str(), scene.deal(ONE).repayment.name()), (answer, state));
        assert!(scene.asked().ends_with(&["status"]), "the question of the registration goes on");
    }
}

#[test]
fn row_51_a_mandate_that_was_cancelled_since_is_told_to_who_asks_and_unasked() {
    for stage in ["AGREED", "GRANTED"] {
        let mut scene = Scene::at(stage);
        if stage == "AGREED" {
            scene.set_up(ONE);
        }
        let plan = scene.repayment_plan(ONE);
        let before = scene.webhooks.len();
        let asked = scene.tell(&Command::RepaymentPlanStatus(plan.clone()));
        scene.answer("status", &done(Finding::MandateInactive));
        assert_eq!((told(&scene, asked).as_str(), scene.webhooks.len()), ("Inactive", before + 1));
        let cancelled = RepaymentSetup::Inactive { plan, cancelled: Some("M1".to_owned()) };
        assert_eq!(scene.deal(ONE).repayment, cancelled);
    }
}

#[test]
fn row_51_who_cannot_be_asked_is_not_taken_for_a_cancellation() {
    let mut scene = Scene::at("GRANTED");
    let asked = scene.tell(&Command::RepaymentPlanStatus(scene.repayment_plan(ONE)));
    scene.answer("status", &unknown());
    assert_eq!(told(&scene, asked), "SourceUnavailable: Active + page");
    assert_eq!(scene.deal(ONE).repayment.name(), "ACTIVE");
}

/// The payout account of an application that is signed, or granted, is changed from A1 to A2.
fn redirected(stage: &str, hours: u32) -> Scene {
    let mut scene = Scene::under(Product { payout_cool_down_hours: hours, ..careful_product() }, stage);
    if stage != "GRANTED" {
        scene.tell(&set_account(ONE, account("A1")));
        scene.answer("verify-account", &account_verified());
    }
    assert!(!scene.asked().contains(&"send"), "a first account is no change");
    scene.tell(&set_account(ONE, account("A2")));
    scene.answer("verify-account", &account_verified());
    scene
}

#[test]
fn row_46_the_borrower_is_told_when_the_payout_account_is_changed_after_the_signature() {
    for stage in ["AGREED", "GRANTED"] {
        let scene = redirected(stage, 0);
        let notices: Vec<&Notice> = scene
            .asks
            .iter()
            .filter_map(|new| if let Ask::Notify(notice) = &new.ask { Some(notice) } else { None })
            .collect();
        let [notice] = notices.as_slice() else { panic!("{notices:?}") };
        assert_eq!(notice.kind, NoticeKind::PayoutAccountChanged);
        assert!(notice.text.bytes().all(|byte| !byte.is_ascii_digit()), "no account number: {}", notice.text);
        assert_eq!(scene.deal(ONE).account.payable_from(), None);
    }
    assert!(!redirected("OFFER_ACCEPTED", 24).asked().contains(&"send"), "the signature comes after it");
}

#[test]
fn row_46_a_changed_account_waits_out_the_time_that_its_product_says() {
    let mut scene = redirected("GRANTED", 24);
    let early = scene.trigger_payment("P1");
    assert_eq!(scene.refusal(early), Some(RefusalReason::LoanNotOpen));
    scene.tell(&set_account(ONE, account("A3")));
    scene.answer("verify-account", &refused("NAME"));
    let known = ChosenAccount::Known(AccountId::from("A2"));
    scene.tell(&Command::SetDisbursementAccount(subject(ONE), known));
    let early = scene.trigger_payment("P1");
    assert_eq!(scene.refusal(early), Some(RefusalReason::LoanNotOpen), "no detour makes it shorter");
    assert!(!scene.asked().contains(&"pay"));
    scene.now += Duration::hours(24);
    let in_time = scene.trigger_payment("P1");
    assert_eq!(scene.refusal(in_time), None);
    assert!(scene.asked().contains(&"pay"));
}
