//! A client that the server makes by itself, for a door whose users are no clients: known by its name.

use super::manage::new_token;
use super::{ClientProfile, Clients, NewClient};
use crate::crypto::hash;
use crate::model::{ClientId, Money};
use crate::service::audit::AuditContext;
use crate::service::{Error, Result};
use crate::store;

impl Clients {
    /// The client of this name, the oldest where there are several; made, to be charged for nothing, where there is none.
    pub async fn named(&self, name: &str) -> Result<ClientId> {
        if let Some(id) = self.current().named(name) {
            return Ok(id);
        }
        let new = NewClient {
            name: name.to_owned(),
            profile: ClientProfile::default(),
            country: None,
            credit_limit: Money::ZERO,
            low_at: None,
            balance: Money::ZERO,
        };
        // two nodes that start at once make the same
        let id = ClientId::of_digest(&hash::sha256(name.as_bytes()));
        match self.insert(id, new, &new_token(), &AuditContext::unwritten()).await {
            Ok(_) | Err(Error { source: Some(store::Error::Conflict), .. }) => {}
            Err(error) => return Err(error),
        }
        self.refresh().await?;
        Ok(id)
    }
}
