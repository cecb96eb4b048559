//! `cluster start|stop`: the sandbox's Postgres by itself, for scripts.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::{CliError, output};
use crate::sandbox::cluster::{self, Durability};

/// `cluster`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start it, or find it running; prints its address
    Start {
        /// Where it is kept
        #[arg(long, default_value = ".ocen-dev", value_name = "DIRECTORY")]
        data_dir: PathBuf,
        /// For tests: quick, begins empty, and gone when it stops
        #[arg(long)]
        throw_away: bool,
    },
    /// Stop it, unless another process uses it
    Stop {
        /// Where it is kept
        #[arg(long, default_value = ".ocen-dev", value_name = "DIRECTORY")]
        data_dir: PathBuf,
    },
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    match args.command {
        Command::Start { data_dir, throw_away } => {
            let durability = if throw_away { Durability::ThrowAway } else { Durability::Durable };
            output::line(cluster::cli_start(&data_dir, durability).await?);
        }
        Command::Stop { data_dir } => {
            output::line(format_args!("{:?}", cluster::cli_stop(&data_dir).await?));
        }
    }
    Ok(ExitCode::SUCCESS)
}
