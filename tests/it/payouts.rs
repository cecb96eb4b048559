//! Money leaves once per tranche, whatever payment id asks, whatever the bank says (`ocen-v3.md` §6.5, design §6).

use std::sync::Arc;

use chrono::{Duration, SubsecRound as _};
use ocen_lender::domain::application::ask::{Ask, NEVER_RECEIVED, NewAsk, Outcome};
use ocen_lender::domain::application::decision::OrderFate;
use ocen_lender::lender::Port;
use ocen_lender::store::ask::{self, Detail, Settlement};
use ocen_lender::store::{ask_desk, ask_money};
use serde_json::{Value, json};
use sqlx::{Executor as _, PgConnection, Row as _};
use tokio::task::JoinSet;

use crate::support::bodies::{self, path};
use crate::support::database;
use crate::support::flow::{Flow, Loan};
use crate::support::lsp::{Callback, TestLsp};
use crate::support::port::{Reply, Seen, Steered};
use crate::support::server::{Options, Server};
use crate::support::sql;

/// An account to which the simulated bank finally refuses every credit.
const REFUSING_ACCOUNT: &str = "502199900000701";

/// A loan that was granted and not paid out.
async fn granted(server: &Server, lsp: &TestLsp) -> Loan {
    Flow { server, lsp }.granted(1).await.remove(0)
}

/// A server whose bank does what a test says about payments.
async fn with_bank(bank: &Arc<Steered>) -> Server {
    let port: Arc<dyn Port> = Arc::clone(bank) as _;
    Server::start_with(Options { port: Some(("disbursement", port)), ..Options::default() }).await
}

fn bank(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Arc<Steered> {
    Steered::new(move |call| match call.ask {
        Ask::Pay(_) => script(call),
        _ => Reply::Usual,
    })
}

fn unknown() -> Reply {
    Reply::With(Outcome::Unknown { reference: None })
}

fn refused(code: &str) -> Outcome {
    Outcome::Refused { code: code.to_owned(), detail: "no".to_owned() }
}

fn trigger(loan: &Loan, payment: &str) -> Value {
    let amount = &loan.offer["terms"]["sanctionedAmount"];
    json!({"loanId": loan.loan_id, "payment": {"id": payment, "totalAmount": amount}})
}

/// State and attempt of every payout of a loan.
async fn payouts(server: &Server, loan: &Loan) -> Vec<(String, i64)> {
    let shown = server.get(&format!("/admin/loans/{}", loan.loan_id)).await;
    let row = |row: &Value| (row["state"].as_str().unwrap().to_owned(), row["attempt"].as_i64().unwrap());
    shown["payouts"].as_array().unwrap().iter().map(row).collect()
}

/// Whether a message tells unasked that money moved.
fn moved(callback: &Callback) -> bool {
    callback.path.contains("Status") && callback.body["payment"]["status"] == "SUCCESS"
}

/// Nothing is under way any more: every worker of the server has ended.
async fn ended(server: &Server) {
    server.app.stop.cancel();
    server.app.tasks.close();
    server.app.tasks.wait().await;
}

async fn set_account(lsp: &TestLsp, loan: &Loan, number: &str) -> Value {
    let account = bodies::account(number, bodies::NAME);
    lsp.ask(path::SET_ACCOUNT, json!({"loanApplicationId": loan.application, "account": account})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tranche_is_paid_once_whoever_asks_again() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loan = granted(&server, &lsp).await;
    let flow = Flow { server: &server, lsp: &lsp };
    let paid = flow.disburse(&loan, "DISB-1").await;

    let again = lsp.ask(path::TRIGGER_DISBURSEMENT, trigger(&loan, "DISB-1")).await;
    let other = lsp.ask(path::TRIGGER_DISBURSEMENT, trigger(&loan, "DISB-2")).await;

    assert_eq!(paid["payment"]["status"], "SUCCESS");
    assert_eq!((&again["response"]["error"], &again["payment"]["status"]), (&json!("0"), &json!("SUCCESS")));
    assert_eq!(other["response"]["error"], "TDRQ1002", "{other}");
    assert_eq!(payouts(&server, &loan).await, [("PAID".to_owned(), 1)]);
    let pool = &server.app.pool;
    assert_eq!(sql::number(pool, "select count(*) from journal").await, 1);
    assert_eq!(sql::number(pool, "select sum(amount)::bigint from posting").await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_triggers_at_once_pay_once() {
    let server = Server::start().await;
    let lsp = Arc::new(server.lsp().await);
    let loan = granted(&server, &lsp).await;
    let mut asking = JoinSet::new();
    for number in 0..20 {
        let (lsp, body) = (Arc::clone(&lsp), trigger(&loan, &format!("DISB-{}", number % 10)));
        asking.spawn(async move { lsp.ask(path::TRIGGER_DISBURSEMENT, body).await });
    }
    let answers = asking.join_all().await;
    lsp.callback_that("tells that the money moved", moved).await;

    let (accepted, refused): (Vec<&Value>, Vec<&Value>) =
        answers.iter().partition(|answer| answer["response"]["error"] == "0");
    assert_eq!(accepted.len(), 2, "both requests under one payment id: {answers:?}");
    assert_eq!(accepted[0]["payment"]["id"], accepted[1]["payment"]["id"]);
    assert!(refused.iter().all(|answer| answer["response"]["error"] == "TDRQ1002"), "{refused:?}");
    assert_eq!(payouts(&server, &loan).await, [("PAID".to_owned(), 1)]);
    let orders = "select sum((detail::jsonb ->> 'received')::bigint)::bigint from sandbox.item where kind = 'PAYMENT'";
    assert_eq!(sql::number(&server.app.pool, orders).await, 1, "orders that reached the bank");
    assert_eq!(sql::number(&server.app.pool, "select count(*) from journal").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_final_failure_a_new_payment_is_a_new_attempt() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loan = granted(&server, &lsp).await;
    let flow = Flow { server: &server, lsp: &lsp };
    set_account(&lsp, &loan, REFUSING_ACCOUNT).await;

    let failed = flow.disburse(&loan, "DISB-1").await;
    let changed = set_account(&lsp, &loan, bodies::ACCOUNT).await;
    let paid = flow.disburse(&loan, "DISB-2").await;

    assert_eq!(failed["payment"]["status"], "FAILURE");
    assert_eq!(failed["response"]["error"], "TDRQ2001");
    let shown = server.get(&format!("/admin/loans/{}", loan.loan_id)).await;
    let failure = &shown["payouts"][0]["failure"];
    assert_eq!(failure["code"], "NAME_MISMATCH", "{shown}");
    assert!(failed["response"].to_string().contains(failure["detail"].as_str().unwrap()), "{failed}");
    assert_eq!(changed["account"]["status"], "ACTIVE", "{changed}");
    assert_eq!(paid["payment"]["status"], "SUCCESS");
    assert_eq!(payouts(&server, &loan).await, [("FAILED".to_owned(), 1), ("PAID".to_owned(), 2)]);
    assert_eq!(sql::number(&server.app.pool, "select count(*) from journal").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_outcome_is_asked_about_and_never_repeated() {
    // The account check comes first, then the payment, then three questions about it.
    let bank = bank(|call| if call.number < 4 { unknown() } else { Reply::Usual });
    let server = with_bank(&bank).await;
    let lsp = server.lsp().await;
    let loan = granted(&server, &lsp).await;
    let flow = Flow { server: &server, lsp: &lsp };

    let move_on = async {
        for asked in 1..=3 {
            bank.until("asked for its status", |seen| seen.iter().filter(|c| c.method == "status").count() >= asked)
                .await;
            server.app.clock.advance(Duration::minutes(1));
            server.app.wake.notify_asks();
        }
    };
    let (paid, ()) = tokio::join!(flow.disburse(&loan, "DISB-1"), move_on);

    assert_eq!(paid["payment"]["status"], "SUCCESS");
    let pay = bank.calls("pay");
    assert_eq!(pay.len(), 1, "the order left once");
    assert!(bank.calls("status").iter().all(|call| call.key == pay[0].key), "{:?}", bank.seen());
    assert_eq!(payouts(&server, &loan).await, [("PAID".to_owned(), 1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_over_a_payment_under_way_asks_its_status_only() {
    let bank = bank(|call| match call.method {
        "pay" => Reply::Held("the bank's late word", refused("CREDIT_REFUSED")),
        _ => Reply::Usual,
    });
    let server = with_bank(&bank).await;
    let lsp = server.lsp().await;
    let loan = granted(&server, &lsp).await;
    lsp.ask(path::TRIGGER_DISBURSEMENT, trigger(&loan, "DISB-1")).await;
    bank.until("ordered to pay", |seen| seen.iter().any(|call| call.method == "pay")).await;

    let expire = "update ask set leased_until = now() - interval '1 second' where method = 'pay'";
    sql::run(&server.app.pool, expire).await.unwrap();
    server.app.wake.notify_asks();
    let paid = |c: &Callback| c.path.contains("Status") && c.body["payment"]["id"] == "DISB-1";
    let told = lsp.callback_that("tells how the payout ended", paid).await;
    bank.let_go("the bank's late word");
    let states = payouts(&server, &loan).await;
    ended(&server).await;

    assert_eq!(told.body["payment"]["status"], "SUCCESS");
    assert_eq!((bank.calls("pay").len(), bank.calls("status").len()), (1, 1));
    assert_eq!(states, [("PAID".to_owned(), 1)]);
    let pool = ocen_lender::app::pool(&server.database_url, 1).unwrap();
    assert_eq!(
        sql::number(&pool, "select count(*) from payout where state = 'PAID'").await,
        1,
        "the late word is void"
    );
    let told = "select count(*) from callback where operation = 'triggerDisbursementStatus'";
    assert_eq!(sql::number(&pool, told).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_never_arrived_is_given_anew_under_a_new_key() {
    let bank = bank(|call| match (call.method, call.key.ends_with(":1")) {
        ("pay", true) => unknown(),
        ("status", true) => Reply::With(refused(NEVER_RECEIVED)),
        _ => Reply::Usual,
    });
    let server = with_bank(&bank).await;
    let lsp = server.lsp().await;
    let loan = granted(&server, &lsp).await;

    let paid = Flow { server: &server, lsp: &lsp }.disburse(&loan, "DISB-1").await;

    assert_eq!(paid["payment"]["status"], "SUCCESS", "the LSP hears of the money, not of the detour");
    let keys: Vec<String> = bank.calls("pay").into_iter().map(|call| call.key).collect();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1]);
    assert_eq!(payouts(&server, &loan).await, [("FAILED".to_owned(), 1), ("PAID".to_owned(), 2)]);
    assert_eq!(sql::number(&server.app.pool, "select count(*) from journal").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_stays_while_a_payout_is_open() {
    let bank = bank(|call| match call.method {
        "pay" => Reply::UsualHeld("the bank"),
        _ => Reply::Usual,
    });
    let server = with_bank(&bank).await;
    let lsp = server.lsp().await;
    let loan = granted(&server, &lsp).await;
    lsp.ask(path::TRIGGER_DISBURSEMENT, trigger(&loan, "DISB-1")).await;
    bank.until("ordered to pay", |seen| seen.iter().any(|call| call.method == "pay")).await;

    let changed = set_account(&lsp, &loan, "602100345678902").await;
    bank.let_go("the bank");
    lsp.callback_that("tells that the money moved", moved).await;

    assert_eq!(changed["response"]["error"], "SDA1002", "{changed}");
    assert_eq!(changed["account"]["status"], "INACTIVE", "{changed}");
    let Ask::Pay(order) = &bank.calls("pay")[0].ask else { panic!("not an order") };
    assert!(order.account.masked().ends_with("8901"), "paid to the account that was reserved");
}

#[tokio::test(flavor = "multi_thread")]
async fn money_goes_to_the_borrowers_own_bank_account_only() {
    let server = Server::start().await;
    let settings = json!({"ownAccounts": ["700100200300400"]});
    TestLsp::register_with(&server, "LSP-OTHER", settings, None).await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let ids = flow.file(1).await;
    let offers = flow.offers(&ids).await;
    flow.set_offer(&ids[0], &offers[0]).await;
    let mut wallet = bodies::account(bodies::ACCOUNT, bodies::NAME);
    wallet["data"]["accountType"] = json!("WALLET");

    for account in
        [bodies::account(bodies::ACCOUNT, "Somebody Else"), bodies::account("700100200300400", bodies::NAME), wallet]
    {
        let body = json!({"loanApplicationId": ids[0], "account": account});
        let answer = lsp.ask(path::SET_ACCOUNT, body).await;
        assert_eq!(answer["response"]["error"], "SDA1001", "{answer}");
        assert_eq!(answer["account"]["status"], "INACTIVE", "{answer}");
    }
    let shown = server.get(&format!("/admin/applications/{}/{}", lsp.org_id, ids[0])).await;
    assert_eq!(shown["accountSetup"], "NONE");
}

/// An order that waits, on a server that does nothing by itself, and the state of its question.
async fn waiting_order() -> (Server, impl AsyncFn(&Server) -> String) {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loan = granted(&server, &lsp).await;
    let stop = json!({"reason": "a look at the bank", "by": "asha"});
    let switch = format!("{}/admin/switches/payouts/all", server.admin);
    assert_eq!(server.http.put(switch).json(&stop).send().await.unwrap().status(), 200);
    lsp.ask(path::TRIGGER_DISBURSEMENT, trigger(&loan, "DISB-1")).await;
    let url = database::copy(&server.database_url).await;
    let idle = Server::start_with(Options { database_url: Some(url), idle: true, ..Options::default() }).await;
    let state = async |server: &Server| {
        let row = server.app.pool.fetch_one("select state from ask where method = 'pay'").await.unwrap();
        row.get::<String, _>(0)
    };
    (idle, state)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_withheld_while_it_is_being_sent_does_not_leave_when_it_is_put_back() {
    let (server, state) = waiting_order().await;
    let app = &server.app;
    let mut conn = app.pool.acquire().await.unwrap();
    let (later, now) = (app.clock.now() + Duration::hours(1), app.clock.now());
    for (fate, ends) in [(OrderFate::Withheld, "STUCK"), (OrderFate::GivenUp, "CLOSED")] {
        let leased = ask::lease(&mut conn, &app.sealer, app.ids.uuid(), (20, &[]), later).await.unwrap();
        let order = |leased: &ask::Leased| match &leased.detail {
            Detail::Ask(NewAsk { ask: Ask::Pay(order), targets, .. }) => Some((targets[0].0, order.bank_key.clone())),
            _ => None,
        };
        let held = leased.iter().find(|leased| order(leased).is_some()).unwrap();
        let (application, key) = order(held).unwrap();
        assert_eq!(state(&server).await, "SENDING");
        ask_money::carry_out(&mut conn, &app.sealer, (application, fate, &key), now).await.unwrap();
        assert_eq!(state(&server).await, "SENDING", "it may be leaving");
        ask::settle(&mut conn, held, Settlement::PutBack(now), now).await.unwrap();
        assert_eq!(state(&server).await, ends);
        if fate == OrderFate::Withheld {
            let let_go = (application, OrderFate::LetGo, key.as_str());
            ask_money::carry_out(&mut conn, &app.sealer, let_go, now).await.unwrap();
            assert_eq!(state(&server).await, "OPEN");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_given_up_and_is_never_answered_for_may_be_closed() {
    let (server, state) = waiting_order().await;
    let app = &server.app;
    let mut conn = app.pool.acquire().await.unwrap();
    let (later, now) = (app.clock.now() + Duration::hours(1), app.clock.now());
    let lease = async |conn: &mut PgConnection| {
        let leased = ask::lease(conn, &app.sealer, app.ids.uuid(), (20, &[]), later).await.unwrap();
        leased.into_iter().find(|one| matches!(&one.detail, Detail::Ask(new) if new.ask.method() == "pay")).unwrap()
    };
    let held = lease(&mut conn).await;
    let Detail::Ask(NewAsk { ask: Ask::Pay(order), targets, .. }) = &held.detail else { panic!("{held:?}") };
    let given_up = (targets[0].0, OrderFate::GivenUp, order.bank_key.as_str());
    ask_money::carry_out(&mut conn, &app.sealer, given_up, now).await.unwrap();
    ask::settle(&mut conn, &held, Settlement::Stuck("no answer"), now).await.unwrap();
    assert_eq!(state(&server).await, "STUCK");
    let listed = server.get("/admin/asks").await["items"][0].clone();
    assert_eq!(listed["mayBeClosed"], true, "{listed}");

    // To ask once more does not make it one that something waits for.
    assert!(ask_desk::retry(&mut conn, held.id, now).await.unwrap());
    assert_eq!(state(&server).await, "SENDING", "the bank is only asked about it");
    let held = lease(&mut conn).await;
    ask::settle(&mut conn, &held, Settlement::Stuck("no answer"), now).await.unwrap();
    assert!(ask_desk::close(&mut conn, held.id, now).await.unwrap());
    assert_eq!(state(&server).await, "CLOSED");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_that_an_order_waits_for_a_bank_which_nobody_can_ask_is_not_the_banks() {
    let (server, state) = waiting_order().await;
    let app = &server.app;
    let mut conn = app.pool.acquire().await.unwrap();
    let begun = (app.clock.now() + Duration::hours(1)).trunc_subsecs(0);
    let lease = async |conn: &mut PgConnection, days: i64| {
        let now = begun + Duration::days(days);
        let leased = ask::lease(conn, &app.sealer, app.ids.uuid(), (20, &[]), now).await.unwrap();
        leased.into_iter().find(|one| matches!(&one.detail, Detail::Ask(new) if new.ask.method() == "pay")).unwrap()
    };
    let settle = async |conn: &mut PgConnection, held: &ask::Leased, settlement: Settlement| {
        ask::settle(conn, held, settlement, begun).await.unwrap();
    };
    let held = lease(&mut conn, 0).await;
    settle(&mut conn, &held, Settlement::PutBack(begun)).await;
    assert_eq!(state(&server).await, "OPEN");
    let first = lease(&mut conn, 3).await;
    assert_eq!((first.asked_since, first.may_have_left), (None, false), "the first call");
    settle(&mut conn, &first, Settlement::Again(begun, None)).await;
    let second = lease(&mut conn, 4).await;
    assert_eq!((second.asked_since, second.created_at), (Some(begun + Duration::days(3)), first.created_at));
    settle(&mut conn, &second, Settlement::Stuck("the bank does not know")).await;

    // Asked again, it has that time anew; to be put back spends none of it.
    assert!(ask_desk::retry(&mut conn, second.id, begun).await.unwrap());
    let third = lease(&mut conn, 9).await;
    assert_eq!((third.asked_since, third.may_have_left), (None, true));
    settle(&mut conn, &third, Settlement::PutBack(begun)).await;
    assert_eq!(lease(&mut conn, 12).await.asked_since, None);
}
