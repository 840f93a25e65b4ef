//! What connections to providers share: settings, the HTTP client, and this process's loopback.

use crate::provider::{BadCredentials, Client, Connector, Credentials, Kind, Loopback, Settings};

#[derive(Clone)]
pub struct Connectors {
    pub settings: Settings,
    pub http: Client,
    pub loopback: Loopback,
}

impl Connectors {
    /// A connection with credentials as they were sealed.
    pub fn open(&self, kind: Kind, credentials: &[u8]) -> Result<Connector, BadCredentials> {
        let credentials = Credentials::from_json(kind, credentials)?;
        Ok(Connector::open(&credentials, &self.settings, &self.http, &self.loopback))
    }
}
