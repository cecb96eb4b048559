//! Command line and environment of the subcommands that run a server.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use secrecy::SecretString;

/// What `serve` and `dev` both take. A flag wins over its variable, and both win over the file.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct CommonArgs {
    /// TOML file with the lender, its products, limits, rules and ports
    #[arg(long, env = "OCEN_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Address for LSPs [default: 127.0.0.1:8080]
    #[arg(long, env = "OCEN_LISTEN", value_name = "ADDRESS:PORT", value_parser = address)]
    pub listen: Option<SocketAddr>,
    /// Address for operators [default: 127.0.0.1:8081]
    #[arg(long, env = "OCEN_ADMIN_LISTEN", value_name = "ADDRESS:PORT", value_parser = address)]
    pub admin_listen: Option<SocketAddr>,
    /// Address for borrowers' pages [default: 127.0.0.1:8082]
    #[arg(long, env = "OCEN_BORROWER_LISTEN", value_name = "ADDRESS:PORT", value_parser = address)]
    pub borrower_listen: Option<SocketAddr>,
    /// Public address of the borrowers' pages, e.g. <https://loans.example.in>
    #[arg(long, env = "OCEN_BORROWER_URL", value_name = "URL")]
    pub borrower_url: Option<String>,
    /// Seconds for which requests are still taken once told to stop, while readiness says no [default: 5, in dev 0]
    #[arg(long, env = "OCEN_DRAIN_GRACE", value_name = "SECONDS")]
    pub drain_grace: Option<u64>,
}

/// `ADDRESS:PORT`; `localhost` is 127.0.0.1.
///
/// # Errors
/// Words that show the form.
pub fn address(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("{}:{port}", Ipv4Addr::LOCALHOST));
    numeric.as_deref().unwrap_or(text).parse().map_err(|_| "write ADDRESS:PORT, like 127.0.0.1:8080".to_owned())
}

/// The address of a database as it was given.
///
/// # Errors
/// Words that name the setting, when it is empty: a variable of the environment may be set to nothing.
pub fn database_url(text: &str) -> Result<SecretString, String> {
    if text.trim().is_empty() {
        return Err("DATABASE_URL (or --database-url) is empty".to_owned());
    }
    Ok(text.into())
}

/// `serve`: production.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ServeArgs {
    /// What `dev` takes as well.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Postgres 14 or newer, with every migration applied
    #[arg(long, env = "DATABASE_URL", hide_env_values = true, value_name = "URL", value_parser = database_url)]
    pub database_url: Option<SecretString>,
    /// Bearer token of the operators' listener
    #[arg(long, env = "OCEN_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub admin_token: Option<SecretString>,
}

/// `dev`: the sandbox.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct DevArgs {
    /// What `serve` takes as well.
    #[command(flatten)]
    pub common: CommonArgs,
    /// Where cluster, keys and clock are kept
    #[arg(long, env = "OCEN_DATA_DIR", default_value = ".ocen-dev", value_name = "DIRECTORY")]
    pub data_dir: PathBuf,
    /// Hold consents, mandates and payments until told by a sandbox call
    #[arg(long, env = "OCEN_MANUAL")]
    pub manual: bool,
    // No DATABASE_URL here: a laptop that has it set for something else must not lend that database to the sandbox.
    /// Use this Postgres instead of bringing one
    #[arg(long, value_name = "URL", value_parser = database_url)]
    pub database_url: Option<SecretString>,
    /// Ask operators for no token although they are not on loopback: for a container that publishes the port there only
    #[arg(long, env = "OCEN_OPEN_ADMIN")]
    pub open_admin: bool,
    /// What a sandbox for many LSPs takes.
    #[command(flatten)]
    pub hosted: super::HostedArgs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_a_port() {
        for (text, is) in [("localhost:8080", "127.0.0.1:8080"), ("[::1]:0", "[::1]:0"), ("0.0.0.0:1", "0.0.0.0:1")] {
            assert_eq!(address(text), Ok(is.parse().unwrap()));
        }
        for wrong in ["8080", ":8080", "localhost", "example.in:80", ""] {
            assert!(address(wrong).unwrap_err().contains("127.0.0.1:8080"), "{wrong}");
        }
    }
}
