//! Borrowers who pay late, in parts, after a return, or for a long time not at all.

use chrono::Days;
use serde_json::json;

use super::{Bank, For, Outsider, lsp, server};
use crate::support::bodies::path;
use crate::support::money::paise;

#[tokio::test(flavor = "multi_thread")]
async fn penal_charges_run_from_day_to_day_and_never_on_themselves() {
    let server = server(json!({"servicing": {"penalEveryDays": 10}})).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    loan.bank(Bank::Bounces);
    loan.due(1).await;
    for days in [1, 8, 1, 5, 6] {
        loan.days(days).await;
    }
    // Parts: each is preceded by the charge up to its day.
    loan.pays(For::Instalment, Some(100_001)).await;
    loan.days(3).await;
    loan.pays(For::Instalment, Some(50_000)).await;
    loan.due(2).await;
    loan.days(12).await;
    loan.pays(For::Instalment, None).await;
    loan.bank(Bank::Pays);
    loan.due(12).await;
    assert!(loan.sum.closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn penal_charges_after_days_of_grace_and_up_to_their_cap() {
    let rules = json!({"servicing": {"penalEveryDays": 7, "penalGraceDays": 9, "penalCapPercent": "1.50"}});
    let server = server(rules).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    loan.bank(Bank::Bounces);
    loan.due(1).await;
    for days in [7, 2, 1, 4, 14, 6] {
        loan.days(days).await;
    }
    loan.pays(For::Instalment, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_penal_charge_runs_in_a_moratorium_and_one_entered_late_takes_charges_back() {
    let server = server(json!({"servicing": {"penalEveryDays": 10}})).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    loan.bank(Bank::Bounces);
    loan.due(1).await;
    loan.days(3).await;
    let (from, to) = (loan.sum.today + Days::new(2), loan.sum.today + Days::new(9));
    let act = json!({"kind": "MORATORIUM", "from": from, "to": to});
    released(&loan, act.clone()).await;
    loan.sum.rests = from.iter_days().take(8).collect();
    loan.check().await;
    for days in [2, 5, 4, 10] {
        loan.days(days).await;
    }
    for refused in [
        json!({"kind": "MORATORIUM", "from": from + Days::new(1), "to": to + Days::new(9)}),
        json!({"kind": "MORATORIUM", "from": from + Days::new(1)}),
        json!({"kind": "MORATORIUM", "from": to, "to": from}),
    ] {
        let body = json!({"act": refused, "reason": "the RBI's circular", "maker": "asha"});
        let path = format!("/admin/loans/{}/acts", loan.loan.loan_id);
        assert_eq!(server.post(&path, &body).await.0, 409, "{refused}");
    }
    let before = loan.sum.penal();
    assert!(before > 0);
    // It is said to have lasted longer: what was charged meanwhile is taken back.
    released(&loan, json!({"kind": "MORATORIUM", "from": from, "to": loan.sum.today})).await;
    let shown = loan.ask(path::LOAN_SUMMARY, json!({})).await;
    let pending = paise(&shown["summary"]["extensibleData"]["penaltyPending"]);
    assert!(pending < before, "{pending} is less than {before}");
    let left = i128::from(loan.sum.rows[0].principal + loan.sum.rows[0].interest);
    let four_days = (left * 24 * 4 * 2 + 36_500) / 73_000;
    assert_eq!(i128::from(pending), four_days, "of the days before it alone");
    let row = loan.statement_balance().await;
    assert_eq!(row.0, row.1, "and the statement says so");
}

/// An act that one person proposes and another releases.
async fn released(loan: &Outsider<'_>, act: serde_json::Value) {
    let path = format!("/admin/loans/{}/acts", loan.loan.loan_id);
    let body = json!({"act": act, "reason": "the RBI's circular", "maker": "asha"});
    let (status, proposed) = loan.server.post(&path, &body).await;
    assert_eq!(status, 201, "{proposed}");
    let release = format!("/admin/acts/{}/release", proposed["actId"].as_str().unwrap());
    let (status, done) = loan.server.post(&release, &json!({"checker": "ravi"})).await;
    assert_eq!(status, 200, "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_debit_that_bounced_is_paid_on_a_page() {
    let server = server(json!({})).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    loan.bank(Bank::Bounces);
    loan.due(1).await;
    loan.pays(For::Instalment, None).await;
    loan.days(1).await;
    assert_eq!(loan.sum.paid.fee, 25_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_paid_when_the_day_is_over_leaves_the_loan_overdue() {
    let server = server(json!({})).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    loan.bank(Bank::Bounces);
    loan.due(1).await;
    loan.pays(For::Instalment, Some(100)).await;
    assert_eq!(loan.sum.class, "SMA-0");
    loan.days(1).await;
    loan.days(28).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_came_back_was_never_made() {
    let server = server(json!({"servicing": {"penalEveryDays": 10}})).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    let mut never = loan.sum.clone();
    loan.due(1).await;
    let (amount, id) = (loan.sum.received, loan.payment.clone());
    loan.days(3).await;
    let told = format!("/sandbox/payments/{id}?loanId={}", loan.loan.loan_id);
    assert_eq!(server.post(&told, &json!({"outcome": "return"})).await.0, 200);
    loan.told(|body| body["payment"]["id"] == id && body["payment"]["status"] == "FAILURE").await;
    // As if nobody had paid; the statement shows both ways of the money, and the charge for the return.
    never.to(loan.sum.today);
    let lines = loan.sum.lines.clone();
    loan.sum = never;
    loan.sum.lines = lines;
    loan.sum.came_back(amount);
    server.until("the borrower was told", || async { is_told(&loan).await }).await;
    loan.check().await;
    loan.bank(Bank::Bounces);
    for days in [1, 6, 10] {
        loan.days(days).await;
    }
    loan.pays(For::Instalment, None).await;
}

/// Whether the borrower knows that the first instalment is overdue.
async fn is_told(loan: &Outsider<'_>) -> bool {
    let shown = loan.server.get(&format!("/admin/loans/{}", loan.loan.loan_id)).await;
    shown["schedule"][0]["overdueNotice"].is_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loan_that_nobody_pays_is_non_performing_until_all_arrears_are_paid() {
    let server = server(json!({})).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    loan.bank(Bank::Bounces);
    loan.due(1).await;
    for days in [29, 1, 29, 1, 29] {
        loan.days(days).await;
    }
    assert_eq!(loan.sum.class, "SMA-2");
    loan.days(1).await;
    assert_eq!(loan.sum.class, "NPA");
    // Principal first now.
    let instalment = loan.sum.rows[0].principal + loan.sum.rows[0].interest;
    let split = loan.pays(For::Instalment, Some(instalment)).await;
    assert_eq!(split.interest, 0);
    loan.days(2).await;
    assert_eq!(loan.sum.class, "NPA");
    loan.pays(For::Instalment, None).await;
    assert_eq!(loan.sum.class, "STANDARD");
    loan.bank(Bank::Pays);
    loan.due(12).await;
    assert!(loan.sum.closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_loans_of_a_borrower_are_classed_alike() {
    let server = server(json!({})).await;
    let lsp = lsp(&server).await;
    let mut loans = Outsider::borrow_some(&server, &lsp, 2).await;
    loans[0].bank(Bank::Bounces);
    let first = loans[0].sum.rows[0].due;
    both_to(&mut loans, first + chrono::Days::new(89)).await;
    assert_eq!((loans[0].sum.class, loans[1].sum.class), ("SMA-2", "STANDARD"));
    both_to(&mut loans, first + chrono::Days::new(90)).await;
    assert_eq!(loans[1].status(), "DEFAULTED", "it was paid on time itself");
    // The other one misses an instalment too: both are cured only together.
    loans[1].bank(Bank::Bounces);
    both_to(&mut loans, first + chrono::Days::new(125)).await;
    loans[0].pays(For::Instalment, None).await;
    assert_eq!((loans[0].sum.class, loans[0].status()), ("STANDARD", "DEFAULTED"));
    loans[1].pays(For::Instalment, Some(10_000)).await;
    loans[1].settles(For::Instalment, None).await;
    for loan in &mut loans {
        loan.sum.borrower_is_npa = false;
        assert_eq!(loan.status(), "GRANTED");
        loan.check().await;
    }
}

/// Both loans of one borrower go from due date to due date together.
async fn both_to(loans: &mut [Outsider<'_>], day: chrono::NaiveDate) {
    let mut stops = loans[0].due_until(day);
    stops.push(day);
    for stop in stops {
        for loan in loans.iter().filter(|loan| !loan.due_until(stop).is_empty()) {
            loan.tell_bank().await;
        }
        loans[0].clock(stop).await;
        for loan in loans.iter_mut() {
            loan.follows_to(stop).await;
        }
        let npa = loans.iter().any(|loan| loan.sum.class == "NPA");
        for loan in loans.iter_mut() {
            loan.sum.borrower_is_npa |= npa;
            loan.check().await;
        }
    }
}
