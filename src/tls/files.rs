//! Certificates and keys as they stand in PEM files.

use std::path::Path;

use chrono::{DateTime, Utc};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};

use super::TlsError;

/// The certificates of a file, its owner's first.
///
/// # Errors
/// [`TlsError`], which names the file.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let unusable = |source| TlsError::File { path: path.to_owned(), source };
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).map_err(unusable)?.collect();
    let found = found.map_err(unusable)?;
    if found.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(found)
}

/// Until when all of these certificates are good; none when one cannot be read.
#[must_use]
pub fn expiry(certificates: &[CertificateDer<'_>]) -> Option<DateTime<Utc>> {
    let ends = certificates.iter().map(|certificate| {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        DateTime::from_timestamp(parsed.validity().not_after.timestamp(), 0)
    });
    ends.collect::<Option<Vec<_>>>()?.into_iter().min()
}

/// The private key of a file: PKCS#8, PKCS#1 or SEC1.
///
/// # Errors
/// [`TlsError`], which names the file and nothing of what is in it.
pub fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
}

/// The certificates of a file as authorities.
///
/// # Errors
/// [`TlsError`], which names the file.
pub fn authorities(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for certificate in certificates(path)? {
        store
            .add(certificate)
            .map_err(|error| TlsError::Authorities { path: path.to_owned(), detail: error.to_string() })?;
    }
    Ok(store)
}

/// The revocation lists of a file.
///
/// # Errors
/// [`TlsError`], which names the file.
pub fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let unusable = |source| TlsError::File { path: path.to_owned(), source };
    let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_file_iter(path).map_err(unusable)?.collect();
    let found = found.map_err(unusable)?;
    if found.is_empty() {
        return Err(TlsError::NoRevocationList { path: path.to_owned() });
    }
    Ok(found)
}

/// When the first of these lists is to be replaced by a newer one; none when one cannot be read or does not say.
#[must_use]
pub fn next_update(lists: &[CertificateRevocationListDer<'_>]) -> Option<DateTime<Utc>> {
    let due = lists.iter().map(|list| {
        let (_, parsed) = x509_parser::parse_x509_crl(list).ok()?;
        DateTime::from_timestamp(parsed.next_update()?.timestamp(), 0)
    });
    due.collect::<Option<Vec<_>>>()?.into_iter().min()
}
