//! What a day-end begins on at once: questions that are leased as they are written, and those that are answered within
//! its transaction.

use ocen_lender::domain::application::ask::Ask;
use ocen_lender::domain::application::notice::NoticeKind;
use serde_json::json;
use sqlx::{Executor as _, Row as _};

use crate::support::bodies::path;
use crate::support::flow::Flow;
use crate::support::port::{Reply, Seen, Steered};
use crate::support::server::{Options, Server};
use crate::support::sql;

/// The first due date of a loan that is paid out.
async fn paid_out(server: &Server) -> String {
    let lsp = server.lsp().await;
    let flow = Flow { server, lsp: &lsp };
    let loan = flow.granted(1).await.remove(0);
    flow.disburse(&loan, "DISB-1").await;
    let rows = lsp.ask(path::GET_LOAN, json!({"loanId": loan.loan_id})).await;
    rows["repayment"]["plan"]["extensibleData"]["schedule"][0]["dueDate"].as_str().unwrap().to_owned()
}

/// How many debits the simulated bank knows of, and how many receipts the book.
async fn debits_and_receipts(server: &Server) -> (i64, i64) {
    let pool = &server.app.pool;
    let debits = sql::number(pool, "select count(*) from sandbox.item where kind = 'COLLECTION'").await;
    (debits, sql::number(pool, "select count(*) from journal where kind = 'RECEIPT'").await)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_whose_receipt_cannot_be_stored_was_never_made() {
    let server = Server::start().await;
    let due = paid_out(&server).await;
    let pool = &server.app.pool;
    let broken = "alter table journal add constraint no_receipts check (kind <> 'RECEIPT') not valid";
    sql::run(pool, broken).await.unwrap();
    let (status, answer) = server.post("/sandbox/clock", &json!({"to": due})).await;
    assert_eq!(status, 500, "{answer}");
    assert_eq!(debits_and_receipts(&server).await, (0, 0));
    let asked = "select count(*) from ask where method = 'present'";
    assert_eq!(sql::number(pool, asked).await, 0, "nothing was asked either");

    sql::run(pool, "alter table journal drop constraint no_receipts").await.unwrap();
    let (status, answer) = server.post("/sandbox/clock", &json!({"to": due})).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(debits_and_receipts(&server).await, (1, 1));
    assert_eq!(sql::number(pool, asked).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_to_an_adapter_is_leased_by_the_transaction_that_makes_it() {
    let notifier = Steered::new(|seen| match &seen.ask {
        Ask::Notify(notice) if notice.kind == NoticeKind::PreDebit => Reply::UsualHeld("the borrower is told"),
        _ => Reply::Usual,
    });
    let port = Some(("notifier", std::sync::Arc::clone(&notifier) as _));
    let server = Server::start_with(Options { port, ..Options::default() }).await;
    let due = paid_out(&server).await;
    let told = |seen: &Seen| matches!(&seen.ask, Ask::Notify(n) if n.kind == NoticeKind::PreDebit);
    let looking = async {
        notifier.until("the debit is announced", |seen| seen.iter().any(told)).await;
        let query = "select ask.tries, ask.state, ask.leased_until > now() as leased, ask.xmin = loan.xmin as at_once
            from ask
            join loan using (application_id)
            where ask.port = 'notifier'
            and ask.state <> 'CLOSED'";
        let row = server.app.pool.fetch_one(query).await.unwrap();
        assert_eq!((row.get::<i32, _>("tries"), row.get::<&str, _>("state")), (1, "OPEN"));
        assert!(row.get::<bool, _>("leased") && row.get::<bool, _>("at_once"));
        notifier.let_go("the borrower is told");
    };
    let moving = async { server.post("/sandbox/clock", &json!({"to": due})).await };
    let ((), (status, answer)) = tokio::join!(looking, moving);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(notifier.seen().iter().filter(|seen| told(seen)).count(), 1);
    assert_eq!(debits_and_receipts(&server).await, (1, 1));
}
