//! The command line: one file per subcommand.

mod audit;
mod banner;
mod cluster;
mod conformance;
mod dev;
mod doctor;
mod error;
mod hosted;
mod journey;
mod key_files;
mod keys;
mod listen;
mod lsp;
mod migrate;
mod openapi;
mod output;
mod port_test;
mod quote;
mod reload;
pub mod run;
mod sealing;
mod serve;
mod transcript;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

pub use self::error::CliError;
use crate::config::{DevArgs, ServeArgs};
use crate::telemetry::{self, Format};

/// The lender's side of the Open Credit Enablement Network.
#[derive(Debug, Parser)]
#[command(name = "ocen-lender", version, about, propagate_version = true)]
struct Cli {
    /// Which log lines to write, e.g. `info` or `warn,ocen_lender=debug`
    #[arg(long, global = true, env = "OCEN_LOG", value_name = "FILTER")]
    log: Option<String>,
    /// How to write them [default: json for serve, else text]
    #[arg(long, global = true, env = "OCEN_LOG_FORMAT", value_name = "FORMAT")]
    log_format: Option<Format>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the sandbox: its own Postgres, simulated lender systems, a demo LSP
    Dev(Box<DevArgs>),
    /// Run in production
    Serve(ServeArgs),
    /// Bring a database's schema up to date
    Migrate(migrate::Args),
    /// Check everything that serve needs, and say what is wrong
    Doctor(doctor::Args),
    /// Register LSPs and revoke their keys, through a running server
    Lsp(lsp::Args),
    /// Make keys and show their public halves
    Keys(keys::Args),
    /// Check the audit log, or write it out
    Audit(audit::Args),
    /// Drive loans against a running server, as an LSP would
    Journey(journey::Args),
    /// Test an LSP's side against a running sandbox, and report
    Conformance(Box<conformance::Args>),
    /// Take an LSP's callbacks, verify and print them
    Listen(listen::Args),
    /// Work out the schedule and the APR of a loan
    Quote(Box<quote::Args>),
    /// Test a lender's adapters against the protocol of the ports, in the lender's test environment
    PortTest(port_test::Args),
    /// Verify the transcript of an application
    Transcript(transcript::Args),
    /// Print the OpenAPI description of what is served
    Openapi(openapi::Args),
    /// Start or stop the sandbox's Postgres by itself
    #[command(hide = true)]
    Cluster(cluster::Args),
}

/// Parses the command line, does what it says, and gives the exit code: 0 done, 1 failed, 2 not understood.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    runtime.block_on(execute(cli)).unwrap_or_else(|error| failed(&error))
}

fn failed(error: &CliError) -> ExitCode {
    output::complaint(format_args!("ocen-lender: {error}"));
    ExitCode::FAILURE
}

async fn execute(cli: Cli) -> Result<ExitCode, CliError> {
    let usual = if matches!(cli.command, Command::Serve(_)) { Format::Json } else { Format::Text };
    telemetry::init(cli.log.as_deref(), cli.log_format.unwrap_or(usual))?;
    match cli.command {
        Command::Dev(args) => Box::pin(dev::run(&args)).await,
        Command::Serve(args) => serve::run(&args).await,
        Command::Migrate(args) => migrate::run(&args).await,
        Command::Doctor(args) => Ok(doctor::run(&args).await),
        Command::Lsp(args) => lsp::run(args).await,
        Command::Keys(args) => keys::run(args).await,
        Command::Audit(args) => audit::run(args).await,
        Command::Journey(args) => Box::pin(journey::run(args)).await,
        Command::Conformance(args) => conformance::run(&args).await,
        Command::Listen(args) => listen::run(args).await,
        Command::Transcript(args) => transcript::run(args).await,
        Command::PortTest(args) => port_test::run(args).await,
        Command::Openapi(args) => openapi::run(&args),
        Command::Quote(args) => quote::run(&args),
        Command::Cluster(args) => cluster::run(args).await,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
