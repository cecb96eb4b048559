//! What a decision may know, gathered under the locks that keep it true.

use sqlx::PgConnection;

use crate::app::App;
use crate::domain::application::Application;
use crate::domain::application::ask::Ask;
use crate::domain::application::command::Command;
use crate::domain::application::decision::{Exposure, Facts, Fresh};
use crate::domain::application::form::Borrower;
use crate::domain::application::stage::Stage;
use crate::domain::ids::ExchangeId;
use crate::domain::loan::Loan;
use crate::engine::{otp, pages};
use crate::store::application::Locked;
use crate::store::{StoreError, exposure, loan, settings};

/// Facts that came from the database.
#[derive(Debug, Default)]
pub struct Gathered {
    /// Exposure of the borrower beside the application.
    pub exposure: Exposure,
    /// Whether the OTP is right.
    pub otp_matches: bool,
    /// Whether a collateral is pledged elsewhere.
    pub collateral_pledged: bool,
    /// The loan with its revision, locked.
    pub loan: Option<(Loan, i64)>,
    /// The handle that a consent status request means.
    pub consent_handle: Option<String>,
    /// Accounts of LSPs, loaded when one is chosen.
    pub lsp_accounts: Vec<String>,
    /// Name of the LSP, loaded when offers are priced.
    pub lsp_name: String,
}

impl Gathered {
    /// The loan, where one was locked.
    pub fn loan(&self) -> Option<&Loan> {
        self.loan.as_ref().map(|(loan, _)| loan)
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
        if let Command::VerifyAcceptance { session_key, otp } = command {
            let apps: Vec<Application> = locked.iter().map(|l| l.application.clone()).collect();
            gathered.otp_matches = otp::matches(&app.sealer, session_key, &apps, otp);
        }
        Ok(gathered)
    }

    /// For an outcome.
    pub async fn for_outcome(
        app: &App,
        conn: &mut PgConnection,
        locked: &[Locked],
        ask: &Ask,
    ) -> Result<Self, StoreError> {
        let mut gathered = Self::default();
        let Some(application) = locked.first().map(|l| &l.application) else {
            return Ok(gathered);
        };
        match ask {
            Ask::Pay(_) | Ask::VerifyAccount { .. } | Ask::Notify(_) => {
                gathered.loan = lock_loan(app, conn, Some(application)).await?;
            }
            Ask::Offers => {
                let borrower = borrower_index(app, &application.form.borrower);
                gathered.exposure = exposure::beside(conn, &borrower, application.id).await?;
                gathered.lsp_name = pages::lsp_name(conn, application.org_id.as_str()).await?;
            }
            Ask::FinalCheck => {
                gathered.exposure = locked_exposure(app, conn, application).await?;
                let collaterals = collateral_indexes(app, application);
                exposure::lock_collaterals(conn, &collaterals).await?;
                gathered.collateral_pledged = exposure::is_pledged(conn, &collaterals, application.id).await?;
            }
            _ => {}
        }
        Ok(gathered)
    }

    /// The facts as a decision wants them.
    pub fn facts<'a>(&self, app: &'a App, exchange: Option<ExchangeId>, loan: Option<&'a Loan>) -> Facts<'a> {
        Facts {
            now: app.clock.now(),
            today: app.clock.today(),
            products: &app.config.products,
            limits: &app.config.limits,
            calendar: &app.config.calendar,
            letterhead: &app.config.letterhead,
            scribe: app,
            lsp_name: self.lsp_name.clone(),
            exchange,
            exposure: self.exposure,
            fresh: Fresh { session_key: app.ids.token(), loan_id: app.ids.loan() },
            otp_matches: self.otp_matches,
            collateral_pledged: self.collateral_pledged,
            lsp_accounts: self.lsp_accounts.clone(),
            loan,
            consent_handle: self.consent_handle.clone(),
        }
    }
}

async fn lock_loan(
    app: &App,
    conn: &mut PgConnection,
    application: Option<&Application>,
) -> Result<Option<(Loan, i64)>, StoreError> {
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

/// Blind indexes of an application's collaterals.
pub fn collateral_indexes(app: &App, application: &Application) -> Vec<Vec<u8>> {
    application
        .form
        .collaterals
        .iter()
        .map(|c| app.sealer.blind_index("collateral", &format!("{}:{}", c.id_type, c.id)))
        .collect()
}
