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

use std::error::Error;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

pub use self::error::CliError;
use crate::config::{DevArgs, ServeArgs};
use crate::telemetry::{self, Format};

/// What every command takes stands under a heading of its own, after what the command is about.
const LOGGING: &str = "Logging";
const LAST: usize = 900;

/// The lender's side of the Open Credit Enablement Network.
#[derive(Debug, Parser)]
#[command(name = "ocen-lender", version, about, propagate_version = true)]
struct Cli {
    /// Which log lines to write, e.g. `info` or `warn,ocen_lender=debug`
    #[arg(long, global = true, env = "OCEN_LOG", help_heading = LOGGING, display_order = LAST, value_name = "FILTER")]
    log: Option<String>,
    /// How to write them [default: json for serve, else text]
    #[arg(long, global = true, env = "OCEN_LOG_FORMAT", help_heading = LOGGING, display_order = LAST, value_name = "FORMAT")]
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
    let matches = command().get_matches();
    let cli = match Cli::from_arg_matches(&matches) {
        Ok(cli) => cli,
        Err(error) => error.format(&mut command()).exit(),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    runtime.block_on(execute(cli)).unwrap_or_else(|error| failed(&error))
}

fn failed(error: &CliError) -> ExitCode {
    output::complaint(format_args!("ocen-lender: {}", with_causes(error)));
    ExitCode::FAILURE
}

/// What an error says, and what its causes say beyond that.
fn with_causes(error: &dyn Error) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes
        .map(ToString::to_string)
        .fold(error.to_string(), |told, cause| if told.contains(&cause) { told } else { format!("{told}: {cause}") })
}

/// The command line, in words without the marks that the documentation of the code needs.
fn command() -> clap::Command {
    plain(Cli::command())
}

fn plain(command: clap::Command) -> clap::Command {
    let bare = |text: &clap::builder::StyledStr| text.to_string().replace(['`', '<', '>'], "");
    let command = command.mut_args(|arg| match arg.get_help().map(bare) {
        Some(help) => arg.help(help),
        None => arg,
    });
    let command = match command.get_about().map(bare) {
        Some(about) => command.about(about),
        None => command,
    };
    command.mut_subcommands(plain)
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
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn help_is_in_plain_words() {
        fn look(command: &clap::Command) {
            let help = command.clone().render_help().to_string();
            assert!(!help.contains(['`']) && !help.contains("<http"), "{help}");
            command.get_subcommands().for_each(look);
        }
        look(&command());
    }

    #[derive(Debug, thiserror::Error)]
    #[error("cannot connect")]
    struct Outer(#[source] std::io::Error);

    #[test]
    fn an_error_is_told_with_its_causes_each_once() {
        let refused = || std::io::Error::other("connection refused");

        assert_eq!(with_causes(&Outer(refused())), "cannot connect: connection refused");
        let file = CliError::File { path: "a.pem".into(), source: refused() };
        assert_eq!(with_causes(&file), "a.pem: connection refused");
    }
}
