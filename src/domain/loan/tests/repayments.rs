//! Rows L6 to L10 under the LSP's own payment ids: the same id is the same payment, whatever has become of it.

use chrono::Duration;

use super::{granted, loan, trigger};
use crate::domain::application::answer::{Content, RefusalReason};
use crate::domain::application::ask::{Ask, Finding};
use crate::domain::application::command::{Command, RepaymentOrder};
use crate::domain::application::decision::{Effect, Webhook, WebhookKind};
use crate::domain::application::tests::findings::{done, paid, refused};
use crate::domain::application::tests::fixtures::rupees;
use crate::domain::application::tests::story::ONE;
use crate::domain::application::tests::support::Scene;
use crate::domain::application::tests::words::told;
use crate::domain::ids::{ExchangeId, PaymentId};
use crate::domain::loan::account::{Account, Purpose};
use crate::domain::loan::checks;
use crate::domain::loan::content::{RepaymentContent, RepaymentStatus};
use crate::domain::loan::quote::Quotes;
use crate::domain::loan::repayment::{PaymentState, refusal_for};

fn running() -> Scene {
    let mut scene = granted();
    trigger(&mut scene, "P1", None, None);
    scene.answer("pay", &paid());
    scene
}

fn order(id: Option<&str>, amount: Option<&str>) -> RepaymentOrder {
    RepaymentOrder {
        id: id.map(PaymentId::from),
        purpose: Purpose::Instalment,
        amount: amount.map(rupees),
        instalment: None,
        quote: None,
        method: None,
    }
}

fn ask(scene: &mut Scene, order: RepaymentOrder) -> ExchangeId {
    let loan_id = scene.loan_id(ONE);
    scene.tell(&Command::TriggerRepayment { loan_id, order })
}

fn status(scene: &mut Scene, id: &str) -> ExchangeId {
    let loan_id = Some(scene.loan_id(ONE));
    scene.tell(&Command::RepaymentStatus { loan_id, payment_id: Some(PaymentId::from(id)) })
}

fn shown(scene: &Scene, exchange: ExchangeId) -> RepaymentContent {
    match &scene.reply(exchange).expect("an answer").content {
        Content::Repayment(content) => content.clone(),
        content => panic!("{content:?}"),
    }
}

fn open_page(scene: &mut Scene) {
    let url = "https://pay.example/1".to_owned();
    scene.answer("payment-link", &done(Finding::LinkCreated { reference: "L1".to_owned(), url }));
}

fn collect(scene: &mut Scene) {
    let value_date = "2026-11-02".parse().unwrap();
    scene.answer("status", &done(Finding::Collected { utr: "UTR9".to_owned(), value_date, amount: None }));
}

fn pages(scene: &Scene) -> usize {
    scene.asks.iter().filter(|new| matches!(new.ask, Ask::PaymentLink(_))).count()
}

#[test]
fn both_ids_name_the_payment_and_both_are_told() {
    let mut scene = running();
    let asked = ask(&mut scene, order(Some("MINE"), Some("1000")));
    open_page(&mut scene);
    let told = shown(&scene, asked);
    let ours = format!("PAY-{}-1", loan(&scene).id);
    assert_eq!((told.payment_id.as_str(), told.asked_id), (ours.as_str(), Some(PaymentId::from("MINE"))));
    for id in ["MINE", &ours] {
        let by_id = status(&mut scene, id);
        let told = shown(&scene, by_id);
        assert_eq!((told.payment_id.as_str(), told.asked_id), (ours.as_str(), Some(PaymentId::from("MINE"))), "{id}");
    }
    collect(&mut scene);
    let Content::Repayment(confirmed) = &scene.webhooks.last().expect("a confirmation").content else { panic!() };
    assert_eq!(confirmed.asked_id, Some(PaymentId::from("MINE")));
}

#[test]
fn the_same_intent_again_opens_no_second_page_whatever_became_of_the_first() {
    let mut scene = running();
    ask(&mut scene, order(Some("MINE"), Some("1000")));
    let early = ask(&mut scene, order(Some("MINE"), None));
    assert_eq!((told(&scene, early).as_str(), pages(&scene)), ("PendingAuth", 1), "its page is being made");
    open_page(&mut scene);
    let open = ask(&mut scene, order(Some("MINE"), Some("1000")));
    assert!(shown(&scene, open).url.is_some());
    collect(&mut scene);
    let ended = ask(&mut scene, order(Some("MINE"), Some("1000")));
    assert_eq!(told(&scene, ended), "Success");
    let by_our_id = format!("PAY-{}-1", loan(&scene).id);
    let ended = ask(&mut scene, order(Some(&by_our_id), None));
    assert_eq!(told(&scene, ended), "Success", "the LSP uses the lender's id from then on");
    assert_eq!((pages(&scene), loan(&scene).payment_count), (0, 1));
    let other = ask(&mut scene, order(Some("NEXT"), Some("1000")));
    assert_eq!((scene.reply(other).is_none(), pages(&scene)), (true, 1), "another intent is another payment");
}

#[test]
fn a_failed_payment_is_not_tried_again_under_its_id() {
    let mut scene = running();
    ask(&mut scene, order(Some("MINE"), Some("1000")));
    open_page(&mut scene);
    scene.answer("status", &refused("EXPIRED"));
    let again = ask(&mut scene, order(Some("MINE"), Some("1000")));
    assert_eq!((told(&scene, again).as_str(), pages(&scene)), ("Failure", 0));
}

#[test]
fn another_order_under_a_known_id_is_refused_and_starts_nothing() {
    let mut scene = running();
    ask(&mut scene, order(Some("MINE"), Some("1000")));
    open_page(&mut scene);
    let before = loan(&scene).clone();
    let foreclosure = RepaymentOrder { purpose: Purpose::Foreclosure, ..order(Some("MINE"), None) };
    let third = RepaymentOrder { instalment: Some(3), ..order(Some("MINE"), None) };
    for other in [order(Some("MINE"), Some("999")), foreclosure, third] {
        let asked = ask(&mut scene, other);
        assert_eq!(told(&scene, asked), "RepaymentAmount: PendingAuth");
        assert_eq!(shown(&scene, asked).asked_id, Some(PaymentId::from("MINE")));
    }
    assert_eq!((loan(&scene), pages(&scene)), (&before, 0));
}

#[test]
fn a_refusal_echoes_the_id_that_was_sent() {
    let mut scene = running();
    let refused = ask(&mut scene, order(Some("MINE"), Some("99999")));
    assert_eq!(scene.refusal(refused), Some(RefusalReason::RepaymentAmount));
    assert_eq!(shown(&scene, refused).payment_id, PaymentId::from("MINE"));
    let nameless = ask(&mut scene, order(None, Some("99999")));
    assert_eq!(shown(&scene, nameless).payment_id, PaymentId::from("NONE"));
    let possible = ask(&mut scene, order(Some("MINE"), Some("1000")));
    assert_eq!((scene.reply(possible).is_none(), pages(&scene)), (true, 1), "what was refused took the id for nothing");
}

#[test]
fn a_further_id_for_the_open_page_means_it_too() {
    let mut scene = running();
    ask(&mut scene, order(Some("MINE"), Some("1000")));
    open_page(&mut scene);
    let second = ask(&mut scene, order(Some("TWO"), Some("1000")));
    let told = shown(&scene, second);
    assert_eq!((told.asked_id, loan(&scene).payment_count), (Some(PaymentId::from("TWO")), 1));
    let by_second = status(&mut scene, "TWO");
    assert_eq!(shown(&scene, by_second).payment_id, told.payment_id);
    for number in 3..=60 {
        ask(&mut scene, order(Some(&format!("N{number}")), Some("1000")));
    }
    let last = scene.replies.last().expect("an answer").exchange;
    assert_eq!(scene.refusal(last), Some(RefusalReason::PaymentUnderWay), "the list of ids has an end");
    assert_eq!(loan(&scene).payments[0].asked.len(), 50);
}

#[test]
fn what_was_collected_for_less_than_was_asked_agrees_with_what_was_asked() {
    let mut scene = running();
    ask(&mut scene, order(Some("FIRST"), Some("9000")));
    ask(&mut scene, order(Some("SECOND"), Some("8000")));
    open_page(&mut scene);
    // The first page is closed before the second opens, but it has taken money.
    let value_date = "2026-11-02".parse().unwrap();
    let took = Finding::Collected { utr: "UTR1".to_owned(), value_date, amount: None };
    scene.answer("cancel", &done(took));
    let asked = loan(&scene).payments.iter().find(|payment| payment.asked[0].id == PaymentId::from("SECOND")).cloned();
    let second = asked.expect("the second payment goes on");
    assert!(second.amount < rupees("8000"), "{second:?}");
    let again = ask(&mut scene, order(Some("SECOND"), Some("8000")));
    assert_eq!(told(&scene, again), "PendingAuth");
}

#[test]
fn a_hint_has_the_open_page_asked_about_and_moves_nothing() {
    let mut scene = running();
    let loan_id = Some(scene.loan_id(ONE));
    let hint = Command::RepaymentHint { loan_id, payment_id: None };
    let hastens = |scene: &Scene| scene.effects.iter().any(|effect| matches!(effect, Effect::Hasten(_)));
    scene.tell(&hint);
    assert!(!hastens(&scene), "nothing is collected");
    ask(&mut scene, order(Some("MINE"), Some("1000")));
    open_page(&mut scene);
    scene.wait(Duration::minutes(5));
    let before = loan(&scene).clone();
    scene.tell(&hint);
    assert!(hastens(&scene));
    assert_eq!(loan(&scene), &before);
    collect(&mut scene);
    scene.tell(&hint);
    assert!(!hastens(&scene), "it has ended");
}

#[test]
fn an_open_page_is_told_with_what_it_would_settle_today() {
    let mut scene = running();
    scene.wait(Duration::days(40));
    let asked = ask(&mut scene, order(Some("MINE"), None));
    open_page(&mut scene);
    let foreseen = shown(&scene, asked);
    let (amount, split) = (foreseen.amount.expect("an amount"), foreseen.split.expect("a split"));
    assert!(split.interest.is_positive() && split.principal.is_positive(), "{split:?}");
    assert_eq!(split.total(), amount);
    let by_status = status(&mut scene, "MINE");
    assert_eq!(shown(&scene, by_status).split, Some(split));
    let today = (scene.now + Duration::minutes(330)).date_naive();
    let took = Finding::Collected { utr: "UTR9".to_owned(), value_date: today, amount: None };
    scene.answer("status", &done(took));
    let settled = status(&mut scene, "MINE");
    assert_eq!(shown(&scene, settled).split, Some(split), "it settled just that");
}

#[test]
fn a_failed_payment_would_settle_nothing() {
    let mut scene = running();
    ask(&mut scene, order(Some("MINE"), Some("1000")));
    open_page(&mut scene);
    scene.answer("status", &refused("EXPIRED"));
    let by_status = status(&mut scene, "MINE");
    assert_eq!(shown(&scene, by_status).split, None);
}

fn quotes(scene: &mut Scene) -> Quotes {
    let loan_id = scene.loan_id(ONE);
    let summary = scene.tell(&Command::LoanSummary(loan_id));
    match &scene.reply(summary).expect("an answer").content {
        Content::Summary(summary) => summary.quotes.clone(),
        content => panic!("{content:?}"),
    }
}

fn pay_off(quote: Option<&str>) -> RepaymentOrder {
    RepaymentOrder { purpose: Purpose::Foreclosure, quote: quote.map(str::to_owned), ..order(None, None) }
}

#[test]
fn a_quote_holds_for_its_day_and_until_something_changes_the_amount() {
    let mut scene = running();
    scene.wait(Duration::days(40));
    let quote = quotes(&mut scene).foreclosure.expect("a quote");
    assert_eq!(quotes(&mut scene).foreclosure.as_ref(), Some(&quote), "asked again it is the same");
    assert!(quotes(&mut scene).cooling_off_exit.is_none(), "the time for it is over");
    let asked = ask(&mut scene, pay_off(Some(&quote.id)));
    open_page(&mut scene);
    let told = shown(&scene, asked);
    assert_eq!(told.quote.as_ref(), Some(&quote.id));
    assert!(told.expires_at.unwrap() <= quote.valid_till + Duration::milliseconds(1));

    let mut next_day = scene.clone();
    next_day.wait(Duration::days(1));
    let late = ask(&mut next_day, pay_off(Some(&quote.id)));
    assert_eq!(next_day.refusal(late), Some(RefusalReason::RepaymentAmount));
    let today = quotes(&mut next_day).foreclosure.expect("a quote");
    assert!(today.id != quote.id && today.hash != quote.hash);

    let mut paid_a_part = running();
    paid_a_part.wait(Duration::days(40));
    ask(&mut paid_a_part, order(None, Some("100")));
    open_page(&mut paid_a_part);
    let value_date = (paid_a_part.now + Duration::minutes(330)).date_naive();
    paid_a_part.answer("status", &done(Finding::Collected { utr: "U".to_owned(), value_date, amount: None }));
    let stale = ask(&mut paid_a_part, pay_off(Some(&quote.id)));
    assert_eq!(paid_a_part.refusal(stale), Some(RefusalReason::RepaymentAmount), "the amount is another one now");
    let unnamed = ask(&mut paid_a_part, pay_off(None));
    open_page(&mut paid_a_part);
    assert_eq!(shown(&paid_a_part, unnamed).quote, quotes(&mut paid_a_part).foreclosure.map(|quote| quote.id));
}

#[test]
fn a_pay_off_that_waited_is_for_what_it_takes_on_the_day_it_opens() {
    let mut scene = running();
    scene.wait(Duration::days(40));
    ask(&mut scene, order(None, Some("100")));
    open_page(&mut scene);
    let waiting = ask(&mut scene, pay_off(None));
    let of = |scene: &Scene| {
        let found = loan(scene).payments.iter().find(|payment| payment.purpose == Purpose::Foreclosure);
        found.expect("a pay-off").clone()
    };
    let asked = of(&scene);
    assert_eq!(asked.state, PaymentState::Waiting, "for the page that is being closed");

    scene.wait(Duration::days(1));
    scene.answer("cancel", &refused("CANCELLED"));
    let now = quotes(&mut scene).foreclosure.expect("a quote");
    let opening = of(&scene);
    assert!(opening.amount > asked.amount, "a day's interest");
    assert_eq!(opening.quote.as_ref(), Some(&now.id));
    assert!(opening.expires_at.is_some_and(|end| end > scene.now), "its page is open");
    open_page(&mut scene);
    assert_eq!(shown(&scene, waiting).amount, Some(opening.amount));
}

#[test]
fn who_has_paid_enough_already_leaves_without_paying() {
    for purpose in [Purpose::Foreclosure, Purpose::CoolingOffExit] {
        let mut scene = running();
        let today = (scene.now + Duration::minutes(330)).date_naive().to_string();
        let whole = loan(&scene).account.as_ref().unwrap().foreclosure(today.parse().unwrap()).unwrap().total;
        let much = whole.saturating_add(rupees("2000.00")).to_string();
        scene.operate(ONE, &super::acts::receipt(&much, &today, Purpose::Instalment)).unwrap();
        scene.asks.clear();
        let told = ask(&mut scene, RepaymentOrder { purpose, ..order(Some("MINE"), None) });
        let content = shown(&scene, told);
        assert_eq!((content.status, content.amount), (Some(RepaymentStatus::Success), Some(rupees("0.00"))));
        assert!(!scene.asked().contains(&"payment-link"));
        let account = loan(&scene).account.as_ref().unwrap();
        assert!(account.is_closed() && account.excess >= rupees("2000.00"), "{:?}", account.excess);
        assert_eq!(checks::of_loan(loan(&scene)), None);
    }
}

#[test]
fn a_pay_off_that_was_paid_under_its_quote_ends_the_loan_on_the_banks_next_day() {
    let mut scene = running();
    scene.wait(Duration::days(18));
    ask(&mut scene, RepaymentOrder { purpose: Purpose::Foreclosure, ..order(None, None) });
    open_page(&mut scene);
    let next = (scene.now + Duration::minutes(330)).date_naive().succ_opt().unwrap();
    scene.wait(Duration::days(1));
    let collected = Finding::Collected { utr: "UTR9".to_owned(), value_date: next, amount: None };
    scene.answer("status", &done(collected));
    assert!(loan(&scene).is_over(), "{:?}", loan(&scene).account.as_ref().map(Account::balance));
}

#[test]
fn a_hint_about_money_that_came_has_it_confirmed_once_more() {
    let mut scene = running();
    ask(&mut scene, order(Some("MINE"), Some("1000")));
    open_page(&mut scene);
    collect(&mut scene);
    let confirms = |scene: &Scene| {
        let is = |hook: &&Webhook| matches!(hook.kind, WebhookKind::ConfirmRepayment(_));
        scene.webhooks.iter().filter(is).count()
    };
    assert_eq!(confirms(&scene), 1);
    let (loan_id, payment_id) = (Some(scene.loan_id(ONE)), Some(PaymentId::from("MINE")));
    scene.tell(&Command::RepaymentHint { loan_id, payment_id });
    assert_eq!(confirms(&scene), 2);
}

#[test]
fn a_payment_that_another_one_replaced_is_no_failure_of_the_rail() {
    let mut scene = running();
    ask(&mut scene, order(Some("FIRST"), Some("1000")));
    open_page(&mut scene);
    let second = ask(&mut scene, order(Some("SECOND"), Some("2000")));
    ask(&mut scene, order(Some("THIRD"), Some("3000")));
    assert_eq!(scene.refusal(second), Some(RefusalReason::NothingDue));
    assert_eq!(refusal_for("there is no valid mandate"), RefusalReason::RepaymentRail);
}
