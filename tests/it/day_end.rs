//! The day-end under fire: undisturbed, killed again and again, or with two servers and payments at once, the books
//! come out the same.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::time::Duration;

use chrono::NaiveDate;
use ocen_lender::domain::ids::LoanId;
use ocen_lender::domain::loan::account::Position;
use ocen_lender::domain::loan::operator::Act;
use ocen_lender::engine::{day_end, operate};
use serde_json::{Value, json};
use sqlx::{AssertSqlSafe, Executor as _, PgPool, Row as _};

use crate::support::bodies::path;
use crate::support::database;
use crate::support::flow::Flow;
use crate::support::seed;
use crate::support::server::{Options, Server};
use crate::support::sql;

mod begun;
mod commits;
mod cost;

/// Every so many loans pays a part on the due date, past the mandate.
const PAYS: usize = 10;
/// What it pays, rupees.
const PART: &str = "100.00";

/// How many loans; `OCEN_TEST_LOANS` makes it a longer run.
fn loans() -> usize {
    std::env::var("OCEN_TEST_LOANS").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// How long that many may take: what a killed server had leased is free after twenty seconds, and a longer run takes
/// longer.
fn patience() -> Duration {
    (Duration::from_millis(200) * u32::try_from(loans()).unwrap_or(u32::MAX)).max(Duration::from_secs(45))
}

/// A database with so many loans, all paid out today; gives it with their first due date. Nobody is at work on it.
async fn seeded(count: usize) -> (String, NaiveDate) {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;
    let rows = lsp.ask(path::GET_LOAN, json!({"loanId": loan.loan_id})).await;
    let due = rows["repayment"]["plan"]["extensibleData"]["schedule"][0]["dueDate"].clone();
    crate::support::fingerprint::at_rest(&server).await;
    seed::copies(&server.app, &loan.loan_id, count).await;
    // Callbacks have somewhere to go whatever server is up: nowhere.
    sql::run(&server.app.pool, "update lsp set callback_base_url = 'http://127.0.0.1:9'").await.unwrap();
    (server.database_url.clone(), due.as_str().unwrap().parse().unwrap())
}

async fn on(database_url: &str, idle: bool) -> Server {
    Server::start_with(Options { database_url: Some(database_url.to_owned()), idle, ..Options::default() }).await
}

/// Moves a server's clock, with every day-end on the way.
async fn clock(server: &Server, day: NaiveDate) {
    let (status, answer) = server.post("/sandbox/clock", &json!({"to": day})).await;
    assert_eq!(status, 200, "{answer}");
}

/// The borrowers who pay past the mandate do so, each once, on a day.
async fn pay(server: &Server, day: NaiveDate, numbers: impl Iterator<Item = usize>) {
    for number in numbers {
        let act = json!({"kind": "MANUAL_RECEIPT", "amount": PART, "valueDate": day, "utr": format!("UTR-{number}")});
        let act: Act = serde_json::from_value(act).unwrap();
        let loan = LoanId(seed::loan_id(number));
        let mut tx = server.app.pool.begin().await.unwrap();
        operate::perform(&server.app, &mut tx, &loan, (&act, &format!("ACT-{number}"))).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// The first borrower pays one rupee, so many times, today.
async fn pay_parts(server: &Server, times: usize) {
    for time in 1..=times {
        let today = server.app.clock.today();
        let act = json!({"kind": "MANUAL_RECEIPT", "amount": "1.00", "valueDate": today, "utr": format!("UTR-{time}")});
        let act: Act = serde_json::from_value(act).unwrap();
        let mut tx = server.app.pool.begin().await.unwrap();
        let loan = LoanId(seed::loan_id(1));
        operate::perform(&server.app, &mut tx, &loan, (&act, &format!("ACT-{time}"))).await.unwrap();
        tx.commit().await.unwrap();
    }
}

/// Loans that pay past the mandate.
fn payers(count: usize) -> impl Iterator<Item = usize> {
    (1..=count).step_by(PAYS)
}

/// The journals of every loan: kind, reference, value date and postings. What a receipt settles depends on which came
/// first, so those of a day are taken together; numbers of payments are left out.
async fn books(pool: &PgPool) -> BTreeMap<String, Vec<String>> {
    let rows = pool
        .fetch_all(
            "select loan_id,
                kind || ' ' || reference || ' ' || value_date || ' '
                    || string_agg(account || ' ' || amount, ', ' order by account) as journal
            from (
                select loan_id, kind, value_date, account, sum(amount) as amount,
                    case kind
                        when 'RECEIPT' then 'all'
                        else regexp_replace(reference, 'PAY-LON[0-9A-Z]+-[0-9]+', 'PAY')
                    end as reference
                from journal
                join posting using (journal_id)
                group by loan_id, kind, value_date, account, 6
            ) as part
            group by loan_id, kind, reference, value_date
            order by loan_id, 2",
        )
        .await
        .unwrap();
    let mut books: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in rows {
        books.entry(row.get(0)).or_default().push(row.get(1));
    }
    books
}

/// What must hold after the day-ends of a day, whatever happened in between.
async fn check(pool: &PgPool, day: NaiveDate, count: usize) {
    let none = [
        ("a loan's next event is in the future", format!("select count(*) from loan where next_event_on <= '{day}'")),
        (
            "every journal sums to zero",
            "select count(*) from (select from posting group by journal_id having sum(amount) <> 0) as wrong"
                .to_owned(),
        ),
        (
            "no question is left",
            format!("select count(*) from ask where state in ('OPEN', 'SENDING') and due_at < '{day}'::timestamptz"),
        ),
        (
            "no instalment was debited twice",
            "select count(*) from (
                select from repayment
                where channel = 'MANDATE'
                group by loan_id, instalment
                having count(*) > 1
            ) as twice"
                .to_owned(),
        ),
        ("every debit ended", "select count(*) from repayment where state not in ('SETTLED', 'FAILED')".to_owned()),
    ];
    for (what, query) in none {
        assert_eq!(sql::number(pool, &query).await, 0, "{what}");
    }
    let debits = "select count(*) from repayment where channel = 'MANDATE' and instalment = 1";
    assert_eq!(sql::number(pool, debits).await, i64::try_from(count).unwrap() + 1, "each instalment is debited once");
}

/// Waits until the day's questions are answered.
async fn settled(server: &Server, day: NaiveDate) {
    let open = format!("select count(*) from ask where state in ('OPEN', 'SENDING') and due_at < '{day}'::timestamptz");
    server
        .until_within(patience(), "all is answered", || async { sql::number(&server.app.pool, &open).await == 0 })
        .await;
}

/// The run that nothing disturbs; the others must come to the same.
async fn undisturbed(seeded: &str, due: NaiveDate, count: usize) -> BTreeMap<String, Vec<String>> {
    let url = database::copy(seeded).await;
    let server = on(&url, false).await;
    clock(&server, due).await;
    pay(&server, due, payers(count)).await;
    clock(&server, due.succ_opt().unwrap()).await;
    check(&server.app.pool, due.succ_opt().unwrap(), count).await;
    books(&server.app.pool).await
}

/// Plays one server of a cluster in a process of its own, to be killed; the parent names database and day.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "started by the test that kills it"]
async fn a_server_to_be_killed() {
    let Ok(url) = std::env::var("OCEN_TEST_VICTIM") else { return };
    let day = std::env::var("OCEN_TEST_VICTIM_DAY").unwrap().parse().unwrap();
    let server = on(&url, false).await;
    clock(&server, day).await;
    server.app.stop.cancelled().await;
}

fn victim(url: &str, day: NaiveDate) -> tokio::process::Child {
    tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "day_end::a_server_to_be_killed", "--ignored", "--nocapture"])
        .env("OCEN_TEST_VICTIM", url)
        .env("OCEN_TEST_VICTIM_DAY", day.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

mod faults {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_day_end_that_is_killed_again_and_again_leaves_the_books_of_a_quiet_one() {
        let count = loans();
        let (seeded, due) = seeded(count).await;
        let quiet = undisturbed(&seeded, due, count).await;
        let url = database::copy(&seeded).await;
        let watcher = on(&url, true).await;
        let pool = &watcher.app.pool;
        // In the middle of announcing, of billing, and of collecting.
        let middles = [
            ("select count(*) from ask", 0.5),
            ("select count(*) from journal where kind = 'DUE'", 0.3),
            ("select count(*) from journal where kind = 'DUE'", 0.8),
            ("select count(*) from repayment where state = 'SETTLED'", 0.5),
        ];
        for (work, part) in middles {
            let before = sql::number(pool, work).await;
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "about so many")]
            let enough = if work.ends_with("ask") { before } else { 0 } + (count as f64 * part) as i64;
            let mut child = victim(&url, due);
            watcher
                .until_within(patience(), "the work is under way", || async { sql::number(pool, work).await >= enough })
                .await;
            child.kill().await.unwrap();
        }
        let server = on(&url, false).await;
        clock(&server, due).await;
        settled(&server, due.succ_opt().unwrap()).await;
        pay(&server, due, payers(count)).await;
        clock(&server, due.succ_opt().unwrap()).await;
        check(&server.app.pool, due.succ_opt().unwrap(), count).await;
        assert_eq!(books(&server.app.pool).await, quiet);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn two_servers_and_payments_at_once_leave_the_books_of_a_quiet_day_end() {
        let count = loans();
        let (seeded, due) = seeded(count).await;
        let quiet = undisturbed(&seeded, due, count).await;
        let url = database::copy(&seeded).await;
        let (one, two) = (on(&url, false).await, on(&url, false).await);
        let before = due.pred_opt().unwrap();
        tokio::join!(clock(&one, before), clock(&two, before));
        let paying = async {
            let billed = "select count(*) from journal where kind = 'DUE'";
            one.until_within(patience(), "the due date has begun", || async {
                sql::number(&one.app.pool, billed).await > 0
            })
            .await;
            pay(&two, due, payers(count)).await;
        };
        tokio::join!(clock(&one, due), clock(&two, due), paying);
        let after = due.succ_opt().unwrap();
        tokio::join!(clock(&one, after), clock(&two, after));
        check(&one.app.pool, after, count).await;
        assert_eq!(books(&one.app.pool).await, quiet);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loan_that_fails_keeps_no_other_from_its_day_end() {
    let (seeded, due) = seeded(20).await;
    let server = on(&seeded, true).await;
    let broken = seed::loan_id(1);
    sql::run(&server.app.pool, &format!("update loan set state = '\\x00' where loan_id = '{broken}'")).await.unwrap();
    let swept = day_end::sweep(&server.app, Position::closed(due)).await;
    assert!(swept.unwrap_err().to_string().contains("1 loans"), "it is told");
    let behind = format!("select count(*) from loan where next_event_on <= '{due}'");
    assert_eq!(sql::number(&server.app.pool, &behind).await, 1, "the others are where they should be");
    let billed = "select count(*) from journal where kind = 'DUE'";
    assert_eq!(sql::number(&server.app.pool, billed).await, 20);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_clock_is_slow_credits_what_comes_to_a_loan_of_tomorrow() {
    let (seeded, due) = seeded(1).await;
    let server = on(&seeded, false).await;
    let loan = seed::loan_id(1);
    clock(&server, due.pred_opt().unwrap()).await;
    // Another server, a day ahead, has swept the due date already.
    let ahead = on(&seeded, true).await;
    day_end::sweep(&ahead.app, Position::closed(due.succ_opt().unwrap())).await.unwrap();
    // The debit is answered by the one that is slow.
    let debits = format!(
        "update ask set due_at = now() where state = 'OPEN' and due_at < '{due}'::timestamptz + interval '3 days'"
    );
    sql::run(&server.app.pool, &debits).await.unwrap();
    server.app.wake.notify_asks();
    let settled = format!("select count(*) from repayment where state = 'SETTLED' and loan_id = '{loan}'");
    server.until("the debit is credited", || async { sql::number(&server.app.pool, &settled).await == 1 }).await;
    let shown: Value = server.get(&format!("/admin/loans/{loan}")).await;
    assert_eq!(shown["account"]["due"], "0.00", "{}", shown["account"]);
    let receipts = format!("select count(*) from journal where kind = 'RECEIPT' and loan_id = '{loan}'");
    assert_eq!(sql::number(&server.app.pool, &receipts).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_loans_cured_in_the_same_moment_cure_their_borrower() {
    use ocen_lender::domain::ids::LoanId;
    use ocen_lender::domain::loan::account::Reclassified;
    use ocen_lender::store::day_end::classify_borrower;
    let (seeded, due) = seeded(2).await;
    let server = on(&seeded, true).await;
    let pool = server.app.pool.clone();
    sql::run(&pool, &format!("update loan set npa_since = '{due}', oldest_due = '{due}'")).await.unwrap();
    sql::run(
        &pool,
        &format!(
            "update loan set npa_since = null, oldest_due = null where loan_id not in ('{}', '{}')",
            seed::loan_id(1),
            seed::loan_id(2)
        ),
    )
    .await
    .unwrap();
    let borrower: Vec<u8> = pool.fetch_one("select borrower_index from borrower").await.unwrap().get(0);
    let today = due + chrono::Days::new(100);
    let cured = |number| {
        AssertSqlSafe(format!(
            "update loan set npa_since = null, oldest_due = null where loan_id = '{}'",
            seed::loan_id(number)
        ))
    };
    let (one, two) = (LoanId(seed::loan_id(1)), LoanId(seed::loan_id(2)));
    let nothing = Reclassified::default();
    let mut first = pool.begin().await.unwrap();
    classify_borrower(&mut first, &borrower, (&one, &nothing), today).await.unwrap();
    first.commit().await.unwrap();
    let npa = "select count(*) from borrower where npa_since is not null";
    assert_eq!(sql::number(&pool, npa).await, 1);

    let (mut first, mut second) = (pool.begin().await.unwrap(), pool.begin().await.unwrap());
    first.execute(cured(1)).await.unwrap();
    second.execute(cured(2)).await.unwrap();
    classify_borrower(&mut first, &borrower, (&one, &nothing), today).await.unwrap();
    let waiting = tokio::spawn(async move {
        classify_borrower(&mut second, &borrower, (&two, &Reclassified::default()), today).await.unwrap();
        second.commit().await.unwrap();
    });
    let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()";
    server.until("the second one waits", || async { sql::number(&pool, waits).await == 1 }).await;
    first.commit().await.unwrap();
    waiting.await.unwrap();
    assert_eq!(sql::number(&pool, npa).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_on_which_nothing_is_left_to_do_is_swept_once() {
    let (seeded, due) = seeded(1).await;
    let server = on(&seeded, true).await;
    let before = due.pred_opt().unwrap();
    // Nobody answers: what was announced stays announced, once for each of both loans.
    assert_eq!(day_end::sweep(&server.app, Position::closed(before)).await.unwrap(), 2);
    assert_eq!(day_end::sweep(&server.app, Position::closed(before)).await.unwrap(), 0);
    let asks = "select count(*) from ask where state = 'OPEN' and port = 'notifier'";
    assert_eq!(sql::number(&server.app.pool, asks).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_moved_over_midnight_goes_no_further_than_asked() {
    let server = Server::start().await;
    let india = chrono::FixedOffset::east_opt(19_800).unwrap();
    let now = server.app.clock.now().with_timezone(&india);
    let evening = now.date_naive().succ_opt().unwrap().and_hms_opt(23, 50, 0).unwrap();
    server.app.clock.advance(evening.and_local_timezone(india).unwrap().signed_duration_since(now));
    let before = server.app.clock.now();

    let (status, answer) = server.post("/sandbox/clock", &json!({"advance": "PT16M"})).await;

    assert_eq!(status, 200, "{answer}");
    let moved = server.app.clock.now().signed_duration_since(before);
    assert!((16..=17).contains(&moved.num_minutes()), "{moved}: {answer}");
    assert_eq!(answer["businessDate"], json!(evening.date().succ_opt().unwrap()), "{answer}");
}
