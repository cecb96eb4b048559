//! TLS of what we call: a private authority, and a certificate of our own for who asks for one.

use std::error::Error as _;
use std::io;
use std::path::PathBuf;

use reqwest::{Certificate, ClientBuilder, Identity};
use rustls::pki_types::pem;

use super::TlsError;
use super::files;
use crate::config::ClientTls;

/// Which authorities count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trust {
    /// The given ones beside the system's: for many parties at once.
    Beside,
    /// The given ones alone: for one party that is known.
    Alone,
}

/// Puts authorities and our certificate onto a client that is being built.
///
/// # Errors
/// [`TlsError`], which names the file.
pub fn equip(mut builder: ClientBuilder, tls: &ClientTls, trust: Trust) -> Result<ClientBuilder, TlsError> {
    if let Some(path) = &tls.ca_file {
        let authorities: Result<Vec<Certificate>, reqwest::Error> =
            files::certificates(path)?.iter().map(|certificate| Certificate::from_der(certificate)).collect();
        builder = match trust {
            Trust::Beside => builder.tls_certs_merge(authorities?),
            Trust::Alone => builder.tls_certs_only(authorities?),
        };
    }
    if let (Some(cert), Some(key)) = (&tls.cert_file, &tls.key_file) {
        builder = builder.identity(identity(cert, key)?);
    }
    Ok(builder)
}

/// What TLS had against a call, where it was that which failed.
#[must_use]
pub fn refusal(error: &reqwest::Error) -> Option<String> {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<rustls::Error>() {
            return Some(format!("TLS: {found}"));
        }
        // An error in an I/O error is not its source.
        let inner = cause.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = inner.map_or_else(|| cause.source(), |inner| Some(inner));
    }
    None
}

/// Certificate chain and key as one PEM text, which is how reqwest takes them.
fn identity(cert: &PathBuf, key: &PathBuf) -> Result<Identity, TlsError> {
    // Read as what they should be first, for an error that names the file.
    files::certificates(cert)?;
    files::private_key(key)?;
    let read = |path: &PathBuf| {
        std::fs::read(path).map_err(|source| TlsError::File { path: path.clone(), source: pem::Error::Io(source) })
    };
    let mut pem = read(cert)?;
    pem.push(b'\n');
    pem.extend(read(key)?);
    Ok(Identity::from_pem(&pem)?)
}

/// The files that a client's TLS is read from.
#[must_use]
pub fn paths(tls: &ClientTls) -> Vec<PathBuf> {
    [&tls.ca_file, &tls.cert_file, &tls.key_file].into_iter().flatten().cloned().collect()
}
