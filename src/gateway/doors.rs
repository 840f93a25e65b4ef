//! What the doors of older systems need, made at the start where it is not there yet.

use super::StartError;
use super::messaging::{MessagingParts, or_there};
use crate::config::Config;
use crate::http::MaskedDoorSettings;
use crate::model::{ClientId, WhatsappTemplates};
use crate::service::account::{CarrierKind, Credentials, NewAccount};
use crate::service::audit::AuditContext;

impl MessagingParts {
    /// Whose the masked door's conversations are, where anybody uses it.
    pub(super) async fn open_doors(&self, config: &Config) -> Result<Option<ClientId>, StartError> {
        let masked = &config.compat.masked;
        if !masked.is_on() {
            return Ok(None);
        }
        let failed = |error: anyhow::Error| StartError::Door("compat.masked", error.to_string());
        self.open_masked(masked).await.map(Some).map_err(failed)
    }

    /// The client that has the conversations, its pool, and the account that signs what is posted.
    async fn open_masked(&self, settings: &MaskedDoorSettings) -> anyhow::Result<ClientId> {
        let client = self.clients.named(&settings.client).await?;
        self.numbers.masked_pool(client, &settings.pool).await?;
        let (account_sid, auth_token) = (&settings.account_sid, settings.auth_token.expose());
        if account_sid.is_empty() {
            return Ok(client);
        }
        let credentials = serde_json::json!({"account_sid": account_sid, "auth_token": auth_token}).to_string();
        let new = NewAccount {
            name: settings.client.clone(),
            credentials: Credentials::from_json(CarrierKind::Twilio, credentials.as_bytes())?,
            rate: None,
            uncertain: None,
            replies_to_keywords: false,
            any_sender: false,
            whatsapp_templates: WhatsappTemplates::default(),
            is_checked: false,
        };
        or_there(self.accounts.add(new, &AuditContext::unwritten()).await)?;
        Ok(client)
    }
}
