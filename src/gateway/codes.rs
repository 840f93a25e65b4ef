//! What speaks codes; and the number that the older service's codes come from, made at the start where it is nobody's yet.

use std::sync::Arc;

use super::StartError;
use super::base::StartContext;
use super::messaging::{MessagingParts, or_there};
use crate::config::Config;
use crate::model::address::{Address, AddressRole};
use crate::model::{AccountId, ClientId};
use crate::service::audit::AuditContext;
use crate::service::directory::Directory;
use crate::service::number::{InboundTextPolicy, NewNumber, NumberCapability};
use crate::service::vault::CodeVault;
use crate::service::verification::CodeCalls;

impl StartContext<'_> {
    /// What places calls that speak codes, and says what they say.
    pub(super) fn code_calls(&self, directory: &Arc<Directory>, vault: &Arc<CodeVault>) -> CodeCalls {
        CodeCalls {
            origin: self.origin.clone(),
            is_public: !self.config.http.public_url.is_empty(),
            directory: directory.clone(),
            vault: vault.clone(),
        }
    }
}

impl MessagingParts {
    /// The number of `[compat.codes]`, added on the account of the number proxy, which is the same at Flowroute.
    pub(super) async fn add_code_number(&self, config: &Config) -> Result<(), StartError> {
        let from = config.compat.codes.from.as_str();
        let Some(account) = self.number_proxy_account.filter(|_| !from.is_empty()) else { return Ok(()) };
        let added = self.add_operators_number(from, account).await;
        added.map_err(|error| StartError::Door("compat.codes.from", error.to_string()))
    }

    async fn add_operators_number(&self, from: &str, account: AccountId) -> anyhow::Result<()> {
        let (_, address) = Address::read(from, AddressRole::Sender, None)?;
        if self.directory.current().sender(address.as_str()).is_some() {
            return Ok(());
        }
        let number = NewNumber {
            address,
            account,
            capabilities: vec![NumberCapability::Sms],
            meaning: InboundTextPolicy::Forward,
            platform: None,
            rate: 0,
            is_reserved: false,
        };
        or_there(self.numbers.add(ClientId::OPERATOR, number, &AuditContext::unwritten()).await)?;
        Ok(())
    }
}
