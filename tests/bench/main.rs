//! `make bench`: what this machine can do at best, what the server does on it, and the ratios of the two.
//!
//! The server is the program itself, as a process of its own with everything on, so that its processor time, memory
//! and start can be measured from outside. One run measures the floor (a signature, a verification, a transaction)
//! and the server in turn, several times over, and takes medians; ratios of figures from one run carry over to other
//! machines, the figures themselves do not.

#![expect(clippy::float_arithmetic, reason = "these are measurements, not money")]
#![expect(clippy::cast_precision_loss, reason = "counts here are far below 2^52")]

mod args;
mod cpu;
mod database;
mod floor;
mod load;
mod messages;
mod phases;
mod report;
mod server;
mod sink;
mod stock;
mod wire;

use std::process::ExitCode;

use args::Args;

/// Whatever goes wrong ends the run, in words.
type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    match Args::parse().and_then(|args| runtime?.block_on(run(&args))) {
        Ok(code) => code,
        Err(error) => {
            println!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Outcome<ExitCode> {
    let database = database::Database::fresh().await?;
    let measured = phases::all(args, &database).await;
    database.remove().await?;
    let report = report::Report::new(&measured?, args);
    if args.json {
        println!("{}", report.json());
    } else {
        println!("{}", report.table());
    }
    let failed = args.check && !report.passed();
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
