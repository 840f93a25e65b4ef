//! What was told, to look at and to tell again.

use super::endpoint::disabled;
use super::{Delivery, Event, EventTarget, Events};
use crate::model::event::EventType;
use crate::model::{ClientId, EndpointId, EventId};
use crate::service::audit::AuditContext;
use crate::service::{Error, Result, page};
use crate::store;

/// An event, and what became of it on each of its ways.
#[derive(Clone, Debug)]
pub struct EventHistory {
    pub event: Event,
    pub deliveries: Vec<Delivery>,
}

impl Events {
    /// A page of a client's events, of one type or of all, newest first, and whether there are more.
    pub async fn events(
        &self,
        client: ClientId,
        kind: Option<EventType>,
        after: Option<EventId>,
        limit: usize,
    ) -> Result<(Vec<Event>, bool)> {
        Ok(page(store::event::list(&self.parts.store, client, kind, after, limit + 1).await?, limit))
    }

    pub async fn event(&self, client: ClientId, id: EventId) -> Result<EventHistory> {
        let event =
            store::event::find(&self.parts.store, client, id).await?.ok_or_else(|| Error::not_found("event"))?;
        Ok(EventHistory { event, deliveries: store::delivery::list(&self.parts.store, id).await? })
    }

    /// Tells an event once more under its own id: to one endpoint, or to all that listen for its
    /// type now and to those that it went to before.
    pub async fn replay(
        &self,
        client: ClientId,
        id: EventId,
        only: Option<EndpointId>,
        audit: &AuditContext<'_, Vec<EventTarget>>,
    ) -> Result<EventHistory> {
        let told = self.event(client, id).await?;
        let targets = match only {
            Some(endpoint) => {
                if !self.endpoint(client, endpoint).await?.is_enabled {
                    return Err(disabled());
                }
                vec![EventTarget::Endpoint(endpoint)]
            }
            None => self.again(client, &told).await?,
        };
        let now_ms = self.parts.clock.now_ms();
        let entry = audit.entry(now_ms, id, None, Some(&targets));
        store::delivery::replay(&self.parts.store, id, &targets, now_ms, entry).await?;
        self.wake();
        self.event(client, id).await
    }

    async fn again(&self, client: ClientId, told: &EventHistory) -> Result<Vec<EventTarget>> {
        // not an answer of a second ago: somebody waits for this
        self.refresh().await?;
        let mut targets = self.targets(client, told.event.kind, None);
        for delivery in &told.deliveries {
            let is_there = match delivery.target {
                EventTarget::Callback(_) => true,
                EventTarget::Endpoint(id) => {
                    store::endpoint::find(&self.parts.store, client, id).await?.is_some_and(|found| found.is_enabled)
                }
            };
            if is_there && !targets.contains(&delivery.target) {
                targets.push(delivery.target);
            }
        }
        Ok(targets)
    }
}
