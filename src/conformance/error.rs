//! Why nothing could be judged.

use std::path::PathBuf;

/// A reason that is neither the LSP's fault nor its merit.
#[derive(Debug, thiserror::Error)]
pub enum ConformanceError {
    /// The operators' listener.
    #[error("the sandbox's operators' listener does not answer: {0}")]
    Unreachable(String),
    /// It said no.
    #[error("{path}: HTTP {status}: {detail}")]
    Refused {
        /// What was asked for.
        path: String,
        /// How it was answered.
        status: u16,
        /// In its words.
        detail: String,
    },
    /// It answers something else than expected.
    #[error("{path} answers what is not understood: {detail}")]
    Answer {
        /// What was asked for.
        path: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A screenshot that was named cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// An option makes no sense.
    #[error("{0}")]
    Args(String),
}
