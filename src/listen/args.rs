//! What the `listen` subcommand takes.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use secrecy::SecretString;

use super::is_local;

/// The LSP that every `dev` server knows.
pub(super) const DEMO: &str = "LSP-DEMO";

/// `listen`: takes callbacks, verifies and prints them.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct ListenArgs {
    /// Where to listen; 0 takes a free port
    #[arg(long, default_value_t = 9000, value_name = "PORT")]
    pub port: u16,
    /// On which address of this machine
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "ADDRESS")]
    pub host: IpAddr,
    /// Where the lender reaches us, if not there: a tunnel's address
    #[arg(long, value_name = "URL")]
    pub callback_url: Option<String>,
    /// The lender's address for LSPs; its keys are read from there
    #[arg(long, default_value = "http://127.0.0.1:8080", value_name = "URL")]
    pub url: String,
    /// The lender's address for operators, for --register
    #[arg(long, env = "OCEN_ADMIN_URL", default_value = "http://127.0.0.1:8081", value_name = "URL")]
    pub admin_url: String,
    /// Its bearer token; `dev` on loopback needs none
    #[arg(long, env = "OCEN_ADMIN_TOKEN", hide_env_values = true, value_name = "TOKEN")]
    pub admin_token: Option<SecretString>,
    /// The LSP whose callbacks are meant
    #[arg(long, default_value = DEMO, value_name = "ORG")]
    pub org: String,
    /// Make this listener the LSP's callback address while it runs; the default for LSP-DEMO on this machine
    #[arg(long, overrides_with = "no_register")]
    pub register: bool,
    /// Leave the LSP's callback address alone
    #[arg(long)]
    pub no_register: bool,
    /// Hand each callback on to this address and answer what it answers
    #[arg(long, value_name = "URL")]
    pub forward_to: Option<String>,
    /// The LSP's private key (PEM), to sign acks with; without it they are plain
    #[arg(long, requires = "kid", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Under which kid that key is registered
    #[arg(long, requires = "key", value_name = "KID")]
    pub kid: Option<String>,
    /// Print one JSON object a callback
    #[arg(long)]
    pub json: bool,
    /// Print bodies, too
    #[arg(long, short)]
    pub verbose: bool,
}

impl ListenArgs {
    pub(super) fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }

    /// Whether the LSP's callback address is to be changed while we run.
    pub(super) fn registers(&self) -> bool {
        self.register || (!self.no_register && self.org == DEMO && is_local(&self.admin_url))
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: ListenArgs,
    }

    fn registers(args: &[&str]) -> bool {
        Cli::parse_from(["listen"].iter().chain(args)).args.registers()
    }

    #[test]
    fn only_the_demo_lsp_of_this_machine_is_taken_over_unasked() {
        assert!(registers(&[]));
        assert!(!registers(&["--no-register"]));
        assert!(!registers(&["--org", "LSP-OTHER"]));
        assert!(registers(&["--org", "LSP-OTHER", "--register"]));
        assert!(!registers(&["--admin-url", "http://10.0.0.1:8081"]));
    }
}
