//! A loan whose book does not pass its own checks: nothing of it is told, and people are (`lending.md` §2.9).

use ocen_lender::domain::ids::{ApplicationId, LoanId};
use ocen_lender::domain::maths::money::Paise;
use ocen_lender::store::{loan, reference};
use serde_json::json;

use crate::support::bodies::path;
use crate::support::flow::Flow;
use crate::support::server::Server;

/// A paisa that nobody paid.
async fn spoil(server: &Server, loan_id: &str) {
    let mut tx = server.app.pool.begin().await.unwrap();
    let id: ApplicationId =
        reference::application_of_loan(&mut tx, LoanId::from(loan_id).as_str()).await.unwrap().unwrap();
    let mut locked = loan::lock(&mut tx, &server.app.sealer, id).await.unwrap().unwrap();
    let totals = &mut locked.loan.account.as_mut().unwrap().totals;
    totals.received = totals.received.saturating_add(Paise(1));
    loan::save(&mut tx, &server.app.sealer, &locked.loan, locked.revision).await.unwrap();
    tx.commit().await.unwrap();
}

async fn failed(server: &Server) -> String {
    let text = server.http.get(format!("{}/metrics", server.admin)).send().await.unwrap().text().await.unwrap();
    let line = text.lines().find(|line| line.starts_with("ocen_book_checks_failed_total"));
    line.expect("the counter").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_that_is_wrong_is_refused_and_counted_and_other_loans_are_told() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let flow = Flow { server: &server, lsp: &lsp };
    let loans = flow.granted(2).await;
    for loan in &loans {
        flow.disburse(loan, &format!("DISB-{}", loan.loan_id)).await;
    }
    assert_eq!(failed(&server).await, "ocen_book_checks_failed_total 0");
    spoil(&server, &loans[0].loan_id).await;
    let summary = lsp.ask(path::LOAN_SUMMARY, json!({"loanId": loans[0].loan_id})).await;
    assert_eq!(summary["response"]["error"], "GEN5004", "{summary}");
    assert_eq!(summary["summary"]["amountRepaid"], "0.00", "{summary}");
    let statement = lsp.ask(path::LOAN_STATEMENT, json!({"loanId": loans[0].loan_id})).await;
    assert_eq!((&statement["response"]["error"], &statement["accountStatement"]), (&json!("GEN5004"), &json!([])));
    let sound = lsp.ask(path::LOAN_SUMMARY, json!({"loanId": loans[1].loan_id})).await;
    assert_eq!(sound["response"]["error"], "0", "{sound}");
    assert_eq!(failed(&server).await, "ocen_book_checks_failed_total 2");
}
