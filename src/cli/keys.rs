//! `keys`: makes keys and shows their public halves.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use serde_json::json;

use super::{CliError, key_files, output, sealing};
use crate::clock::Ids;
use crate::config::{Role, operators};
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
    /// Make a bearer token for an operator, and print it once with what the configuration needs to know of it
    OperatorToken {
        /// The person's or the service's name
        name: String,
        /// What he may do; several are separated by commas
        #[arg(long = "roles", value_delimiter = ',', default_value = "viewer", value_name = "ROLES")]
        roles: Vec<Role>,
    },
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
        Command::OperatorToken { name, roles } => operator_token(&name, &roles),
    }
    Ok(ExitCode::SUCCESS)
}

fn operator_token(name: &str, roles: &[Role]) {
    let token = Ids.token();
    let roles: Vec<&str> = roles.iter().map(|role| role.name()).collect();
    output::line("# For the operator alone; it is shown this once and kept nowhere:");
    output::line(format_args!("# {token}"));
    output::line("# For the configuration file:");
    output::line("[[operators]]");
    output::line(format_args!("name = {}", toml::Value::from(name)));
    output::line(format_args!("tokenSha256 = \"{}\"", operators::sha256(&token)));
    output::line(format_args!("roles = {}", toml::Value::from(roles)));
}

/// The kid of a key that is only read or written; it stands in no file.
const UNNAMED: &str = "unnamed";
