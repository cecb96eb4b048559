//! Every product, on time and a little late.

use serde_json::json;

use super::{Bank, For, Outsider, lsp, server};

/// Runs a loan through an instalment on time, one that bounces and is paid late, and to its end.
async fn lives_through(changes: serde_json::Value) {
    let server = server(changes).await;
    let lsp = lsp(&server).await;
    let mut loan = Outsider::borrows(&server, &lsp).await;
    loan.days(2).await;
    let all = loan.sum.rows.len();
    if all > 1 {
        loan.days(3).await;
        loan.due(1).await;
        loan.days(3).await;
    }
    loan.bank(Bank::Bounces);
    loan.due(2.min(all)).await;
    loan.days(3).await;
    loan.pays(For::Instalment, None).await;
    if all > 1 {
        loan.bank(Bank::Pays);
        loan.due(all).await;
    }
    assert!(loan.sum.closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_monthly_loan_of_twelve_equal_twelfths_of_a_year() {
    lives_through(json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weekly_loan_of_equal_principal_by_actual_days() {
    lives_through(json!({
        "method": "EQUAL_PRINCIPAL", "frequency": "WEEKLY", "installments": 10, "dayCount": "ACTUAL365",
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_payment_at_the_end_by_actual_days() {
    lives_through(json!({"method": "BULLET", "installments": 1, "bulletDays": 45, "dayCount": "ACTUAL365"})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn instalments_of_whole_rupees() {
    lives_through(json!({"rounding": "RUPEE_HALF_UP", "installments": 6})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_first_period_that_stretches() {
    lives_through(json!({"installments": 4, "firstPeriod": "STRETCH", "servicing": {"dueDay": 5}})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_first_period_whose_odd_days_the_first_instalment_pays() {
    lives_through(json!({
        "installments": 4, "firstPeriod": "ADD_TO_FIRST", "oddDayCount": "ACTUAL365", "servicing": {"dueDay": 5},
    }))
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_first_period_whose_odd_days_are_paid_upfront() {
    lives_through(json!({
        "installments": 4, "firstPeriod": "UPFRONT", "oddDayCount": "ACTUAL365", "servicing": {"dueDay": 5},
    }))
    .await;
}
