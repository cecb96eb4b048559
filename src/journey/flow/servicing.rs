//! What an LSP reads about a loan, a repayment on a page, and a complaint.

use serde_json::Value;
use tokio::time::Instant;

use super::set_up::pause;
use super::{Application, Journey, messages};
use crate::journey::error::JourneyError;
use crate::journey::lsp::Lsp;
use crate::journey::operations::{
    DISPUTE_STATUS, GET_LOAN, LIST_LOANS, LOAN_STATEMENT, LOAN_SUMMARY, RAISE_DISPUTE, TRIGGER_REPAYMENT,
    TRIGGER_REPAYMENT_STATUS, list, repayment_topic, text,
};
use crate::journey::outbound::Call;
use crate::journey::screen::rupees;

/// Where the schedule stands in a repayment plan (an extension of ours).
pub(super) const SCHEDULE: &str = "/extensibleData/schedule";
/// What is paid on a page of an only instalment, rupees, so that something is left to debit.
const PART: &str = "1000.00";
/// Rounds of waiting for a page that nobody may ever pay.
const ROUNDS: u32 = 3;

impl Journey<'_> {
    /// Summary, details and statement of one loan, before anything is repaid.
    pub(super) async fn look(&self, application: &mut Application) -> Result<(), JourneyError> {
        let (lsp, loan_id) = (self.lsp, application.paid.loan_id.clone());
        let (call, summary) = summary(lsp, &loan_id).await?;
        let owed = text(&summary, "/summary/principalPending");
        if owed != application.paid.sanctioned {
            return Err(call.failed(format!("principalPending {}", application.paid.sanctioned), owed));
        }
        application.rows = self.agreed_rows(application).await?;
        let (call, closing) = closing_balance(lsp, &loan_id).await?;
        if closing != owed {
            return Err(call.failed(format!("a statement that closes at {owed}"), closing));
        }
        Ok(())
    }

    /// The rows of the schedule, which must be those of the accepted offer.
    async fn agreed_rows(&self, application: &Application) -> Result<Vec<Value>, JourneyError> {
        let call = Call::new(&GET_LOAN, messages::about_loan(&application.paid.loan_id), &application.paid.loan_id);
        let answer = self.lsp.courier.ask(&call).await?;
        let rows: Vec<Value> = list(&answer.message, &format!("/repayment/plan{SCHEDULE}")).cloned().collect();
        if rows.is_empty() {
            return Err(call.failed("a schedule in the repayment plan's extensibleData", "none"));
        }
        let offered = list(&application.offer, "/repayment/plans").next();
        let offered: Vec<&Value> = offered.into_iter().flat_map(|plan| list(plan, SCHEDULE)).collect();
        // A payout on a later day than the offer assumed moves the due dates.
        let comparable =
            offered.first().is_some_and(|row| row.get("dueDate") == rows.first().and_then(|r| r.get("dueDate")));
        if comparable && !offered.iter().copied().eq(&rows) {
            return Err(call.failed("the schedule of the offer", "another one"));
        }
        Ok(rows)
    }

    /// All loans of the borrower, each of which must be there.
    pub(super) async fn list_loans(&self, applications: &[Application]) -> Result<(), JourneyError> {
        let call = Call::new(&LIST_LOANS, messages::list_loans(&self.borrower), "by PAN");
        let answer = self.lsp.courier.ask(&call).await?;
        for application in applications {
            let loan_id = &application.paid.loan_id;
            if !list(&answer.message, "/loans").any(|loan| text(loan, "/loanId") == loan_id) {
                return Err(call.failed(format!("{loan_id} in the list"), "a list without it"));
            }
        }
        Ok(())
    }

    /// The first instalment, or a part of the only one, in advance and on a page.
    pub(super) async fn pay_on_page(&self, application: &mut Application) -> Result<(), JourneyError> {
        let Some(first) = application.rows.first() else { return Ok(()) };
        let amount = if application.rows.len() > 1 { text(first, "/instalment") } else { PART };
        let (loan_id, amount) = (application.paid.loan_id.clone(), amount.to_owned());
        let number = number(first);
        let note = format!("instalment {number}, {}", rupees(&amount));
        let call = Call::new(&TRIGGER_REPAYMENT, messages::pay_instalment(&loan_id, &number, &amount), note);
        let asked = open_page(self.lsp, &call).await?;
        if text(&asked, "/payment/totalAmount") != amount {
            return Err(call.failed(format!("totalAmount {amount}"), text(&asked, "/payment/totalAmount")));
        }
        let payment_id = text(&asked, "/payment/id").to_owned();
        let paid = self.await_page(&loan_id, &payment_id).await?;
        let came = text(&paid, "/payment/totalAmount");
        if came != amount {
            return Err(unfit(&loan_id, format!("totalAmount {amount}"), came));
        }
        application.advance = amount;
        Ok(())
    }

    /// The news comes by itself; until then the status is asked for.
    async fn await_page(&self, loan_id: &str, payment_id: &str) -> Result<Value, JourneyError> {
        let deadline = Instant::now() + self.lsp.courier.patience.step;
        for round in 0.. {
            if let Some(paid) = look_after_page(self.lsp, (loan_id, payment_id), round).await? {
                return Ok(paid);
            }
            if Instant::now() >= deadline {
                break;
            }
            if round == 1 {
                self.tell(&format!("/sandbox/payments/{payment_id}?loanId={loan_id}"), "succeed").await;
            }
        }
        Err(unfit(loan_id, format!("news of {payment_id}"), "none in time"))
    }

    /// The borrower complains, and the LSP asks what came of it.
    pub(super) async fn complain(&self, application: &Application) -> Result<(), JourneyError> {
        let (courier, loan_id) = (&self.lsp.courier, &application.paid.loan_id);
        let raised = courier.ask(&Call::new(&RAISE_DISPUTE, messages::raise_dispute(loan_id), loan_id)).await?;
        let dispute_id = text(&raised.message, "/dispute/id");
        let call = Call::new(&DISPUTE_STATUS, messages::dispute_status(dispute_id), dispute_id);
        let answer = courier.ask(&call).await?;
        match text(&answer.message, "/dispute/status") {
            "NEW" => Ok(()),
            other => Err(call.failed("dispute.status NEW", other)),
        }
    }
}

/// Where no clock can be moved, the page may settle by itself; then the loan is paid off at once.
///
/// # Errors
/// [`JourneyError`] of the step that failed. A page that nobody pays is no failure: the loan stays open.
pub(super) async fn pay_off(lsp: &Lsp, application: &mut Application) -> Result<(), JourneyError> {
    let loan_id = application.paid.loan_id.clone();
    let call = Call::new(&TRIGGER_REPAYMENT, messages::pay_off(&loan_id), format!("{loan_id}, all of it"));
    let asked = open_page(lsp, &call).await?;
    for round in 0..ROUNDS {
        if look_after_page(lsp, (&loan_id, text(&asked, "/payment/id")), round).await?.is_some() {
            return super::closure::check(lsp, application, text(&asked, "/payment/totalAmount")).await;
        }
    }
    lsp.courier
        .screen
        .aside(&format!("{loan_id} stays open: its page waits for a borrower, and no clock can be moved"));
    Ok(())
}

/// Asks for a payment page, which must have an address.
async fn open_page(lsp: &Lsp, call: &Call) -> Result<Value, JourneyError> {
    let answer = lsp.courier.ask(call).await?;
    if text(&answer.message, "/payment/paymentUrl").is_empty() {
        return Err(call.failed("a paymentUrl", text(&answer.message, "/payment/status")));
    }
    lsp.courier.screen.aside(&format!("the borrower pays at {}", text(&answer.message, "/payment/paymentUrl")));
    Ok(answer.message.clone())
}

/// One look at a page: its status, then a while for its news.
async fn look_after_page(
    lsp: &Lsp,
    (loan_id, payment_id): (&str, &str),
    round: u32,
) -> Result<Option<Value>, JourneyError> {
    let body = messages::repayment_status(loan_id, payment_id);
    let call = Call::new(&TRIGGER_REPAYMENT_STATUS, body, payment_id);
    let answer = lsp.courier.ask(&call).await?;
    match text(&answer.message, "/payment/status") {
        "PENDING_AUTH" | "SUCCESS" => {}
        other => return Err(call.failed("payment.status PENDING_AUTH or SUCCESS", other)),
    }
    let until = Instant::now() + pause(round);
    while let Some(news) = lsp.courier.news(&repayment_topic(loan_id), until).await? {
        let paid = settled(&news.message)?;
        if text(paid, "/payment/id") == payment_id {
            return Ok(Some(paid.clone()));
        }
    }
    Ok(None)
}

/// News of a repayment that went well.
pub(super) fn settled(news: &Value) -> Result<&Value, JourneyError> {
    match text(news, "/payment/status") {
        "SUCCESS" => Ok(news),
        other => {
            let came = format!("{other} {}", text(news, "/response/detail"));
            Err(unfit(text(news, "/loanId"), "payment.status SUCCESS", came.trim_end()))
        }
    }
}

/// What is wrong with the news of a loan's repayments.
pub(super) fn unfit(loan_id: &str, expected: impl Into<String>, came: impl Into<String>) -> JourneyError {
    JourneyError::Step {
        step: "confirmRepayment".to_owned(),
        request_id: loan_id.to_owned(),
        expected: expected.into(),
        came: came.into(),
    }
}

/// What a loan stands at, as the lender tells it.
pub(super) async fn summary(lsp: &Lsp, loan_id: &str) -> Result<(Call, Value), JourneyError> {
    let call = Call::new(&LOAN_SUMMARY, messages::about_loan(loan_id), loan_id);
    let answer = lsp.courier.ask(&call).await?;
    Ok((call, answer.message.clone()))
}

/// What the last row of the whole statement leaves.
pub(super) async fn closing_balance(lsp: &Lsp, loan_id: &str) -> Result<(Call, String), JourneyError> {
    let call = Call::new(&LOAN_STATEMENT, messages::about_loan(loan_id), loan_id);
    let answer = lsp.courier.ask(&call).await?;
    let closing = list(&answer.message, "/accountStatement").last().map(|row| text(row, "/closingBalance").to_owned());
    Ok((call, closing.unwrap_or_default()))
}

/// An instalment's number, as the protocol writes it.
pub(super) fn number(row: &Value) -> String {
    row.get("number").map(|number| number.to_string().trim_matches('"').to_owned()).unwrap_or_default()
}
