//! `keys`: makes keys and shows their public halves.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::{CliError, key_files, output, sealing};
use crate::jose::SigningKey;
use crate::seal::MasterKey;

/// `keys`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a signing key (RSA, 2048 bits) and print its public half, for LSPs
    Signing {
        /// Where to; an existing file is never replaced
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Make a master key, which seals everything personal: without it the database cannot be read
    Master {
        /// Where to; an existing file is never replaced
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Print the public half of a signing key
    Public {
        /// The private key
        file: PathBuf,
    },
    /// Print the public half of a signing key as a JSON Web Key Set
    Jwks {
        /// The private key
        file: PathBuf,
        /// The kid under which LSPs know it
        #[arg(long)]
        kid: String,
    },
    #[command(flatten)]
    Sealing(sealing::Command),
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    match args.command {
        Command::Signing { out } => {
            let key = SigningKey::generate(UNNAMED)?;
            key_files::write_new(&out, &key.to_pkcs8_pem()?).await?;
            output::line(key.public_key_pem().trim_end());
        }
        Command::Master { out } => key_files::write_new(&out, &MasterKey::generate()?.to_base64()).await?,
        Command::Public { file } => output::line(key_files::signing(UNNAMED, &file).await?.public_key_pem().trim_end()),
        Command::Jwks { file, kid } => {
            let key = key_files::signing(&kid, &file).await?;
            output::line(format_args!("{:#}", json!({"keys": [key.jwk()]})));
        }
        Command::Sealing(command) => sealing::run(command).await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The kid of a key that is only read or written; it stands in no file.
const UNNAMED: &str = "unnamed";
