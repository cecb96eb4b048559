//! The program: parses the command line and does what it says.

use std::process::ExitCode;

fn main() -> ExitCode {
    ocen_lender::cli::main()
}
