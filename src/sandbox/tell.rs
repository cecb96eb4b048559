//! Telling the simulated systems what the borrower or the bank does next, and sending the engine to look.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;

use super::items::{self, Item, Kind};
use super::problem::{Body, Params, Problem};
use super::systems::{fail_payment, settle_payment};
use crate::app::{App, SharedApp};
use crate::store;

/// `POST /sandbox/consents/{consentHandle}`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum ConsentOutcome {
    Approve,
    Reject,
}

/// `POST /sandbox/mandates/{planId}`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum MandateOutcome {
    Authorise,
    Refuse,
    Cancel,
}

/// `POST /sandbox/payments/{paymentId}`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum PaymentOutcome {
    Succeed,
    Fail,
    Return,
}

/// The body of all three.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told<T> {
    outcome: T,
}

/// Which loan a payment id is meant of; ids are unique per loan only.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfLoan {
    loan_id: Option<String>,
}

pub(super) async fn consent(
    State(app): State<SharedApp>,
    Path(handle): Path<String>,
    Body(told): Body<Told<ConsentOutcome>>,
) -> Result<Json<Value>, Problem> {
    let mut tx = app.pool.begin().await?;
    let item = items::lock(&mut tx, Kind::Consent, &handle).await?;
    let mut item = item.ok_or_else(|| Problem::unknown("consent"))?;
    let next = match (told.outcome, item.state.as_str()) {
        (ConsentOutcome::Approve, "PENDING" | "APPROVED") => "APPROVED",
        // The borrower may revoke a consent at any time.
        (ConsentOutcome::Reject, _) => "REJECTED",
        (ConsentOutcome::Approve, _) => return Err(ended("consent", &item.state)),
    };
    next.clone_into(&mut item.state);
    items::put(&mut tx, Kind::Consent, &item, app.clock.now()).await?;
    nudge(&mut tx, &app, ("CONSENT", &handle), "data").await?;
    tx.commit().await?;
    app.wake.asks.notify_one();
    Ok(Json(json!({ "consentHandle": handle, "state": next })))
}

pub(super) async fn mandate(
    State(app): State<SharedApp>,
    Path(plan): Path<String>,
    Body(told): Body<Told<MandateOutcome>>,
) -> Result<Json<Value>, Problem> {
    let mut tx = app.pool.begin().await?;
    let item = items::lock(&mut tx, Kind::Mandate, &plan).await?;
    let mut item = item.ok_or_else(|| Problem::unknown("mandate"))?;
    let next = match (told.outcome, item.state.as_str()) {
        (MandateOutcome::Authorise, "PENDING" | "AUTHORISED") => "AUTHORISED",
        (MandateOutcome::Refuse, "PENDING" | "REFUSED") => "REFUSED",
        (MandateOutcome::Cancel, "PENDING" | "AUTHORISED" | "CANCELLED") => "CANCELLED",
        _ => return Err(ended("mandate", &item.state)),
    };
    next.clone_into(&mut item.state);
    items::put(&mut tx, Kind::Mandate, &item, app.clock.now()).await?;
    nudge(&mut tx, &app, ("PLAN", &plan), "collections").await?;
    tx.commit().await?;
    app.wake.asks.notify_one();
    Ok(Json(json!({ "planId": plan, "state": next })))
}

pub(super) async fn payment(
    State(app): State<SharedApp>,
    Path(payment): Path<String>,
    Params(of): Params<OfLoan>,
    Body(told): Body<Told<PaymentOutcome>>,
) -> Result<Json<Value>, Problem> {
    let mut tx = app.pool.begin().await?;
    if let Some(loan) = &of.loan_id {
        // Otherwise the order could slip in between finding no payment and leaving word for it.
        items::take_turn(&mut tx, &items::told_key(loan, &payment)).await?;
    }
    let state = match items::lock_payment(&mut tx, &payment, of.loan_id.as_deref()).await? {
        Some(item) => end_payment(&mut tx, &app, item, told.outcome).await?,
        None => tell_ahead(&mut tx, &app, (&payment, of.loan_id.as_deref()), told.outcome).await?,
    };
    nudge(&mut tx, &app, ("PAYMENT", &payment), "disbursement").await?;
    tx.commit().await?;
    app.wake.asks.notify_one();
    Ok(Json(json!({ "paymentId": payment, "state": state })))
}

async fn end_payment(
    conn: &mut PgConnection,
    app: &App,
    mut item: Item,
    outcome: PaymentOutcome,
) -> Result<String, Problem> {
    match (outcome, item.state.as_str()) {
        (PaymentOutcome::Succeed, "PENDING") => settle_payment(&mut item, app.clock.today()),
        (PaymentOutcome::Fail, "PENDING") => fail_payment(&mut item, "CREDIT_REFUSED"),
        (PaymentOutcome::Return, "PENDING") => fail_payment(&mut item, "RETURNED"),
        (PaymentOutcome::Succeed, "PAID") | (PaymentOutcome::Fail | PaymentOutcome::Return, "FAILED") => {}
        (PaymentOutcome::Return, "PAID") => {
            let detail = "the return of a payment that was made is not served yet";
            return Err(Problem::new(StatusCode::NOT_IMPLEMENTED, detail));
        }
        _ => return Err(ended("payment", &item.state)),
    }
    items::put(conn, Kind::Payment, &item, app.clock.now()).await?;
    Ok(item.state)
}

/// The order may not have reached the bank yet: what was told waits for it.
async fn tell_ahead(
    conn: &mut PgConnection,
    app: &App,
    (payment, loan): (&str, Option<&str>),
    outcome: PaymentOutcome,
) -> Result<String, Problem> {
    let known = !items::applications_of(conn, "PAYMENT", payment).await?.is_empty();
    let loan = loan.filter(|_| known).ok_or_else(|| Problem::unknown("payment; name the loan with ?loanId="))?;
    let state = match outcome {
        PaymentOutcome::Succeed => "PAID",
        PaymentOutcome::Fail | PaymentOutcome::Return => "FAILED",
    };
    let item = Item { key: items::told_key(loan, payment), state: state.to_owned(), detail: None };
    items::put(conn, Kind::Scenario, &item, app.clock.now()).await?;
    Ok(state.to_owned())
}

async fn nudge(conn: &mut PgConnection, app: &App, (kind, value): (&str, &str), port: &str) -> Result<(), Problem> {
    for application in items::applications_of(conn, kind, value).await? {
        store::ask::nudge(conn, application, port, app.clock.now()).await?;
    }
    Ok(())
}

fn ended(what: &str, state: &str) -> Problem {
    Problem::new(StatusCode::CONFLICT, format!("the {what} is {state} already"))
}
