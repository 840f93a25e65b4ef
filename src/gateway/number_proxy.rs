//! The account that numbers are on which the number proxy's door brings.

use serde_json::json;

use super::StartError;
use super::messaging::MessagingParts;
use crate::config::Config;
use crate::crypto::hash;
use crate::model::{AccountId, WhatsappTemplates};
use crate::service::account::{CarrierKind, Credentials, NewAccount};
use crate::service::audit::AuditContext;
use crate::service::session::NumberProxySettings;
use crate::service::{Error, ErrorKind};

impl MessagingParts {
    /// The account of `[compat.number_proxy]`, added where it is not there yet; the loopback's on a development server.
    pub(super) async fn number_proxy_account(&self, config: &Config) -> Result<Option<AccountId>, StartError> {
        let settings = &config.compat.number_proxy;
        let found = if config.is_dev {
            self.account(CarrierKind::Loopback, None).await
        } else if settings.flowroute_access_key.is_empty() {
            Ok(None)
        } else {
            self.flowroute(settings).await
        };
        found.map_err(|error| StartError::Door("compat.number_proxy", error.to_string()))
    }

    async fn flowroute(&self, settings: &NumberProxySettings) -> anyhow::Result<Option<AccountId>> {
        let (access_key, secret_key) = (settings.flowroute_access_key.as_str(), settings.flowroute_secret_key.expose());
        // the same at each start and on each node, and as secret as what it is made of
        let webhook_token = hash::sha256_hex(format!("number proxy:{access_key}:{secret_key}").as_bytes());
        let read = json!({"access_key": access_key, "secret_key": secret_key, "webhook_token": webhook_token});
        let credentials = Credentials::from_json(CarrierKind::Flowroute, read.to_string().as_bytes())?;
        let name = credentials.external_id();
        if let Some(known) = self.account(CarrierKind::Flowroute, Some(&name)).await? {
            return Ok(Some(known));
        }
        let new = NewAccount {
            name: "number-proxy".to_owned(),
            credentials,
            rate: None,
            uncertain: None,
            replies_to_keywords: false,
            any_sender: false,
            whatsapp_templates: WhatsappTemplates::default(),
            is_checked: false,
        };
        match self.accounts.add(new, &AuditContext::unwritten()).await {
            Ok(added) => Ok(Some(added.id)),
            // another node was first
            Err(Error { kind: ErrorKind::Conflict, .. }) => self.account(CarrierKind::Flowroute, Some(&name)).await,
            Err(error) => Err(error.into()),
        }
    }

    /// The first account at a carrier, of this name there.
    async fn account(&self, kind: CarrierKind, name: Option<&str>) -> anyhow::Result<Option<AccountId>> {
        let accounts = self.accounts.list().await?;
        let mut those = accounts.iter().filter(|account| account.provider == kind.name());
        Ok(those.find(|account| name.is_none_or(|name| account.external_id == name)).map(|account| account.id))
    }
}
