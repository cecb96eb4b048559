//! TLS on both sides: our listeners and the clients that call others. Keys and certificates are PEM files, which are
//! read again while the server runs ([`watch`]).

pub mod files;
pub mod incoming;
pub mod outgoing;
pub mod peer;
pub mod watch;

use std::path::PathBuf;

use rustls::pki_types::pem;

/// Why certificates or keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is not there, or holds no PEM of the kind that is needed.
    #[error("{}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// A file holds no certificate at all.
    #[error("{} holds no certificate", path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// A file holds no revocation list at all: nobody's certificate could be told to be good.
    #[error("{} holds no revocation list", path.display())]
    NoRevocationList {
        /// Which file.
        path: PathBuf,
    },
    /// The certificate and its key do not fit each other, or cannot be used.
    #[error("{} with its key: {source}", path.display())]
    Certificate {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// The authorities cannot be used.
    #[error("{}: {detail}", path.display())]
    Authorities {
        /// The file of the authorities.
        path: PathBuf,
        /// Why.
        detail: String,
    },
    /// The HTTP client does not take them.
    #[error("the HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}
