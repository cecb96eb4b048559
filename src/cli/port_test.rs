//! `port-test`: tests a lender's adapters against the protocol of the ports.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use super::{CliError, output};
use crate::clock::Clock;
use crate::config::{AdapterConfig, Config, PortConfig, port};
use crate::lender::PORTS;
use crate::lender::contract::later::Later;
use crate::lender::contract::{self, Check, Manner, Report, Verdict};

/// Which adapters, and where. Ask a test environment only: payments and debits of one rupee are asked for.
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "ocen-lender port-test <--all | --port NAME...> <--config FILE | --url URL --secret whsec_...>"
)]
pub(super) struct Args {
    /// Test the adapter of this port; may be given several times
    #[arg(long = "port", value_name = "NAME", value_parser = PORTS, conflicts_with = "all")]
    ports: Vec<String>,
    /// Test every port, or every adapter of the configuration
    #[arg(long, required_unless_present = "ports")]
    all: bool,
    /// The configuration of `serve` or `dev`, which says where the adapters are
    #[arg(long, value_name = "FILE", required_unless_present = "url", conflicts_with_all = ["url", "secret"])]
    config: Option<PathBuf>,
    /// Base address of the adapters; the port's and the method's name are added
    #[arg(long, value_name = "URL", requires = "secret")]
    url: Option<String>,
    /// The secret shared with them
    #[arg(long, env = "OCEN_PORT_SECRET", hide_env_values = true, value_name = "whsec_...")]
    secret: Option<String>,
    /// Seconds that one call may take
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=15), value_name = "SECONDS")]
    timeout: u64,
    /// Seconds in which a pending outcome must end
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600), value_name = "SECONDS")]
    patience: u64,
    /// Listen here for later answers, to test those that the adapters post
    #[arg(long, value_name = "ADDRESS")]
    callback_listen: Option<SocketAddr>,
    /// Address by which the adapters reach that listener, where it is another
    #[arg(long, value_name = "URL", requires = "callback_listen")]
    callback_url: Option<String>,
    /// Print one JSON object at the end and nothing else
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: Args) -> Result<ExitCode, CliError> {
    let adapters = adapters(&args)?;
    let told = |check: &Check| {
        if !args.json {
            line(check);
        }
    };
    let clock = Clock::default();
    let later = match args.callback_listen {
        Some(address) => Some(Later::listen(address, args.callback_url.as_deref(), clock.clone()).await?),
        None => None,
    };
    let manner = Manner { patience: Duration::from_secs(args.patience), later };
    let report = contract::run(&adapters, &manner, &clock, told).await?;
    if args.json {
        output::line(format_args!("{}", serde_json::to_string_pretty(&report)?));
    } else {
        summary(&report);
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn adapters(args: &Args) -> Result<Vec<(&'static str, AdapterConfig)>, CliError> {
    let wanted = |name: &str| args.all || args.ports.iter().any(|port| port == name);
    let ports = PORTS.into_iter().filter(|name| wanted(name));
    let Some(url) = &args.url else {
        let configured = Config::ports_of(args.config.as_deref())?;
        let adapters: Vec<_> = ports
            .filter_map(|name| match configured.get(name) {
                Some(PortConfig::Adapter(adapter)) => Some((name, adapter.clone())),
                Some(PortConfig::BuiltIn) | None => None,
            })
            .collect();
        let missing = || CliError::Refused("the configuration has no adapter for these ports".to_owned());
        return if adapters.is_empty() { Err(missing()) } else { Ok(adapters) };
    };
    let url = port::base_url(url).map_err(CliError::Refused)?;
    let secret = args.secret.as_deref().ok_or(CliError::Missing("--secret"))?;
    let secret = port::key(secret).map_err(CliError::Refused)?;
    let timeout = Duration::from_secs(args.timeout);
    let adapter = AdapterConfig { timeout, ..AdapterConfig::at(url, vec![secret]) };
    Ok(ports.map(|name| (name, adapter.clone())).collect())
}

fn line(check: &Check) {
    let mark = match check.verdict {
        Verdict::Pass => "ok",
        Verdict::Fail => "BAD",
        Verdict::Skip => "skip",
    };
    output::line(format_args!("{mark:<4} {:<38} {:>5} ms  {}", check.id, check.millis, check.detail));
    if check.verdict == Verdict::Fail {
        output::line(format_args!("     wanted: {}", check.what));
    }
}

fn summary(report: &Report) {
    let Report { passed, failed, skipped, run, .. } = report;
    output::line(format_args!("{passed} passed, {failed} failed, {skipped} skipped (PORT-TEST-...-{run})"));
}
