//! Where a client wants its events: made, changed, tried out, and given new secrets.

use super::payload::EndpointEventData;
use super::{BadWebhookUrl, Endpoint, EventMetadata, EventTarget, Events};
use crate::crypto::signature::WebhookSecret;
use crate::crypto::signature::webhook::NotAWebhookSecret;
use crate::model::event::{EventPattern, EventType};
use crate::model::{ClientId, DurationSetting, EndpointId, EventId, Millis, Secret};
use crate::service::audit::AuditContext;
use crate::service::race::settled;
use crate::service::{Error, ErrorKind, Result, page};
use crate::store::endpoint::{EndpointSecretColumn, secret_place};
use crate::store::{self, Change, meta};

/// Endpoints of one client at most: every event is held against all of them.
const MOST: i64 = 100;
const LONGEST_DESCRIPTION: usize = 255;
/// How long a replaced secret still signs.
const OVERLAP: DurationSetting = DurationSetting::from_millis(24 * 3_600_000);

/// What a client says of a new endpoint.
#[derive(Clone, Debug)]
pub struct NewEndpoint {
    pub url: String,
    pub description: String,
    pub patterns: Vec<EventPattern>,
    /// It is to be told of one object's events one after the other.
    pub is_ordered: bool,
}

/// What is to change of an endpoint.
#[derive(Clone, Debug, Default)]
pub struct EndpointChange {
    pub url: Option<String>,
    pub description: Option<String>,
    pub patterns: Option<Vec<EventPattern>>,
    pub is_ordered: Option<bool>,
    pub is_enabled: Option<bool>,
}

/// Each pattern once, in the order given.
fn distinct(patterns: Vec<EventPattern>) -> Result<Vec<EventPattern>> {
    let mut kept = Vec::new();
    for pattern in patterns {
        if !kept.contains(&pattern) {
            kept.push(pattern);
        }
    }
    if kept.is_empty() { Err(Error::invalid("event_types", "at least one event type is needed")) } else { Ok(kept) }
}

fn check_description(description: &str) -> Result<()> {
    if description.chars().count() > LONGEST_DESCRIPTION {
        let reason = format!("a description has at most {LONGEST_DESCRIPTION} characters");
        return Err(Error::invalid("description", reason));
    }
    Ok(())
}

fn bad_url(reason: BadWebhookUrl) -> Error {
    Error::invalid("url", reason.to_string())
}

pub(super) fn disabled() -> Error {
    Error::conflict("the endpoint is disabled")
}

/// A secret in the store is none.
pub(super) fn broken(reason: NotAWebhookSecret) -> Error {
    Error::new(ErrorKind::Internal, format!("a secret in the store is none: {reason}"))
}

impl EndpointChange {
    /// The endpoint as it will be.
    fn apply(&self, seen: &Endpoint, now_ms: Millis) -> Result<Endpoint> {
        let mut to = seen.clone();
        to.changed_ms = now_ms.max(seen.changed_ms + 1);
        to.url = self.url.clone().unwrap_or(to.url);
        to.description = self.description.clone().unwrap_or(to.description);
        if let Some(patterns) = &self.patterns {
            to.patterns = distinct(patterns.clone())?;
        }
        to.is_ordered = self.is_ordered.unwrap_or(to.is_ordered);
        if let Some(is_enabled) = self.is_enabled {
            to.is_enabled = is_enabled;
            to.reason = None;
        }
        // elsewhere, or once more: what it failed before no longer counts
        if self.is_enabled == Some(true) || to.url != seen.url {
            to.failing_since_ms = None;
        }
        Ok(to)
    }
}

impl Events {
    /// A new endpoint and its secret, which is not shown again.
    pub async fn create_endpoint(
        &self,
        client: ClientId,
        new: NewEndpoint,
        audit: &AuditContext<'_, Endpoint>,
    ) -> Result<(Endpoint, Secret)> {
        let url = self.check_url(&new.url).map_err(bad_url)?;
        check_description(&new.description)?;
        let patterns = distinct(new.patterns)?;
        if store::endpoint::count(&self.parts.store, client).await? >= MOST {
            return Err(Error::conflict(format!("a client has at most {MOST} endpoints")));
        }
        let now_ms = self.parts.clock.now_ms();
        let endpoint = Endpoint {
            id: EndpointId::new(now_ms),
            url,
            description: new.description,
            patterns,
            is_ordered: new.is_ordered,
            is_enabled: true,
            reason: None,
            failing_since_ms: None,
            previous_until_ms: None,
            created_ms: now_ms,
            changed_ms: now_ms,
        };
        let secret = WebhookSecret::generate().to_text();
        let sealed = self.seal(endpoint.id, EndpointSecretColumn::Current, &secret)?;
        let entry = audit.entry(now_ms, endpoint.id, None, Some(&endpoint));
        store::endpoint::insert(&self.parts.store, client, &endpoint, sealed, entry).await?;
        self.renew().await;
        tracing::info!(endpoint = %endpoint.id, "made an endpoint");
        Ok((endpoint, secret))
    }

    /// A page of a client's endpoints, newest first, and whether there are more.
    pub async fn endpoints(
        &self,
        client: ClientId,
        after: Option<EndpointId>,
        limit: usize,
    ) -> Result<(Vec<Endpoint>, bool)> {
        Ok(page(store::endpoint::list(&self.parts.store, client, after, limit + 1).await?, limit))
    }

    pub async fn endpoint(&self, client: ClientId, id: EndpointId) -> Result<Endpoint> {
        store::endpoint::find(&self.parts.store, client, id).await?.ok_or_else(|| Error::not_found("endpoint"))
    }

    pub async fn update_endpoint(
        &self,
        client: ClientId,
        id: EndpointId,
        mut patch: EndpointChange,
        audit: &AuditContext<'_, Endpoint>,
    ) -> Result<Endpoint> {
        patch.url = patch.url.map(|url| self.check_url(&url).map_err(bad_url)).transpose()?;
        check_description(patch.description.as_deref().unwrap_or_default())?;
        let to = settled("this endpoint", || async {
            let seen = self.endpoint(client, id).await?;
            let now_ms = self.parts.clock.now_ms();
            let to = patch.apply(&seen, now_ms)?;
            let entry = audit.entry(now_ms, id, Some(&seen), Some(&to));
            store::endpoint::update(&self.parts.store, client, &seen, &to, entry).await?;
            Ok(to)
        })
        .await?;
        self.renew().await;
        // what waited for its turn may have been released
        self.wake();
        Ok(to)
    }

    /// A new secret, shown once; the one before it signs too for another day.
    pub async fn rotate_endpoint(
        &self,
        client: ClientId,
        id: EndpointId,
        audit: &AuditContext<'_, Endpoint>,
    ) -> Result<(Endpoint, Secret)> {
        let secret = WebhookSecret::generate().to_text();
        let sealed = self.seal(id, EndpointSecretColumn::Current, &secret)?;
        let to = settled("this endpoint", || async {
            let seen = self.endpoint(client, id).await?;
            let current = store::endpoint::sealed_secret(&self.parts.store, client, id).await?;
            let current = current.ok_or_else(|| Error::not_found("endpoint"))?;
            let previous = self.unseal(id, EndpointSecretColumn::Current, &current)?.to_text();
            let previous = self.seal(id, EndpointSecretColumn::Previous, &previous)?;
            let now_ms = self.parts.clock.now_ms();
            let to = Endpoint {
                previous_until_ms: Some(now_ms + OVERLAP.as_ms()),
                changed_ms: now_ms.max(seen.changed_ms + 1),
                ..seen.clone()
            };
            let entry = audit.entry(now_ms, id, Some(&seen), Some(&to));
            let sealed = sealed.clone();
            store::endpoint::rotate(&self.parts.store, client, &seen, &to, sealed, previous, entry).await?;
            Ok(to)
        })
        .await?;
        tracing::info!(endpoint = %id, "an endpoint has a new secret");
        Ok((to, secret))
    }

    pub async fn delete_endpoint(
        &self,
        client: ClientId,
        id: EndpointId,
        audit: &AuditContext<'_, Endpoint>,
    ) -> Result<()> {
        let before = self.endpoint(client, id).await?;
        let now_ms = self.parts.clock.now_ms();
        let entry = audit.entry(now_ms, id, Some(&before), None);
        if !store::endpoint::delete(&self.parts.store, client, id, now_ms, entry).await? {
            return Err(Error::not_found("endpoint"));
        }
        self.renew().await;
        self.wake();
        tracing::info!(endpoint = %id, "removed an endpoint");
        Ok(())
    }

    /// Sends an `endpoint.test` to this endpoint, whatever it listens for.
    pub async fn test_endpoint(
        &self,
        client: ClientId,
        id: EndpointId,
        audit: &AuditContext<'_, EventId>,
    ) -> Result<EventId> {
        if !self.endpoint(client, id).await?.is_enabled {
            return Err(disabled());
        }
        let at_ms = self.parts.clock.now_ms();
        let what = EventMetadata::alone(client, EventType::EndpointTest, at_ms);
        let mut batch = self.batch();
        let event =
            batch.add_for(what, EndpointEventData { endpoint_id: id.to_string() }, &[EventTarget::Endpoint(id)]);
        let event = event.ok_or_else(|| Error::not_found("event"))?;
        let change = batch.write(Change::new()).audited(audit.entry(at_ms, id, None, Some(&event)));
        self.parts.store.commit(change.settled_by_id("sb_event", event)).await?;
        batch.committed();
        Ok(event)
    }

    /// What signs the posts to the callback URLs of a client's messages; made at its first use.
    pub async fn callback_secret(&self, client: ClientId) -> Result<Secret> {
        let name = format!("callback:{}", client.hex());
        let new = WebhookSecret::generate().to_text();
        let now_ms = self.parts.clock.now_ms();
        Ok(meta::secret_or_insert(&self.parts.store, &self.parts.master, &name, &new, now_ms).await?)
    }

    fn seal(&self, id: EndpointId, column: EndpointSecretColumn, secret: &Secret) -> Result<Vec<u8>> {
        Ok(self.parts.master.seal(secret_place(&id.hex(), column), secret.expose().as_bytes())?)
    }

    pub(super) fn unseal(&self, id: EndpointId, column: EndpointSecretColumn, sealed: &[u8]) -> Result<WebhookSecret> {
        let opened = self.parts.master.open(secret_place(&id.hex(), column), sealed)?;
        let text = std::str::from_utf8(&opened).unwrap_or_default();
        text.parse().map_err(broken)
    }
}
