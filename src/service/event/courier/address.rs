//! Where a claimed delivery goes, and what signs it.

use super::{ClaimedDelivery, EventCourier, NO_URL};
use crate::crypto::seal::Aad;
use crate::crypto::signature::WebhookSecret;
use crate::model::lock::lock;
use crate::model::{ClientId, EndpointId, Secret};
use crate::service::event::EventTarget;
use crate::service::event::endpoint::broken;
use crate::service::event::reason::UNREADABLE;
use crate::service::{Error, Result};
use crate::store::callback;
use crate::store::delivery::DeliveryEndpoint;
use crate::store::endpoint::EndpointSecretColumn;

/// Why a delivery is not posted.
pub(super) enum UndeliverableEventReason {
    Dropped(&'static str),
    Failed(String),
}

impl EventCourier {
    /// Where to post, and the secrets to sign with.
    pub(super) async fn address(
        &self,
        job: &ClaimedDelivery,
    ) -> Result<(String, Vec<WebhookSecret>), UndeliverableEventReason> {
        match (job.claimed.held.target, &job.claimed.address) {
            (EventTarget::Endpoint(_), None) => Err(UndeliverableEventReason::Dropped("the endpoint is gone")),
            (EventTarget::Endpoint(_), Some(address)) if !address.is_enabled => {
                Err(UndeliverableEventReason::Dropped("the endpoint is disabled"))
            }
            (EventTarget::Endpoint(id), Some(address)) => {
                let secrets = self.endpoint_secrets(id, address).map_err(|error| unreadable(&error))?;
                Ok((address.url.clone(), secrets))
            }
            (EventTarget::Callback(_), _) => {
                let url = job.claimed.content.callback_url.clone().ok_or(UndeliverableEventReason::Dropped(NO_URL))?;
                let secret = self.callback_secret(job.claimed.client).await.map_err(|error| unreadable(&error))?;
                Ok((url, vec![secret]))
            }
        }
    }

    fn endpoint_secrets(&self, id: EndpointId, address: &DeliveryEndpoint) -> Result<Vec<WebhookSecret>> {
        let mut secrets = vec![self.events.unseal(id, EndpointSecretColumn::Current, &address.secret)?];
        if let Some((sealed, until_ms)) = &address.previous
            && self.events.parts.clock.now_ms() < *until_ms
        {
            secrets.push(self.events.unseal(id, EndpointSecretColumn::Previous, sealed)?);
        }
        Ok(secrets)
    }

    /// What signs the callbacks that a client gets in Twilio's form: as it is now, since it may have been replaced.
    pub(super) fn auth_token(&self, job: &ClaimedDelivery) -> Result<Secret, UndeliverableEventReason> {
        let sealed = job.claimed.auth_token.as_deref();
        let sealed = sealed.ok_or(UndeliverableEventReason::Dropped("the client has no auth token to sign with"))?;
        let row = job.claimed.client.hex();
        let place = Aad { table: "sb_client", row: &row, column: "auth_token" };
        let opened = self.events.parts.master.open(place, sealed).map_err(|error| unreadable(&error.into()))?;
        Ok(Secret::new(String::from_utf8_lossy(&opened).into_owned()))
    }

    /// Where a callback in Twilio's form goes: with its login for as long as that is kept.
    pub(super) fn callback_url(&self, job: &ClaimedDelivery) -> Result<Secret, UndeliverableEventReason> {
        let Some(sealed) = &job.claimed.callback else {
            return job
                .claimed
                .content
                .callback_url
                .clone()
                .map(Secret::new)
                .ok_or(UndeliverableEventReason::Dropped(NO_URL));
        };
        let EventTarget::Callback(message) = job.claimed.held.target else {
            return Err(UndeliverableEventReason::Dropped(NO_URL));
        };
        let opened = self.events.parts.master.open(callback::place(&message.hex()), sealed);
        let opened = opened.map_err(|error| unreadable(&error.into()))?;
        Ok(Secret::new(String::from_utf8_lossy(&opened).into_owned()))
    }

    async fn callback_secret(&self, client: ClientId) -> Result<WebhookSecret> {
        let known = lock(&self.callback_secrets).get(&client).cloned();
        if let Some(secret) = known {
            return Ok(secret);
        }
        let secret: WebhookSecret = self.events.callback_secret(client).await?.expose().parse().map_err(broken)?;
        lock(&self.callback_secrets).insert(client, secret.clone());
        Ok(secret)
    }
}

fn unreadable(error: &Error) -> UndeliverableEventReason {
    tracing::error!(%error, "cannot sign an event");
    UndeliverableEventReason::Failed(UNREADABLE.to_owned())
}

/// What stands between `//` and the path, but for a login: enough to take turns by.
pub(super) fn host(url: &str) -> String {
    let after = url.split_once("//").map_or(url, |(_, after)| after);
    let host = after.split(['/', '?', '#']).next().unwrap_or_default();
    // a login is nobody's place, and is shown nowhere
    host.rsplit('@').next().unwrap_or_default().to_lowercase()
}
