//! Is an LSP's side right? A plan of probes against its endpoint, its own traffic with a sandbox, a table of rules over
//! both, and a report that names the side at fault (`lending.md` §4.7, with the rules that OCEN v3 over HTTP shows).
//!
//! It knows the server by its operators' API alone: the server signs the probes and the report, so that whoever runs
//! this needs no key. What was not observed is untested, never passed.

mod args;
mod error;
mod evidence;
mod finding;
mod probes;
mod report;
mod rules;
mod server;
mod traffic;

pub use args::ConformanceArgs;
pub use error::ConformanceError;
pub use finding::{Finding, Outcome, Severity, Side};
pub use report::{Report, Verdict};
pub use report::{html, junit, text};

use evidence::Evidence;
use server::Server;

/// Runs the plan and judges what came.
///
/// # Errors
/// [`ConformanceError`] when nothing could be judged: the server does not answer, is no sandbox, or does not know the
/// LSP.
pub async fn run(args: &ConformanceArgs) -> Result<Report, ConformanceError> {
    let server = Server::new(args)?;
    // Looked at first: probes are no traffic of the LSP's, and the plan is chosen by it.
    let traffic = server.traffic(&args.lsp, args.since).await?;
    let target = args.callback_url.clone().unwrap_or_else(|| traffic.lsp.callback_base_url.clone());
    let probes = probes::run(&server, &args.lsp, &target).await?;
    let evidence = Evidence { traffic, probes, target, limits: args.limits(), attested: args.attestations().await? };
    let findings = rules::judge(&evidence, args);
    Ok(Report::new(args, &evidence, findings))
}

/// Has the lender sign a report: a flattened JWS over its bytes.
///
/// # Errors
/// [`ConformanceError`] when the server does not answer or refuses.
pub async fn signed(args: &ConformanceArgs, report: &str) -> Result<String, ConformanceError> {
    Server::new(args)?.sign(report).await
}
