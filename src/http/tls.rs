//! TLS by rustls: `tls.cert` and `tls.key`, both PEM.

use std::path::Path;
use std::sync::{Arc, RwLock};

use openssl::asn1::Asn1Time;
use openssl::x509::X509;
use serde::Deserialize;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ServerConfig, crypto::ring};

use crate::model::lock;

/// `[tls]`: both or neither.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TlsSettings {
    pub cert: String,
    pub key: String,
}

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("tls.cert and tls.key belong together: set both or neither")]
    Half,
    #[error("{key} = {path:?}: {reason}")]
    Unreadable { key: &'static str, path: String, reason: String },
    #[error("tls.cert and tls.key do not fit: {0}")]
    Unfit(String),
    #[error("tls.cert = {path:?}: expired at {at}")]
    Expired { path: String, at: String },
}

/// What takes new connections; those that are open keep what they began with.
#[derive(Clone)]
pub struct ReloadableTls(Arc<RwLock<TlsAcceptor>>);

impl ReloadableTls {
    pub fn new(acceptor: TlsAcceptor) -> Self {
        Self(Arc::new(RwLock::new(acceptor)))
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        lock::read(&self.0).clone()
    }

    pub fn replace(&self, acceptor: TlsAcceptor) {
        *lock::write(&self.0) = acceptor;
    }
}

/// What is wrong with a file: the library shows its lines as numbers.
fn reason(error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => "nothing of that kind is in it, in PEM".to_owned(),
        pem::Error::MissingSectionEnd { .. } => "a PEM block in it has no end".to_owned(),
        pem::Error::IllegalSectionStart { .. } => "the first line of a PEM block in it is broken".to_owned(),
        other => other.to_string(),
    }
}

fn unreadable(key: &'static str, path: &str, reason: impl ToString) -> TlsError {
    TlsError::Unreadable { key, path: path.to_owned(), reason: reason.to_string() }
}

impl TlsSettings {
    pub fn is_on(&self) -> bool {
        !self.cert.is_empty()
    }

    /// The acceptor, or `None` where connections are in the clear.
    pub fn acceptor(&self) -> Result<Option<TlsAcceptor>, TlsError> {
        if self.cert.is_empty() != self.key.is_empty() {
            return Err(TlsError::Half);
        }
        if !self.is_on() {
            return Ok(None);
        }
        let certificates: Vec<_> = CertificateDer::pem_file_iter(Path::new(&self.cert))
            .and_then(Iterator::collect)
            .and_then(|read: Vec<_>| if read.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(read) })
            .map_err(|error| unreadable("tls.cert", &self.cert, reason(&error)))?;
        let key = PrivateKeyDer::from_pem_file(Path::new(&self.key))
            .map_err(|error| unreadable("tls.key", &self.key, reason(&error)))?;
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
            .map_err(|error| TlsError::Unfit(error.to_string()))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some(TlsAcceptor::from(Arc::new(config))))
    }

    /// Refuses a certificate whose time is over: nobody would connect to it.
    pub fn check_date(&self) -> Result<(), TlsError> {
        let pem = std::fs::read(&self.cert).map_err(|error| unreadable("tls.cert", &self.cert, error))?;
        let certificate = X509::from_pem(&pem).map_err(|error| unreadable("tls.cert", &self.cert, error))?;
        let now = Asn1Time::days_from_now(0).map_err(|error| unreadable("tls.cert", &self.cert, error))?;
        if certificate.not_after() < now {
            return Err(TlsError::Expired { path: self.cert.clone(), at: certificate.not_after().to_string() });
        }
        Ok(())
    }
}
