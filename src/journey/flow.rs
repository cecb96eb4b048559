//! The steps of a journey, in the canonical order of `ocen-v3.md` §5.3.

mod closure;
mod origination;
mod payout;
mod servicing;
mod set_up;

use std::future::Future;

use chrono::SecondsFormat;
use futures_util::future::try_join_all;
use serde_json::{Value, json};

pub use self::closure::close;
use super::args::{JourneyArgs, Until};
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
    /// `CASHFLOW`, `PERSONAL`, ...
    pub loan_type: String,
    /// Number of the invoice to be financed.
    pub invoice: String,
    offer: Value,
    disbursement_plan: Value,
    repayment_plan: Value,
    /// Rows of the schedule, once it is paid out.
    rows: Vec<Value>,
    /// What was paid before it was due, rupees.
    advance: String,
    paid: PaidLoan,
}

impl Application {
    fn new(loan_type: &str, number: u32) -> Self {
        Self {
            id: new_id(Ids, "APP"),
            requested: format!("{}.00", FIRST_AMOUNT + number * STEP),
            loan_type: loan_type.to_owned(),
            invoice: new_id(Ids, "INV"),
            offer: Value::Null,
            disbursement_plan: Value::Null,
            repayment_plan: Value::Null,
            rows: Vec::new(),
            advance: "0.00".to_owned(),
            paid: PaidLoan::default(),
        }
    }

    /// What is told of it at the end.
    #[must_use]
    pub fn paid(&self) -> &PaidLoan {
        &self.paid
    }

    /// Lets go of what only the way to the payout needed.
    fn pack(&mut self) {
        self.offer = Value::Null;
        self.disbursement_plan = Value::Null;
        self.repayment_plan = Value::Null;
    }
}

/// One borrower's way.
struct Journey<'a> {
    lsp: &'a Lsp,
    borrower: Borrower,
    /// Scenario codes say what borrower and bank do.
    under_codes: bool,
}

/// Is the server up, and which codes does it know: once per run.
///
/// # Errors
/// [`JourneyError`] of the step that failed.
pub async fn meta(lsp: &Lsp) -> Result<(), JourneyError> {
    let courier = &lsp.courier;
    courier.screen.title("Meta");
    // The ack is the whole answer, unless an LSP wants a callback too (`ocen-v3.md` §8.4).
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

/// Takes the applications of one borrower from the request to the money in the account, and looks at the loans; in a
/// sandbox the borrower pays an instalment by hand.
///
/// # Errors
/// [`JourneyError`] of the step that failed.
pub async fn journey(lsp: &Lsp, args: &JourneyArgs, sandbox: bool) -> Result<Vec<Application>, JourneyError> {
    let borrower = Borrower::new(Ids).under(&args.codes);
    let journey = Journey { lsp, borrower, under_codes: !args.codes.is_empty() };
    let numbers = 0..u32::from(args.count);
    let mut applications: Vec<Application> = numbers.map(|number| Application::new(&args.loan_type, number)).collect();
    journey.originate(&mut applications).await?;
    if args.until == Until::Closed {
        journey.service(&mut applications, sandbox).await?;
    }
    applications.iter_mut().for_each(Application::pack);
    Ok(applications)
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
    async fn originate(&self, applications: &mut [Application]) -> Result<(), JourneyError> {
        let screen = &self.lsp.courier.screen;
        screen.title("Application");
        self.create(applications).await?;
        screen.title("Data consent");
        self.consent(applications, "ONETIME").await?;
        screen.title("Offers");
        self.generate_offers(applications).await?;
        abreast(applications, |application| self.set_offer(application)).await?;
        screen.title("Agreement");
        self.accept(applications).await?;
        screen.title("Disbursement set-up");
        abreast(applications, |application| self.choose_disbursement(application)).await?;
        screen.title("Repayment set-up");
        abreast(applications, |application| self.choose_repayment(application)).await?;
        screen.title("Monitoring consent");
        self.consent(applications, "PERIODIC").await?;
        screen.title("Grant");
        abreast(applications, |application| self.grant(application)).await?;
        screen.title("Disbursement");
        abreast(applications, |application| self.disburse(application)).await?;
        Ok(())
    }

    async fn service(&self, applications: &mut [Application], sandbox: bool) -> Result<(), JourneyError> {
        let screen = &self.lsp.courier.screen;
        screen.title("Loan");
        abreast(applications, |application| self.look(application)).await?;
        self.list_loans(applications).await?;
        screen.title("Dispute");
        if let Some(first) = applications.first() {
            self.complain(first).await?;
        }
        if sandbox {
            screen.title("Repayment by hand");
            abreast(applications, |application| self.pay_on_page(application)).await?;
        }
        Ok(())
    }

    fn now(&self) -> String {
        self.lsp.courier.clock.wall().to_rfc3339_opts(SecondsFormat::Millis, true)
    }

    /// Does the borrower's or the bank's part where the server holds it. A server without a sandbox has people for
    /// that, so a refusal only shows.
    async fn tell(&self, path: &str, outcome: &str) {
        let screen = &self.lsp.courier.screen;
        if self.under_codes {
            // Some codes have something happen an hour later.
            if let Err(why) = self.lsp.admin.turn_clock(json!({"advance": "PT61M"})).await {
                screen.aside(&format!("the clock stands ({why})"));
            }
            return;
        }
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
