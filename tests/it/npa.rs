//! Since when a borrower is a bad one: what becomes known late is undone, and what is recovered is over.

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use crate::support::flow::{Flow, Loan};
use crate::support::money::{paise, rupees};
use crate::support::server::Server;
use crate::support::sql;

async fn act(server: &Server, loan: &Loan, act: Value) {
    let acts = format!("/admin/loans/{}/acts", loan.loan_id);
    let (status, proposed) = server.post(&acts, &json!({"act": act, "reason": "the file", "maker": "asha"})).await;
    assert_eq!(status, 201, "{proposed}");
    let release = format!("/admin/acts/{}/release", proposed["actId"].as_str().unwrap());
    assert_eq!(server.post(&release, &json!({"checker": "ravi"})).await.0, 200);
}

async fn receipt(server: &Server, loan: &Loan, amount: i64, value_date: NaiveDate) {
    let utr = format!("UTR-{}-{amount}", loan.loan_id);
    let receipt = json!({"kind": "MANUAL_RECEIPT", "amount": rupees(amount), "valueDate": value_date, "utr": utr});
    act(server, loan, receipt).await;
}

/// Paid-out loans of one borrower whose debits nobody honours, for want of a mandate.
async fn unpaid(flow: &Flow<'_>, count: usize) -> Vec<Loan> {
    let loans = flow.granted(count).await;
    for loan in &loans {
        flow.disburse(loan, &format!("DISB-{}", loan.loan_id)).await;
        let plan = loan.offer["repayment"]["plans"][0]["id"].as_str().unwrap();
        let (status, told) =
            flow.server.post(&format!("/sandbox/mandates/{plan}"), &json!({"outcome": "cancel"})).await;
        assert_eq!(status, 200, "{told}");
    }
    loans
}

async fn to(server: &Server, day: NaiveDate) {
    let (status, told) = server.post("/sandbox/clock", &json!({"to": day})).await;
    assert_eq!(status, 200, "{told}");
}

async fn delinquency(server: &Server, loan: &Loan) -> Value {
    server.get(&format!("/admin/loans/{}", loan.loan_id)).await["delinquency"].clone()
}

/// Due dates and instalments.
async fn rows(server: &Server, loan: &Loan) -> Vec<(NaiveDate, i64)> {
    let shown = server.get(&format!("/admin/loans/{}", loan.loan_id)).await;
    let rows = shown["schedule"].as_array().unwrap();
    rows.iter().map(|row| (row["dueDate"].as_str().unwrap().parse().unwrap(), paise(&row["instalment"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_becomes_known_late_takes_the_borrowers_npa_back_with_the_loans() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loans = unpaid(&Flow { server: &server, lsp: &lsp }, 2).await;
    let [late, other] = loans.as_slice() else { panic!("two loans") };
    let rows = rows(&server, late).await;
    let due = rows[0].0;
    // The borrower's other loan is paid long before it is due: only the one is in arrears.
    let day_89 = due + Days::new(89);
    to(&server, due.pred_opt().unwrap()).await;
    let rest = server.get(&format!("/admin/loans/{}", other.loan_id)).await["account"]["payOff"].clone();
    let foreclosure = json!({"kind": "MANUAL_RECEIPT", "amount": rest, "valueDate": due.pred_opt().unwrap(),
        "utr": "UTR-OTHER", "purpose": "FORECLOSURE"});
    act(&server, other, foreclosure).await;

    to(&server, due + Days::new(130)).await;
    let npa = due + Days::new(90);
    let is = delinquency(&server, late).await;
    assert_eq!((&is["ownNpaSince"], &is["borrowerNpaSince"]), (&json!(npa), &json!(npa)), "{is}");

    let arrears = rows.iter().filter(|(day, _)| *day <= day_89).map(|(_, amount)| amount).sum();
    receipt(&server, late, arrears, day_89).await;
    let is = delinquency(&server, late).await;
    assert_eq!((&is["ownNpaSince"], &is["borrowerNpaSince"]), (&Value::Null, &Value::Null), "{is}");
    assert!(["SMA-0", "SMA-1"].contains(&is["class"].as_str().unwrap()), "{is}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_borrower_stays_one_until_the_arrears_of_all_loans_are_paid() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loans = unpaid(&Flow { server: &server, lsp: &lsp }, 2).await;
    let [one, two] = loans.as_slice() else { panic!("two loans") };
    let rows = rows(&server, one).await;
    let due = rows[0].0;
    // The second loan has paid its first instalment, so that it is no NPA by itself on day 90.
    to(&server, due).await;
    receipt(&server, two, rows[0].1, due).await;
    let today = due + Days::new(91);
    to(&server, today).await;
    let npa = json!(due + Days::new(90));
    let due_of = |from: usize| -> i64 {
        rows.iter().skip(from).filter(|(day, _)| *day <= today).map(|(_, amount)| amount).sum()
    };
    receipt(&server, one, due_of(0), today).await;
    for loan in [one, two] {
        let is = delinquency(&server, loan).await;
        assert_eq!((&is["class"], &is["borrowerNpaSince"]), (&json!("NPA"), &npa), "{is}");
    }
    receipt(&server, two, due_of(1), today).await;
    for loan in [one, two] {
        let is = delinquency(&server, loan).await;
        assert_eq!((&is["class"], &is["borrowerNpaSince"]), (&json!("STANDARD"), &Value::Null), "{is}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_off_counts_until_it_is_recovered() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loans = unpaid(&Flow { server: &server, lsp: &lsp }, 2).await;
    let [given_up, other] = loans.as_slice() else { panic!("two loans") };
    let due = rows(&server, given_up).await[0].0;
    let today = due.pred_opt().unwrap();
    to(&server, today).await;
    let counted = async || sql::number(&server.app.pool, "select coalesce(sum(amount), 0)::bigint from exposure").await;
    let before = counted().await;

    act(&server, given_up, json!({"kind": "WRITE_OFF"})).await;
    let is = delinquency(&server, other).await;
    assert_eq!((&is["class"], &is["borrowerNpaSince"]), (&json!("NPA"), &json!(today)), "{is}");
    assert_eq!(counted().await, before, "the claim goes on");

    let lent = paise(&server.get(&format!("/admin/loans/{}", given_up.loan_id)).await["account"]["writtenOff"]);
    receipt(&server, given_up, lent, today).await;
    let is = delinquency(&server, other).await;
    assert_eq!((&is["class"], &is["borrowerNpaSince"]), (&json!("STANDARD"), &Value::Null), "{is}");
    assert_eq!(counted().await, before - lent);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_repaid_counts_against_the_limit_no_more() {
    let server = Server::start().await;
    let lsp = server.lsp().await;
    let loan = unpaid(&Flow { server: &server, lsp: &lsp }, 1).await.remove(0);
    let counted = async || sql::number(&server.app.pool, "select amount from exposure").await;
    let lent = counted().await;
    let (due, instalment) = rows(&server, &loan).await[0];
    to(&server, due).await;
    receipt(&server, &loan, instalment, due).await;
    let shown = server.get(&format!("/admin/loans/{}", loan.loan_id)).await;
    let owed = paise(&shown["account"]["principalOutstanding"]);
    assert!(owed < lent, "{}", shown["account"]);
    assert_eq!(counted().await, owed);
}
