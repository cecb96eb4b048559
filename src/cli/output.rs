//! What commands print. A reader that has gone, as with `| head`, is no failure.

use std::fmt::Display;
use std::io::{self, Write as _};

/// Prints a line to standard output.
pub(super) fn line(text: impl Display) {
    let _ = writeln!(io::stdout(), "{text}");
}

/// Prints a line to standard error.
pub(super) fn complaint(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
