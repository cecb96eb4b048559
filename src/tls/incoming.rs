//! TLS of one listener: version 1.2 or 1.3, and client certificates where it is told to ask for them.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use chrono::{DateTime, Utc};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use tokio_rustls::TlsAcceptor;

use super::{TlsError, files};
use crate::config::{Asked, ListenerTls};

/// A listener's certificate, key and authorities, as read last.
#[derive(Debug)]
pub struct Incoming {
    settings: ListenerTls,
    current: RwLock<Current>,
}

#[derive(Debug, Clone)]
struct Current {
    config: Arc<ServerConfig>,
    expiry: Option<DateTime<Utc>>,
}

impl Incoming {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`], which names the file.
    pub fn load(settings: ListenerTls) -> Result<Self, TlsError> {
        let current = RwLock::new(read(&settings)?);
        Ok(Self { settings, current })
    }

    /// Takes a handshake by what was read last.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).config))
    }

    /// Until when the certificate that was read last is good, and those that came with it.
    #[must_use]
    pub fn expiry(&self) -> Option<DateTime<Utc>> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).expiry
    }

    /// Reads the files again. Connections that are open go on as they are.
    ///
    /// # Errors
    /// [`TlsError`]; what was read before then stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let fresh = read(&self.settings)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }

    /// The files that it was read from.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        let ListenerTls { cert_file, key_file, client_ca_file, client_crl_file, .. } = &self.settings;
        let files = [Some(cert_file), Some(key_file), client_ca_file.as_ref(), client_crl_file.as_ref()];
        files.into_iter().flatten().cloned().collect()
    }
}

fn read(settings: &ListenerTls) -> Result<Current, TlsError> {
    let unusable = |source| TlsError::Certificate { path: settings.cert_file.clone(), source };
    let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?;
    let builder = match client_verifier(settings)? {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_no_client_auth(),
    };
    let chain = files::certificates(&settings.cert_file)?;
    let expiry = files::expiry(&chain);
    let key = files::private_key(&settings.key_file)?;
    let mut config = builder.with_single_cert(chain, key).map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Current { config: Arc::new(config), expiry })
}

fn client_verifier(settings: &ListenerTls) -> Result<Option<Arc<dyn ClientCertVerifier>>, TlsError> {
    let Some(path) = &settings.client_ca_file else {
        return Ok(None);
    };
    let roots = Arc::new(files::authorities(path)?);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider);
    // A certificate whose authority has no list is refused: what is unknown is not good.
    let revoked = settings.client_crl_file.as_deref().map(files::revocations).transpose()?;
    let builder = builder.with_crls(revoked.unwrap_or_default());
    let builder = match settings.client_certificates.unwrap_or_default() {
        Asked::Required => builder,
        Asked::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map(Some).map_err(|error| TlsError::Authorities { path: path.clone(), detail: error.to_string() })
}
