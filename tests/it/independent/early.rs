//! Borrowers who pay early: ahead of time, a part of the principal, everything, or who leave at once.

use serde_json::json;

use super::{Bank, For, Outsider, lsp, server};

#[tokio::test(flavor = "multi_thread")]
async fn an_instalment_paid_ahead_is_held_until_it_falls_due() {
    let server = server(json!({})).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    loan.days(4).await;
    let split = loan.pays(For::Instalment, Some(100_000)).await;
    assert_eq!(split.excess, 100_000);
    loan.days(5).await;
    loan.pays(For::Instalment, None).await;
    loan.due(1).await;
    assert_eq!(loan.sum.excess, 0);
    // A part ahead: the debit takes the rest.
    loan.days(2).await;
    loan.pays(For::Instalment, Some(12_345)).await;
    loan.due(2).await;
    loan.days(1).await;
    assert_eq!(loan.sum.received, loan.sum.paid.principal + loan.sum.paid.interest);
}

/// A part is prepaid twice in one period and once in another; the loan runs to its end.
async fn prepays(changes: serde_json::Value) {
    let server = server(changes).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    loan.due(1).await;
    loan.days(6).await;
    loan.pays(For::Prepayment, Some(777_777)).await;
    loan.days(5).await;
    loan.due(2).await;
    loan.pays(For::Prepayment, Some(500_000)).await;
    loan.bank(Bank::Bounces);
    loan.due(3).await;
    loan.days(4).await;
    // What is due comes first.
    let due = loan.sum.payable();
    loan.pays(For::Prepayment, Some(due + 300_000)).await;
    loan.bank(Bank::Pays);
    loan.days(1).await;
    let last = loan.sum.rows.len();
    loan.due(last).await;
    assert!(loan.sum.closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepayment_that_ends_the_loan_earlier() {
    prepays(json!({"servicing": {"prepaymentMode": "REDUCE_COUNT"}})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepayment_that_lowers_the_instalment_and_costs_a_charge() {
    prepays(json!({"servicing": {"prepaymentMode": "REDUCE_EPI", "prepaymentPercent": "2.00"}})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepayment_of_equal_principal_by_actual_days() {
    prepays(json!({
        "method": "EQUAL_PRINCIPAL", "dayCount": "ACTUAL365",
        "servicing": {"prepaymentMode": "REDUCE_EPI", "prepaymentPercent": "1.25"},
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreclosure_with_its_charge_and_the_tax_on_it() {
    let server = server(json!({"servicing": {"foreclosurePercent": "3.50", "dueDay": 5}})).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    loan.due(1).await;
    loan.bank(Bank::Bounces);
    loan.due(2).await;
    loan.days(11).await;
    loan.pays(For::Foreclosure, None).await;
    assert!(loan.sum.closed);
    loan.days(40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreclosure_in_the_period_of_a_prepayment() {
    let server = server(json!({"dayCount": "ACTUAL365"})).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    loan.days(7).await;
    loan.pays(For::Prepayment, Some(1_234_567)).await;
    for days in [1, 4, 4] {
        loan.days(days).await;
    }
    loan.pays(For::Prepayment, Some(100_003)).await;
    loan.days(3).await;
    loan.pays(For::Instalment, Some(40_000)).await;
    loan.pays(For::Foreclosure, None).await;
    assert!(loan.sum.closed);
}

/// The borrower leaves after some days; what was kept from the payout is not paid twice.
async fn leaves(changes: serde_json::Value) {
    let server = server(changes).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    loan.days(2).await;
    loan.pays(For::CoolingOffExit, None).await;
    assert!(loan.sum.closed);
    loan.days(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_at_the_annual_percentage_rate() {
    leaves(json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_at_the_contract_rate() {
    leaves(json!({"servicing": {"coolingOff": "RATE_PLUS_FEE"}})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_gives_back_interest_that_was_kept_from_the_payout() {
    let odd = json!({"firstPeriod": "UPFRONT", "servicing": {"dueDay": 5}});
    leaves(odd).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn leaving_at_the_contract_rate_gives_back_interest_that_was_kept_from_the_payout() {
    let odd = json!({"firstPeriod": "UPFRONT", "servicing": {"dueDay": 5, "coolingOff": "RATE_PLUS_FEE"}});
    leaves(odd).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn paying_off_within_the_odd_days_gives_back_those_still_to_come() {
    let odd = json!({"firstPeriod": "UPFRONT", "servicing": {"dueDay": 5, "foreclosurePercent": "3.50"}});
    let server = server(odd).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    for days in [1, 3, 5] {
        loan.days(days).await;
    }
    loan.pays(For::Foreclosure, None).await;
    assert!(loan.sum.closed);
    loan.days(1).await;
}
