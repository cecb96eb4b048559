//! Scenario codes (`lending.md` §4.2, §4.3): four digits that force an outcome, put into the data of an application, a
//! header or a call. They act through the simulated systems; the machine behind them is the real one.

pub mod act;
pub mod code;
mod otp;
pub mod read;
pub mod set;
pub mod store;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use sqlx::{PgConnection, PgPool};

use crate::app::{Arrival, Bench, Given, Spoilt};
use crate::config::{Config, Mode};
use crate::domain::application::Application;
use crate::domain::application::command::Command;
use crate::engine::Request;
use crate::store::stream::Head;

/// The sandbox's hand in the engine.
pub struct TestBench {
    pub(in crate::sandbox) pool: PgPool,
}

/// The bench of a server that runs in `dev`; none anywhere else.
#[must_use]
pub fn bench(config: &Config, pool: &PgPool) -> Option<Arc<dyn Bench>> {
    (config.mode == Mode::Dev).then(|| Arc::new(TestBench { pool: pool.clone() }) as Arc<dyn Bench>)
}

impl Bench for TestBench {
    fn header(&self) -> &'static str {
        "x-sandbox-scenario"
    }

    fn read<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        request: &'a Request,
        applications: &'a [Application],
    ) -> BoxFuture<'a, sqlx::Result<Given>> {
        Box::pin(read::request(conn, request, applications))
    }

    fn keep<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        given: &'a Given,
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, sqlx::Result<()>> {
        Box::pin(store::keep(conn, given, now))
    }

    fn one_time_password<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        command: &'a Command,
        applications: &'a mut [Application],
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, sqlx::Result<Option<bool>>> {
        Box::pin(otp::judge(conn, command, applications, now))
    }

    fn arrival<'a>(
        &'a self,
        operation: &'static str,
        message: (&'a [u8], Option<&'a str>),
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, sqlx::Result<Arrival>> {
        Box::pin(self.spoil_arrival(operation, message, now))
    }

    fn refuses_connection(&self, now: DateTime<Utc>) -> BoxFuture<'_, sqlx::Result<bool>> {
        Box::pin(self.refuse_connection(now))
    }

    fn hold<'a>(
        &'a self,
        conn: &'a mut PgConnection,
        heads: Vec<Head>,
        now: DateTime<Utc>,
    ) -> BoxFuture<'a, sqlx::Result<Vec<Head>>> {
        Box::pin(self.hold_heads(conn, heads, now))
    }

    fn spoil<'a>(&'a self, head: &'a Head, lender: &'a str, now: DateTime<Utc>) -> BoxFuture<'a, sqlx::Result<Spoilt>> {
        Box::pin(self.spoil_attempt(head, lender, now))
    }
}
