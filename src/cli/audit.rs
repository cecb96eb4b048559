//! `audit`: walks along the audit log's chain, and writes it out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sqlx::{Connection as _, PgConnection};
use tokio::fs;

use super::lsp::kid_and_file;
use super::{CliError, output};
use crate::audit::verify::{Fault, VerifyError, Walk, Whole, walk};
use crate::config::args::database_url;
use crate::jose::VerifyingKey;
use crate::store::audit::after;

/// Rows that are read at a time.
const BATCH: i64 = 1_000;

/// `audit`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The server's database
    #[arg(long, global = true, env = "DATABASE_URL", hide_env_values = true, value_name = "URL", value_parser = database_url)]
    database_url: Option<SecretString>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Walk along the chain: OK with count and head, or the first broken row and exit code 1; UNPROVEN, and exit code 1,
    /// where all of it holds but a key is missing to check a signature with
    Verify {
        /// First row; the one before it is taken as it is
        #[arg(long, value_name = "NUMBER")]
        from: Option<i64>,
        /// Last row
        #[arg(long, value_name = "NUMBER")]
        to: Option<i64>,
        /// A public key of the lender's in PEM, to check the signatures of anchors with: KID=FILE; once per key
        #[arg(long = "key", value_name = "KID=FILE", value_parser = kid_and_file)]
        keys: Vec<(String, PathBuf)>,
        /// An anchor that was kept elsewhere, `signed` of the log line "audit log anchored" or "audit log stands", in a file
        #[arg(long = "anchor", value_name = "FILE")]
        anchors: Vec<PathBuf>,
        /// Say it as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the log out, a row of JSON a line, oldest first
    Export {
        /// First row
        #[arg(long, value_name = "NUMBER", default_value = "1")]
        from: i64,
        /// Last row
        #[arg(long, value_name = "NUMBER")]
        to: Option<i64>,
    },
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let url = args.database_url.ok_or(CliError::Missing("DATABASE_URL (or --database-url)"))?;
    let mut conn = PgConnection::connect(url.expose_secret()).await?;
    match args.command {
        Command::Verify { from, to, keys, anchors, json } => {
            let mut wanted = Walk { from, to, keys: BTreeMap::new(), kept: Vec::new() };
            for (kid, path) in keys {
                let pem = fs::read_to_string(&path).await.map_err(CliError::file(&path))?;
                let key = VerifyingKey::from_pem(&pem).map_err(|source| CliError::KeyFile { path, source })?;
                wanted.keys.insert(kid, key);
            }
            for path in anchors {
                wanted.kept.push(fs::read_to_string(&path).await.map_err(CliError::file(&path))?);
            }
            verify(&mut conn, &wanted, json).await
        }
        Command::Export { from, to } => export(&mut conn, (from, to)).await,
    }
}

async fn verify(conn: &mut PgConnection, wanted: &Walk, json: bool) -> Result<ExitCode, CliError> {
    match walk(conn, wanted).await {
        Ok(whole) => {
            output::line(if json { whole_as_json(&whole) } else { whole_in_words(&whole) });
            Ok(ExitCode::SUCCESS)
        }
        Err(VerifyError::Broken(fault)) => {
            output::line(if json { broken_as_json(&fault) } else { format!("BROKEN: {fault}") });
            Ok(ExitCode::FAILURE)
        }
        Err(error @ VerifyError::Unproven(_)) => {
            let said = json!({"ok": false, "unproven": error.to_string()}).to_string();
            output::line(if json { said } else { format!("UNPROVEN: {error}; give --key KID=FILE for each") });
            Ok(ExitCode::FAILURE)
        }
        Err(VerifyError::Store(error)) => Err(error.into()),
    }
}

fn whole_in_words(whole: &Whole) -> String {
    let Whole { from, to, count, head, anchors, signatures } = whole;
    let checked = match signatures {
        0 if *anchors > 0 => "signatures not checked: give --key KID=FILE".to_owned(),
        checked => format!("{checked} signatures checked"),
    };
    format!("OK: {count} rows, {from} to {to}, head {head}; {anchors} anchors hold, {checked}")
}

fn whole_as_json(whole: &Whole) -> String {
    let Whole { from, to, count, head, anchors, signatures } = whole;
    let said = json!({
        "ok": true, "from": from, "to": to, "count": count, "head": head, "anchors": anchors, "signatures": signatures,
    });
    said.to_string()
}

fn broken_as_json(fault: &Fault) -> String {
    json!({"ok": false, "broken": {"seq": fault.seq(), "detail": fault.to_string()}}).to_string()
}

async fn export(conn: &mut PgConnection, (from, to): (i64, Option<i64>)) -> Result<ExitCode, CliError> {
    let mut last = from.max(1) - 1;
    loop {
        let left = to.map_or(BATCH, |to| (to - last).min(BATCH));
        let rows = if left > 0 { after(conn, last, left).await? } else { Vec::new() };
        let Some(end) = rows.last() else {
            return Ok(ExitCode::SUCCESS);
        };
        last = end.seq;
        for row in &rows {
            output::line(serde_json::to_string(row).map_err(std::io::Error::from)?);
        }
    }
}
