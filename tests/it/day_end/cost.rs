//! What the day-end of one loan costs: the same however many other loans there are and however much was paid before.

use ocen_lender::domain::loan::account::Position;
use ocen_lender::engine::day_end;

use super::{on, pay_parts, seeded};
use crate::support::seed;
use crate::support::sql;

/// Rows that the day-end of a loan may read, over all tables: its own and a few of the lender's.
const ROWS: i64 = 120;
/// Bytes by which sealed states differ, compressed as they are with other ids in them; two hundred payments would be
/// thousands.
const STATE: i64 = 200;

/// Sweeps the first due date of one loan among others, after so many payments; gives the rows that were read and the
/// size of the loan's sealed state.
async fn cost(others: usize, payments: usize) -> (i64, i64) {
    let (url, due) = seeded(others + 1).await;
    let loan = seed::loan_id(1);
    let before = on(&url, true).await;
    let rest = format!("update loan set next_event_on = '2999-01-01' where loan_id <> '{loan}'");
    sql::run(&before.app.pool, &rest).await.unwrap();
    pay_parts(&before, payments).await;
    sql::run(&before.app.pool, "analyze").await.unwrap();
    before.app.pool.close().await;
    let (server, watcher) = (on(&url, true).await, on(&url, true).await);
    let pool = &watcher.app.pool;
    // What came before has told what it read, and does not count.
    let others =
        "select count(*) from pg_stat_activity where datname = current_database() and state is distinct from 'active'
        and pid <> pg_backend_pid()";
    sql::run(&server.app.pool, "select 1").await.unwrap();
    let reset = "select 1::bigint from pg_stat_reset()";
    watcher.until("the connections of before are gone", || async { sql::number(pool, others).await <= 24 }).await;
    sql::number(pool, reset).await;
    let swept = day_end::sweep(&server.app, Position::open(due)).await.unwrap();
    assert_eq!(swept, 1);
    // A connection tells what it read when it ends, at the latest.
    server.app.pool.close().await;
    let read = "select coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0)::bigint from pg_stat_user_tables
        where relname in ('loan', 'application', 'borrower', 'loan_fact', 'journal', 'posting', 'repayment', 'ask')";
    watcher.until("the statistics are there", || async { sql::number(pool, read).await > 0 }).await;
    let size = format!("select length(state)::bigint from loan where loan_id = '{loan}'");
    (sql::number(pool, read).await, sql::number(pool, &size).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_day_end_of_a_loan_costs_the_same_among_a_thousand() {
    let ((few, size), (many, same)) = (cost(300, 1).await, cost(1_000, 1).await);
    assert!(few < ROWS && many < ROWS, "{few} rows among three hundred, {many} among a thousand");
    assert!((size - same).abs() < STATE, "{size} {same}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_day_end_of_a_loan_costs_the_same_after_two_hundred_payments() {
    let ((few, size), (many, larger)) = (cost(300, 1).await, cost(300, 200).await);
    assert!(few < ROWS && many < ROWS, "{few} rows after one payment, {many} after two hundred");
    assert!((larger - size).abs() < STATE, "{size} bytes after one payment, {larger} after two hundred");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loan_is_swept_once_however_many_workers_look() {
    const LOANS: usize = 60;
    let (url, due) = seeded(LOANS).await;
    let (one, two) = (on(&url, true).await, on(&url, true).await);
    let to = Position::open(due);
    let (first, second) = tokio::join!(day_end::sweep(&one.app, to), day_end::sweep(&two.app, to));
    assert_eq!(first.unwrap() + second.unwrap(), LOANS + 1);
}
