//! What the doors of older systems need, made at the start where it is not there yet.

use super::StartError;
use super::messaging::{MessagingParts, or_there};
use crate::config::Config;
use crate::http::MaskedDoorSettings;
use crate::model::{DurationSetting, PoolSettings};
use crate::service::account::{CarrierKind, Credentials, NewAccount};
use crate::service::audit::AuditContext;

impl MessagingParts {
    pub(super) async fn open_doors(&self, config: &Config) -> Result<(), StartError> {
        let masked = &config.compat.masked;
        if masked.is_on() {
            let failed = |error: anyhow::Error| StartError::Door("compat.masked", error.to_string());
            self.open_masked(masked).await.map_err(failed)?;
        }
        Ok(())
    }

    /// The client whose the conversations are, its pool, and the account that signs what is posted.
    async fn open_masked(&self, settings: &MaskedDoorSettings) -> anyhow::Result<()> {
        let client = self.clients.named(&settings.client).await?;
        // numbers do not rest there
        let of_pool = PoolSettings { rest: DurationSetting::from_millis(0), ..PoolSettings::default() };
        self.numbers.named_pool(client, &settings.pool, of_pool).await?;
        let (account_sid, auth_token) = (&settings.account_sid, settings.auth_token.expose());
        if account_sid.is_empty() {
            return Ok(());
        }
        let credentials = serde_json::json!({"account_sid": account_sid, "auth_token": auth_token}).to_string();
        let new = NewAccount {
            name: settings.client.clone(),
            credentials: Credentials::from_json(CarrierKind::Twilio, credentials.as_bytes())?,
            rate: None,
            uncertain: None,
            replies_to_keywords: false,
            any_sender: false,
            is_checked: false,
        };
        Ok(or_there(self.accounts.add(new, &AuditContext::unwritten()).await)?)
    }
}
