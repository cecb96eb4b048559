//! What a decision may know, gathered under the locks that keep it true.

use chrono::NaiveDate;
use sqlx::PgConnection;

use crate::app::App;
use crate::domain::application::Application;
use crate::domain::application::ask::{Ask, Finding, Outcome};
use crate::domain::application::command::Command;
use crate::domain::application::decision::{Exposure, Facts, Fresh, History};
use crate::domain::application::form::{Borrower, Collateral};
use crate::domain::application::stage::Stage;
use crate::domain::ids::{ApplicationId, ExchangeId, PaymentId};
use crate::domain::loan::Loan;
use crate::domain::loan::dispute::Dispute;
use crate::domain::loan::repayment::Payment;
use crate::engine::{otp, pages};
use crate::seal::Sealer;
use crate::store::application::Locked;
use crate::store::ask_money::Standing;
use crate::store::loan::LockedLoan;
use crate::store::{StoreError, ask_money, book, dispute, exposure, loan, repayment, settings};

/// Facts that came from the database.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Exposure of the borrower beside the application.
    pub exposure: Exposure,
    /// Whether the OTP is right.
    pub otp_matches: bool,
    /// Whether a collateral is pledged elsewhere.
    pub collateral_pledged: bool,
    /// The loan, locked.
    pub loan: Option<LockedLoan>,
    /// Its facts and journals, where they are needed.
    pub history: Option<History>,
    /// The payment that a request is about, as it is stored.
    pub payment: Option<Payment>,
    /// The dispute that a request names.
    pub dispute: Option<Dispute>,
    /// The handle that a consent status request means.
    pub consent_handle: Option<String>,
    /// Accounts of LSPs, loaded when one is chosen.
    pub lsp_accounts: Vec<String>,
    /// Name of the LSP, loaded when offers are priced or terms are restated.
    pub lsp_name: String,
    /// Money orders that have not ended, loaded for acts by hand.
    pub orders: Standing,
    /// Whether the money that an outcome tells of is credited already.
    pub is_credited: bool,
    /// The business date by which the facts were gathered; the clock's where none was needed.
    pub today: Option<NaiveDate>,
}

impl Gathered {
    /// The loan, where one was locked.
    pub fn loan(&self) -> Option<&Loan> {
        self.loan.as_ref().map(|locked| &locked.loan)
    }

    /// For the day-end of one loan.
    pub async fn for_loan(app: &App, conn: &mut PgConnection, application: &Application) -> Result<Self, StoreError> {
        Ok(Self { loan: lock_loan(app, conn, Some(application)).await?, ..Self::default() })
    }

    /// Reads what stands in the loan's book.
    pub async fn with_history(mut self, app: &App, conn: &mut PgConnection) -> Result<Self, StoreError> {
        if let Some(locked) = &self.loan {
            self.history = Some(book::history(conn, &app.sealer, &locked.loan.id).await?);
        }
        Ok(self)
    }

    /// Looks for liens of other loans on the collaterals of a loan that is over: what is being booked may open it again.
    pub async fn with_collaterals(
        mut self,
        app: &App,
        conn: &mut PgConnection,
        application: Option<&Application>,
    ) -> Result<Self, StoreError> {
        if let Some(application) = application.filter(|_| self.loan().is_some_and(Loan::is_over)) {
            // The borrower before the collaterals, as a grant locks them.
            let borrower = borrower_index(app, &application.form.borrower);
            exposure::lock_borrower(conn, &borrower, app.clock.now()).await?;
            let collaterals = earlier_pledges(app, application);
            exposure::lock_collaterals(conn, &collaterals).await?;
            self.collateral_pledged = exposure::is_pledged(conn, &collaterals, application.id).await?;
        }
        Ok(self)
    }

    /// Reads a payment of the loan, by either of its ids, or the latest one.
    pub async fn with_payment(
        mut self,
        app: &App,
        conn: &mut PgConnection,
        id: Option<&PaymentId>,
    ) -> Result<Self, StoreError> {
        if let Some(locked) = &self.loan {
            self.payment = repayment::find(conn, &app.sealer, &locked.loan.id, id).await?;
        }
        Ok(self)
    }

    /// Looks for the money orders of the loan that have not ended; they stay so until the transaction ends.
    pub async fn with_orders(
        mut self,
        app: &App,
        conn: &mut PgConnection,
        application: ApplicationId,
    ) -> Result<Self, StoreError> {
        self.orders = ask_money::standing(conn, &app.sealer, application).await?;
        Ok(self)
    }

    /// Looks whether money that a person has found for a payment is credited already, as if its system had told of it.
    pub async fn with_found(
        mut self,
        conn: &mut PgConnection,
        (payment, utr): (&PaymentId, &str),
    ) -> Result<Self, StoreError> {
        if let Some(locked) = &self.loan {
            self.is_credited = repayment::is_booked(conn, &locked.loan.id, (payment, utr)).await?;
        }
        Ok(self)
    }

    /// For a command: loan, then borrower, in the one lock order (design §5).
    pub async fn for_command(
        app: &App,
        conn: &mut PgConnection,
        locked: &[Locked],
        command: &Command,
    ) -> Result<Self, StoreError> {
        let mut gathered = Self::default();
        let first = locked.first().map(|l| &l.application);
        gathered.loan = lock_loan(app, conn, first).await?;
        if let (Command::SetOffer { .. }, Some(application)) = (command, first) {
            gathered.exposure = locked_exposure(app, conn, application).await?;
        }
        if matches!(command, Command::SetDisbursementAccount(..)) {
            gathered.lsp_accounts = settings::own_accounts(conn).await?;
        }
        if let (Command::TriggerDisbursement { .. }, Some(loan)) = (command, gathered.loan())
            && loan.offer.terms.disbursed_on < app.clock.today()
        {
            gathered.lsp_name = pages::lsp_name(conn, loan.org_id.as_str()).await?;
        }
        if let Command::VerifyAcceptance { session_key, otp } = command {
            let apps: Vec<Application> = locked.iter().map(|l| l.application.clone()).collect();
            gathered.otp_matches = otp::matches(&app.sealer, session_key, &apps, otp);
        }
        match command {
            Command::LoanStatement { .. } => gathered.with_history(app, conn).await,
            Command::RepaymentStatus { payment_id, .. } | Command::RepaymentHint { payment_id, .. } => {
                gathered.with_payment(app, conn, payment_id.as_ref()).await
            }
            Command::TriggerRepayment { order, .. } if order.id.is_some() => {
                gathered.with_payment(app, conn, order.id.as_ref()).await
            }
            Command::RaiseDispute { dispute: Some(id), .. } | Command::DisputeStatus(id) => {
                gathered.dispute = dispute::lock(conn, &app.sealer, id).await?;
                Ok(gathered)
            }
            _ => Ok(gathered),
        }
    }

    /// For an outcome. The book is read only if the outcome belongs to a day that is already processed.
    pub async fn for_outcome(
        app: &App,
        conn: &mut PgConnection,
        locked: &[Locked],
        (ask, outcome): (&Ask, &Outcome),
    ) -> Result<Self, StoreError> {
        let mut gathered = Self::default();
        let Some(application) = locked.first().map(|l| &l.application) else {
            return Ok(gathered);
        };
        match ask {
            Ask::VerifyAccount { .. } => gathered.loan = lock_loan(app, conn, Some(application)).await?,
            Ask::Offers => {
                let borrower = borrower_index(app, &application.form.borrower);
                gathered.exposure = exposure::beside(conn, &borrower, application.id).await?;
                gathered.lsp_name = pages::lsp_name(conn, application.org_id.as_str()).await?;
            }
            Ask::FinalCheck => {
                gathered.exposure = locked_exposure(app, conn, application).await?;
                let collaterals = earlier_pledges(app, application);
                exposure::lock_collaterals(conn, &collaterals).await?;
                gathered.collateral_pledged = exposure::is_pledged(conn, &collaterals, application.id).await?;
            }
            ask if ask.is_about_a_loan() => {
                gathered.loan = lock_loan(app, conn, Some(application)).await?;
                gathered.today = Some(app.clock.today());
                gathered.is_credited = is_booked(conn, gathered.loan(), (ask, outcome)).await?;
                if comes_late(gathered.loan(), ask, outcome, gathered.business_date(app)) {
                    let gathered = gathered.with_history(app, conn).await?;
                    return gathered.with_collaterals(app, conn, Some(application)).await;
                }
            }
            _ => {}
        }
        Ok(gathered)
    }

    /// The business date, read once for what is decided together. A loan's time never goes back: a replica whose clock
    /// is slow meets loans that another one has brought to the next day.
    fn business_date(&self, app: &App) -> NaiveDate {
        let reached = self.loan().and_then(|loan| loan.account.as_ref()).map(|account| account.at.day);
        let today = self.today.unwrap_or_else(|| app.clock.today());
        reached.map_or(today, |reached| today.max(reached))
    }

    /// The facts as a decision wants them.
    pub fn facts<'a>(&'a self, app: &'a App, exchange: Option<ExchangeId>) -> Facts<'a> {
        Facts {
            now: app.clock.now(),
            today: self.business_date(app),
            products: &app.config.products,
            limits: &app.config.limits,
            calendar: &app.config.calendar,
            letterhead: &app.config.letterhead,
            scribe: app,
            lsp_name: self.lsp_name.clone(),
            exchange,
            exposure: self.exposure,
            fresh: Fresh { session_key: app.ids.token(), dispute_id: format!("DSP-{}", app.ids.uuid().simple()) },
            otp_matches: self.otp_matches,
            collateral_pledged: self.collateral_pledged,
            orders_under_way: self.orders.under_way.clone(),
            orders_unanswered: self.orders.unanswered.clone(),
            is_credited: self.is_credited,
            lsp_accounts: self.lsp_accounts.clone(),
            loan: self.loan(),
            history: self.history.as_ref(),
            payment: self.payment.as_ref(),
            dispute: self.dispute.as_ref(),
            borrower_npa_since: self.loan.as_ref().and_then(|locked| locked.borrower_npa_since),
            consent_handle: self.consent_handle.clone(),
        }
    }
}

/// Whether an outcome may need a replay of the book: it counts on a day that is already processed, or takes something
/// back.
fn comes_late(loan: Option<&Loan>, ask: &Ask, outcome: &Outcome, today: NaiveDate) -> bool {
    let is_running = loan.is_some_and(|loan| loan.account.is_some());
    match (ask, outcome) {
        // The account is brought to the business date before anything else happens.
        (_, Outcome::Done { finding: Finding::Collected { value_date, .. } }) => is_running && *value_date < today,
        // One that was booked back is not booked again.
        (Ask::Refund(_), Outcome::Refused { .. } | Outcome::Done { .. }) => true,
        _ => false,
    }
}

/// Asked for the loan that took the money alone: another payment may have the same reference at another bank.
async fn is_booked(
    conn: &mut PgConnection,
    loan: Option<&Loan>,
    (ask, outcome): (&Ask, &Outcome),
) -> Result<bool, StoreError> {
    match (loan, ask.collects(), outcome) {
        (Some(loan), Some(collection), Outcome::Done { finding: Finding::Collected { utr, .. } }) => {
            repayment::is_booked(conn, &loan.id, (&collection.payment_id, utr)).await
        }
        _ => Ok(false),
    }
}

async fn lock_loan(
    app: &App,
    conn: &mut PgConnection,
    application: Option<&Application>,
) -> Result<Option<LockedLoan>, StoreError> {
    match application {
        Some(application) if matches!(application.stage, Stage::Granted { .. }) => {
            loan::lock(conn, &app.sealer, application.id).await
        }
        _ => Ok(None),
    }
}

async fn locked_exposure(
    app: &App,
    conn: &mut PgConnection,
    application: &Application,
) -> Result<Exposure, StoreError> {
    let borrower = borrower_index(app, &application.form.borrower);
    exposure::lock_borrower(conn, &borrower, app.clock.now()).await?;
    exposure::beside(conn, &borrower, application.id).await
}

/// Blind index of the identity that exposure is counted by.
pub fn borrower_index(app: &App, borrower: &Borrower) -> Vec<u8> {
    let (kind, value) = borrower.identity();
    app.sealer.blind_index(kind, value)
}

/// Digits of a phone number in India, without what stands before them.
const PHONE_DIGITS: usize = 10;

/// Blind index of a phone number, in hex, whatever it is written with; nothing for what is none.
#[must_use]
pub fn phone_index(sealer: &Sealer, phone: &str) -> Option<String> {
    let usual = |c: char| c.is_ascii_digit() || " +-().".contains(c);
    let digits: Vec<char> = phone.chars().filter(char::is_ascii_digit).collect();
    let last: String = digits.get(digits.len().checked_sub(PHONE_DIGITS)?..)?.iter().collect();
    let index = phone.chars().all(usual).then(|| sealer.blind_index("phone", &last))?;
    Some(hex::encode(&index))
}

/// Blind indexes of what an application pledges.
pub fn collateral_indexes(app: &App, application: &Application) -> Vec<Vec<u8>> {
    let pledges = application.form.collaterals.iter().map(Collateral::pledge);
    pledges.map(|pledge| app.sealer.blind_index("collateral", &pledge)).collect()
}

/// Blind indexes under which what an application pledges may be pledged already.
fn earlier_pledges(app: &App, application: &Application) -> Vec<Vec<u8>> {
    let pledges = application.form.collaterals.iter().flat_map(Collateral::earlier_pledges);
    let mut indexes: Vec<Vec<u8>> = pledges.map(|pledge| app.sealer.blind_index("collateral", &pledge)).collect();
    indexes.sort_unstable();
    indexes.dedup();
    indexes
}
