//! What the sandbox may put between the engine and the world: scenario codes, and faults on purpose.
//!
//! [`App`](super::App) has one in `dev` and none in any other mode, so that nothing of it can happen in `serve`.

mod fault;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use sqlx::PgConnection;

pub use self::fault::{Arrival, Direction, FAULTS, Fault, Hints, Spoilt};
use crate::domain::application::Application;
use crate::domain::application::command::Command;
use crate::domain::ids::ApplicationId;
use crate::engine::Request;
use crate::store::stream::Head;

/// Codes that a request brought for its applications.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Given {
    /// One line for each.
    pub lines: Vec<GivenCode>,
    /// What the applications' histories say about it.
    pub words: Vec<(ApplicationId, String)>,
    /// The applications, and the sources whose earlier codes count no more: their data was replaced.
    pub applications: Vec<ApplicationId>,
    /// In the words of the database.
    pub replaces: &'static [&'static str],
}

/// One code for one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenCode {
    /// Which application.
    pub application: ApplicationId,
    /// Four digits.
    pub code: String,
    /// Where it came from, in the word of the database.
    pub source: &'static str,
    /// Of one family the lowest counts.
    pub rank: i16,
}

impl Given {
    /// Whether the preliminary check of an application is left to the simulated systems.
    #[must_use]
    pub fn checks(&self, application: ApplicationId) -> bool {
        self.lines.iter().any(|line| line.application == application && line.code.starts_with("01"))
    }
}

/// The sandbox's hand in the engine. Every method is asked in the transaction of what it is about.
pub trait Bench: Send + Sync {
    /// Name of the header that carries codes.
    fn header(&self) -> &'static str;

    /// Reads the codes of a request about these applications, while the clear data is at hand.
    ///
    /// # Errors
    /// When the database fails.
    fn read<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        request: &'a Request,
        applications: &'a [Application],
    ) -> BoxFuture<'a, sqlx::Result<Given>>;

    /// Stores what was read; the applications are there by then.
    ///
    /// # Errors
    /// When the database fails.
    fn keep<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        given: &'a Given,
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, sqlx::Result<()>>;

    /// Lets an OTP be right, wrong, expired or locked, whatever was sent: changes the session that the applications
    /// carry, and says whether the digits match where the real comparison is not to count.
    ///
    /// # Errors
    /// When the database fails.
    fn one_time_password<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        command: &'a Command,
        applications: &'a mut [Application],
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, sqlx::Result<Option<bool>>>;

    /// What is done to a request on its way in, by what it says of itself.
    ///
    /// # Errors
    /// When the database fails.
    fn arrival<'a>(
        &'a self,
        operation: &'static str,
        message: (&'a [u8], Option<&'a str>),
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, sqlx::Result<Arrival>>;

    /// Whether a connection of an LSP is refused before anything is known of who it is.
    ///
    /// # Errors
    /// When the database fails.
    fn refuses_connection(&self, now: DateTime<Utc>) -> BoxFuture<'_, sqlx::Result<bool>>;

    /// Holds callbacks back that are to be late or in another order; gives those that may leave.
    ///
    /// # Errors
    /// When the database fails.
    fn hold<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        heads: Vec<Head>,
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, sqlx::Result<Vec<Head>>>;

    /// What is done to one attempt at a callback of a lender.
    ///
    /// # Errors
    /// When the database fails.
    fn spoil<'a>(&'a self, head: &'a Head, lender: &'a str, now: DateTime<Utc>) -> BoxFuture<'a, sqlx::Result<Spoilt>>;
}
