//! What the database refuses, whoever writes: the last line, should the program ever be wrong (design §5).

use ocen_lender::store::schema::{self, MIGRATOR};
use serde_json::json;
use sqlx::{Connection as _, PgConnection, PgPool};

use crate::support::bodies::{self, path};
use crate::support::database;
use crate::support::flow::{Flow, Loan};
use crate::support::server::Server;
use crate::support::sql;

/// A blow at the database that must be refused in these words.
async fn refused(pool: &PgPool, sql: &str, words: &str) {
    let refusal = sql::run(pool, sql).await.expect_err(sql);
    assert!(refusal.contains(words), "{sql}: {refusal}");
}

/// A server whose database holds one loan, secured and paid out, and one application at its beginning.
async fn with_a_loan() -> Server {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    flow.file(1).await;
    let mut item = bodies::application(&bodies::id(), &bodies::pan());
    item["collaterals"] = json!([{
        "collateralPrimaryId": "INVOICE-1",
        "collateralPrimaryIdType": "GST_INVOICE",
        "type": "GST_INVOICE",
    }]);
    lsp.ask(path::CREATE, json!({"loanApplications": [item]})).await;
    let ids = [item["loanApplicationId"].as_str().unwrap().to_owned()];
    let offers = flow.offers(&ids).await;
    flow.agree(&ids, &offers).await;
    flow.set_up(&ids, &offers).await;
    let answer = flow.grant(&ids[0]).await;
    let loan = Loan {
        application: ids[0].clone(),
        offer: offers[0].clone(),
        loan_id: answer["loanId"].as_str().unwrap().to_owned(),
    };
    flow.disburse(&loan, "DISB-1").await;
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn an_illegal_stage_is_refused() {
    let server = with_a_loan().await;
    let pool = &server.app.pool;

    for stage in ["OFFERED", "AGREED", "GRANTED", "REJECTED", "NONSENSE"] {
        let sql = format!("update application set stage = '{stage}' where stage = 'PROCESSING'");
        refused(pool, &sql, "application_stage_change_legal").await;
    }
    for stage in ["AGREED", "REJECTED", "EXPIRED", "PROCESSING"] {
        let sql = format!("update application set stage = '{stage}' where stage = 'GRANTED'");
        refused(pool, &sql, "application_stage_change_legal").await;
    }
    let unsigned = "update application set agreement = 'PREPARED' where stage = 'GRANTED'";
    refused(pool, unsigned, "application_granted_is_signed").await;
    refused(pool, "update exchange set pending = -1", "exchange_pending_counts_down").await;
    refused(pool, "update stream set pending = -1", "stream_pending_not_negative").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn history_and_book_cannot_be_rewritten() {
    let server = with_a_loan().await;
    let pool = &server.app.pool;

    for table in ["event", "journal", "posting"] {
        refused(pool, &format!("delete from {table}"), "append-only").await;
    }
    refused(pool, "update event set what = 'nothing happened'", "append-only").await;
    refused(pool, "update journal set value_date = '2020-01-01'", "append-only").await;
    refused(pool, "update posting set amount = amount + 1", "append-only").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_balances_and_comes_once() {
    let server = with_a_loan().await;
    let pool = &server.app.pool;
    let journal = |reference: &str| {
        format!(
            "insert into journal (journal_id, loan_id, kind, reference, value_date, posted_at)
            select '00000000-0000-7000-8000-000000000001', loan_id, kind, {reference}, value_date, posted_at
            from journal;"
        )
    };
    let posting = |line: i32, amount: i64| {
        format!(
            "insert into posting (journal_id, line, account, amount)
            values ('00000000-0000-7000-8000-000000000001', {line}, 'BANK', {amount});"
        )
    };

    let lopsided = format!("{}{}{}", journal("'other'"), posting(1, 500), posting(2, -499));
    refused(pool, &lopsided, "posting_balanced").await;
    refused(pool, &journal("reference"), "journal_reference_key").await;
    let balanced = format!("{}{}{}", journal("'other'"), posting(1, 500), posting(2, -500));
    assert_eq!(sql::run(pool, &balanced).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_once_is_once() {
    let server = with_a_loan().await;
    let pool = &server.app.pool;

    let loan = "insert into loan (loan_id, application_id, org_id, borrower_index, state, revision, created_at)
        select 'LON-SECOND', application_id, org_id, borrower_index, state, 1, created_at
        from loan";
    refused(pool, loan, "loan_application_key").await;
    let payout = "insert into payout (loan_id, tranche, attempt, payment_id, bank_key, state, updated_at)
        select loan_id, tranche, 2, 'DISB-2', bank_key || '-2', 'RESERVED', updated_at
        from payout";
    refused(pool, payout, "payout_tranche_key").await;
    let same_key = "insert into payout (loan_id, tranche, attempt, payment_id, bank_key, state, updated_at)
        select loan_id, 2, 1, 'DISB-2', bank_key, 'RESERVED', updated_at
        from payout";
    refused(pool, same_key, "payout_bank_key").await;
    let lien = "insert into lien (collateral_index, loan_id, taken_at)
        select collateral_index, loan_id, taken_at
        from lien";
    refused(pool, lien, "lien_pkey").await;
    refused(pool, "update payout set state = 'RESERVED'", "payout_paid_has_utr").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_and_attempts_of_a_month_have_a_partition_of_their_own() {
    let server = Server::start().await;
    let pool = &server.app.pool;
    let parts = "select count(*) from pg_inherits where inhparent in ('message'::regclass, 'attempt'::regclass)";
    let before = sql::number(pool, parts).await;

    // A year on nothing overlaps; the second call finds all made.
    for _ in 0..2 {
        sql::run(pool, "select make_month_partitions((current_date + interval '1 year')::date)").await.unwrap();
    }

    assert!(before >= 14, "six months of each, and the default");
    assert_eq!(sql::number(pool, parts).await, before + 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_migrate_at_once_do_not_wait_for_each_other_in_a_circle() {
    let url = database::empty().await;
    let migrate = async |url: &str| {
        let mut conn = PgConnection::connect(url).await.unwrap();
        schema::migrate(&mut conn).await.unwrap()
    };
    let (one, two, three, four) = tokio::join!(migrate(&url), migrate(&url), migrate(&url), migrate(&url));
    let mut applied = [one, two, three, four];
    applied.sort_unstable();
    assert_eq!(applied, [0, 0, 0, MIGRATOR.iter().count()]);
}
