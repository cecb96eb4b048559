//! The steps of a journey, in the canonical order of `ocen-v3.md` §5.3.

mod origination;
mod payout;
mod set_up;

use std::future::Future;

use chrono::SecondsFormat;
use futures_util::future::try_join_all;
use serde_json::Value;

use super::borrower::{Borrower, new_id};
use super::error::JourneyError;
use super::lsp::Lsp;
use super::messages;
use super::operations::{GET_ERROR_CODES, GET_LOOKUP_CODES, HEARTBEAT, text};
use super::outbound::Call;
use super::report::PaidLoan;
use super::screen::rupees;
use crate::clock::Ids;

/// Messages under way at once within one journey: the applications of one borrower are locked together anyway.
const ABREAST: usize = 4;
/// What is asked for, from the first application on, rupees.
const FIRST_AMOUNT: u32 = 30_000;
/// By how much the next application asks for more, rupees.
const STEP: u32 = 1_250;

/// One application on its way.
#[derive(Debug)]
pub struct Application {
    /// `loanApplicationId`.
    pub id: String,
    /// What is asked for, rupees.
    pub requested: String,
    /// Number of the invoice to be financed.
    pub invoice: String,
    offer: Value,
    disbursement_plan: Value,
    repayment_plan: Value,
    paid: PaidLoan,
}

impl Application {
    fn new(number: u32) -> Self {
        Self {
            id: new_id(Ids, "APP"),
            requested: format!("{}.00", FIRST_AMOUNT + number * STEP),
            invoice: new_id(Ids, "INV"),
            offer: Value::Null,
            disbursement_plan: Value::Null,
            repayment_plan: Value::Null,
            paid: PaidLoan::default(),
        }
    }
}

/// One borrower's way.
struct Journey<'a> {
    lsp: &'a Lsp,
    borrower: Borrower,
}

/// Is the server up, and which codes does it know: once per run.
///
/// # Errors
/// [`JourneyError`] of the step that failed.
pub async fn meta(lsp: &Lsp) -> Result<(), JourneyError> {
    let courier = &lsp.courier;
    courier.screen.title("Meta");
    // The ack is the whole answer, unless an LSP wants a callback too (§8.4).
    let call = Call::new(&HEARTBEAT, Value::Object(serde_json::Map::new()), "");
    let ack = courier.post(&call).await?;
    match text(&ack, "/status") {
        "" | "UP" | "DEGRADED" => {}
        other => return Err(call.failed("status UP", other)),
    }
    courier.ask(&Call::new(&GET_LOOKUP_CODES, messages::lookup_codes(), "LOAN_STATUS")).await?;
    courier.ask(&Call::new(&GET_ERROR_CODES, messages::error_codes(), "SDP1001")).await?;
    Ok(())
}

/// Takes `count` applications of one borrower from the application to the money in the account.
///
/// # Errors
/// [`JourneyError`] of the step that failed.
pub async fn journey(lsp: &Lsp, count: u8) -> Result<Vec<PaidLoan>, JourneyError> {
    let journey = Journey { lsp, borrower: Borrower::new(Ids) };
    let screen = &lsp.courier.screen;
    let mut applications: Vec<Application> = (0..u32::from(count)).map(Application::new).collect();

    screen.title("Application");
    journey.create(&applications).await?;
    screen.title("Data consent");
    journey.consent(&applications, "ONETIME").await?;
    screen.title("Offers");
    journey.generate_offers(&mut applications).await?;
    abreast(&mut applications, |application| journey.set_offer(application)).await?;
    screen.title("Agreement");
    journey.accept(&applications).await?;
    screen.title("Disbursement set-up");
    abreast(&mut applications, |application| journey.choose_disbursement(application)).await?;
    screen.title("Repayment set-up");
    abreast(&mut applications, |application| journey.choose_repayment(application)).await?;
    screen.title("Monitoring consent");
    journey.consent(&applications, "PERIODIC").await?;
    screen.title("Grant");
    abreast(&mut applications, |application| journey.grant(application)).await?;
    screen.title("Disbursement");
    abreast(&mut applications, |application| journey.disburse(application)).await?;
    Ok(applications.into_iter().map(|application| application.paid).collect())
}

/// Takes one step with each application, a few at a time.
async fn abreast<'a, F, S>(applications: &'a mut [Application], step: S) -> Result<(), JourneyError>
where
    S: Fn(&'a mut Application) -> F,
    F: Future<Output = Result<(), JourneyError>>,
{
    for group in applications.chunks_mut(ABREAST) {
        try_join_all(group.iter_mut().map(&step)).await?;
    }
    Ok(())
}

impl Journey<'_> {
    fn now(&self) -> String {
        self.lsp.courier.clock.wall().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Does the borrower's or the bank's part where the server holds it. A server without a sandbox has people for
    /// that, so a refusal only shows.
    async fn tell(&self, path: &str, outcome: &str) {
        let screen = &self.lsp.courier.screen;
        match self.lsp.admin.tell(path, outcome).await {
            Ok(()) => screen.aside(&format!("sandbox: {outcome}")),
            Err(why) => screen.aside(&format!("waiting for the borrower or the bank ({why})")),
        }
    }
}

fn ids(applications: &[Application]) -> Vec<&str> {
    applications.iter().map(|application| application.id.as_str()).collect()
}

/// `20 applications, ₹8,37,500.00`, or an id when there is one.
fn named(applications: &[Application]) -> String {
    match applications {
        [one] => format!("{} {}", one.id, rupees(&one.requested)),
        many => format!("{} applications", many.len()),
    }
}
