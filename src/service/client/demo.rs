//! The client of a development server, whose ids and secrets are known to everybody.

use sha2::{Digest as _, Sha256};

use super::{ApiConsumer, ApiKey, ClientProfile, Clients, KeyScope, NewClient};
use crate::model::{ClientId, KeyId, Money, Secret};
use crate::service::audit::AuditContext;
use crate::service::race::won;
use crate::service::{Error, Result};
use crate::store::{self, key};

/// The id of the key that is [`DemoClient::secret`]; that of the older one is the client's own.
const KEY: &str = "00000000000000000000000000000112";

#[derive(Clone, Copy, Debug)]
pub struct DemoClient {
    pub id: ClientId,
    pub name: &'static str,
    /// Its key and its auth token.
    pub secret: &'static str,
    /// What it was known by before, and is still.
    pub older: &'static str,
    pub balance: Money,
}

impl Clients {
    /// Takes for a client what it was known by before, too.
    #[must_use]
    pub fn with_demo(self, demo: DemoClient) -> Self {
        Self { demo: Some(demo), ..self }
    }

    /// The client of a development server, where this is one.
    pub fn demo(&self) -> Option<ApiConsumer> {
        self.demo.map(|demo| ApiConsumer::of(demo.id))
    }

    /// Makes the client of a development server, once.
    pub async fn seed(&self, demo: DemoClient) -> Result<()> {
        let secret = Secret::new(demo.secret.to_owned());
        let new = NewClient {
            name: demo.name.to_owned(),
            profile: ClientProfile::default(),
            country: None,
            credit_limit: Money::ZERO,
            low_at: None,
            balance: demo.balance,
        };
        match self.insert(demo.id, new, &secret, &AuditContext::unwritten()).await {
            // or it is there already
            Ok(_) | Err(Error { source: Some(store::Error::Conflict), .. }) => {}
            Err(error) => return Err(error),
        }
        self.seed_key(demo, &demo.id.hex(), demo.older).await?;
        self.seed_key(demo, KEY, demo.secret).await?;
        Ok(self.refresh().await?)
    }

    async fn seed_key(&self, demo: DemoClient, id: &str, text: &str) -> Result<()> {
        let row = ApiKey {
            id: KeyId::from_hex(id).map_err(|_| Error::not_found("key"))?,
            client: demo.id,
            prefix: String::new(),
            name: demo.name.to_owned(),
            scopes: KeyScope::joined(&KeyScope::ALL),
            account: None,
            sources: None,
            senders: None,
            destinations: None,
            rate: 0,
            created_ms: self.clock.now_ms(),
            expires_ms: None,
            last_used_ms: None,
            revoked_ms: None,
            twiml: None,
        };
        // or it is there already, or its client was deactivated since
        won(key::insert(&self.store, &row, &self.hash(&Sha256::digest(text.as_bytes())), None).await)?;
        Ok(())
    }
}
