//! What the `journey` subcommand takes.

use std::net::SocketAddr;
use std::time::Duration;

use secrecy::SecretString;

use super::scenario::{self, Scenarios};

/// How far a journey goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Until {
    /// The money is in the borrower's account: for load tests.
    PaidOut,
    /// The loan is repaid. In a sandbox this moves the server's clock.
    Closed,
}

/// `journey`: an LSP that takes loans through a running server, from application to closure.
#[derive(Debug, Clone, clap::Args)]
pub struct JourneyArgs {
    /// The server's address for LSPs
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub url: String,
    /// The server's address for operators
    #[arg(long, default_value = "http://127.0.0.1:8081", value_name = "URL")]
    pub admin_url: String,
    /// Bearer token of the operators' listener; `dev` needs none
    #[arg(long, visible_alias = "token", env = "OCEN_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub admin_token: Option<SecretString>,
    /// Where the OTP of a session is read as `{URL}/{sessionKey}`, on a server that is no sandbox
    #[arg(long, value_name = "URL")]
    pub otp_url: Option<String>,
    /// Applications in the one create request of a journey
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=100))]
    pub count: u8,
    /// Journeys, each with a borrower of its own
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub loans: u32,
    /// Journeys under way at the same time
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub concurrency: u16,
    /// Where to stop; `closed` moves a sandbox's clock to each due date, once for all loans of the run
    #[arg(long, value_enum, default_value_t = Until::Closed)]
    pub until: Until,
    /// Loan type to apply for; in the sandbox CASHFLOW is invoice finance, repaid at once
    #[arg(long = "type", default_value = "PERSONAL", ignore_case = true,
        value_parser = ["PERSONAL", "CASHFLOW", "BUSINESS", "VEHICLE", "HOME"], value_name = "TYPE")]
    pub loan_type: String,
    /// Scenario codes for the borrower's PAN, or the account for 07xx, e.g. `0303,0702`; `all` runs every one by
    /// itself. The journey must end as the codes say; in a sandbox this moves the server's clock
    #[arg(long, value_name = "CODES", value_parser = scenario::parse)]
    pub scenario: Option<Scenarios>,
    /// The codes of this one journey.
    #[arg(skip)]
    pub(super) codes: Vec<&'static str>,
    /// Send plain JSON instead of signing it
    #[arg(long)]
    pub unsigned: bool,
    /// Print one JSON object at the end and nothing else
    #[arg(long)]
    pub json: bool,
    /// Seconds that one step may take, retries included; 180 when the server is killed on purpose
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
    pub patience: u64,
    /// Seconds without a callback after which the same request is sent again
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
    pub resend_after: u64,
    /// Stay when the loans are through, and answer callbacks until Ctrl-C: an LSP for `conformance` to test
    #[arg(long)]
    pub serve: bool,
    /// Where to listen for callbacks
    #[arg(long, default_value = "127.0.0.1:0", value_name = "ADDRESS")]
    pub callback_listen: SocketAddr,
    /// Where the server reaches that listener, if not at its own address
    #[arg(long, value_name = "URL")]
    pub callback_url: Option<String>,
}

impl JourneyArgs {
    /// How long one step may take, retries included.
    #[must_use]
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.patience)
    }

    /// How long to wait for a callback before the same request is sent again.
    #[must_use]
    pub fn resend_after(&self) -> Duration {
        Duration::from_secs(self.resend_after)
    }
}
