//! The authorities that our HTTP clients trust: read once, whatever their number.

use std::sync::OnceLock;

use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The TLS of a client, with the system's authorities (or those of `SSL_CERT_FILE`).
pub(super) fn tls() -> ClientConfig {
    static TLS: OnceLock<ClientConfig> = OnceLock::new();
    let read = || {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::warn!(%error, "could not read all of the system's certificate authorities");
        }
        let mut roots = RootCertStore::empty();
        // one that cannot be parsed vouches for nobody
        roots.add_parsable_certificates(found.certs);
        ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()
    };
    TLS.get_or_init(read).clone()
}
