//! Takes events to their places: claims what is due, posts it, and says what became of it.

mod address;
mod form;
mod interaction;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;

use address::{UndeliverableEventReason, host};

use super::reason::disabled;
use super::{EventTarget, Events};
use crate::crypto::signature::{WebhookSecret, webhook};
use crate::model::lock::lock;
use crate::model::{ClientId, DurationSetting, EndpointId, Millis};
use crate::provider::webhook::{OutgoingCallbackForm, SignedEvent, WebhookPostOutcome};
use crate::service::{Result, retry};
use crate::store;
use crate::store::delivery::{DeliveryOutcome, DeliveryState, EndpointHealthChange, LeasedDelivery};
use crate::store::lease::{Lease, SKEW_MS};

pub use crate::store::delivery::FinishedDelivery;

/// A lease lasts so many times as a receiver may take to answer.
const LEASE_TIMEOUTS: i64 = 4;
const NO_URL: &str = "the message has no callback URL";
/// How long a delivery whose place is busy stays away, where the claim cannot leave it out.
const BUSY: DurationSetting = DurationSetting::from_millis(5_000);

/// What goes to the same place: it takes turns, and holds up nobody else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryDestination {
    Endpoint(EndpointId),
    /// The host of a callback URL, with its port.
    Host(String),
}

/// A claimed delivery, ready to be posted.
#[derive(Clone, Debug)]
pub struct ClaimedDelivery {
    claimed: LeasedDelivery,
    pub lane: DeliveryDestination,
    since: Instant,
}

impl ClaimedDelivery {
    /// How long it has been held.
    pub fn age(&self) -> Duration {
        self.since.elapsed()
    }
}

/// One node's postman.
pub struct EventCourier {
    events: Arc<Events>,
    last_until_ms: Mutex<Millis>,
    callback_secrets: Mutex<HashMap<ClientId, WebhookSecret>>,
}

impl EventCourier {
    pub fn new(events: Arc<Events>) -> Self {
        Self { events, last_until_ms: Mutex::default(), callback_secrets: Mutex::default() }
    }

    /// Waits until somebody has committed new events.
    pub async fn woken(&self) {
        self.events.woken.notified().await;
    }

    fn lease_ms(&self) -> Millis {
        self.events.settings().timeout.as_ms().saturating_mul(LEASE_TIMEOUTS)
    }

    /// Leases at most `limit` due deliveries, none of them to the endpoints in `busy`.
    pub async fn claim(&self, busy: &[EndpointId], limit: usize) -> Result<Vec<ClaimedDelivery>> {
        let now_ms = self.events.parts.clock.now_ms();
        let until_ms = {
            // each claim has an end of its own, by which it finds its rows
            let mut last = lock(&self.last_until_ms);
            let next_ms = now_ms + self.lease_ms();
            // but not that of a clock that has gone back since
            *last = if *last > next_ms + SKEW_MS { next_ms } else { next_ms.max(*last + 1) };
            *last
        };
        let since = Instant::now();
        let lease = Lease { owner: &self.events.parts.owner, now_ms, until_ms };
        let busy: Vec<EventTarget> = busy.iter().copied().map(EventTarget::Endpoint).collect();
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let claimed = store::delivery::claim(&self.events.parts.store, lease, &busy, limit).await?;
        Ok(claimed.into_iter().map(|claimed| job(claimed, since)).collect())
    }

    /// Posts one delivery, unless its lease is too old to be sure of.
    pub async fn deliver(&self, job: ClaimedDelivery) -> FinishedDelivery {
        if job.age() > Duration::from_millis(self.lease_ms().unsigned_abs() / 2) {
            return self.give_back(&job);
        }
        let is_form = matches!(job.claimed.held.target, EventTarget::Callback(_)) && job.claimed.content.is_twilio;
        let posted = if is_form { self.post_form(&job).await } else { self.post_event(&job).await };
        let dropped = |status, reason: &str| {
            let outcome = DeliveryOutcome::Over { state: DeliveryState::Dropped, status, reason: reason.to_owned() };
            (outcome, EndpointHealthChange::Unchanged)
        };
        let (outcome, health) = match posted {
            Err(UndeliverableEventReason::Dropped(reason)) => dropped(None, reason),
            Err(UndeliverableEventReason::Failed(reason)) => self.failed(&job, None, None, reason).await,
            Ok(WebhookPostOutcome::Delivered { status }) => {
                let is_failing = job.claimed.address.as_ref().is_some_and(|at| at.failing_since_ms.is_some());
                let health = if is_failing { EndpointHealthChange::Recovered } else { EndpointHealthChange::Unchanged };
                (DeliveryOutcome::Delivered { status }, health)
            }
            Ok(WebhookPostOutcome::Failed { status, retry_after, reason }) => {
                self.failed(&job, status, retry_after, reason).await
            }
            Ok(WebhookPostOutcome::Gone) => {
                self.disable(&job, "it answered 410 Gone").await;
                dropped(Some(410), "410 Gone")
            }
        };
        FinishedDelivery { held: job.claimed.held, outcome, health }
    }

    async fn post_event(&self, job: &ClaimedDelivery) -> Result<WebhookPostOutcome, UndeliverableEventReason> {
        let (url, secrets) = self.address(job).await?;
        Ok(self.events.parts.webhooks.deliver(&url, &self.signed(job, &secrets)).await)
    }

    async fn post_form(&self, job: &ClaimedDelivery) -> Result<WebhookPostOutcome, UndeliverableEventReason> {
        let url = self.callback_url(job)?;
        let fields = match &job.claimed.content.interaction {
            Some(said) => interaction::fields(&job.claimed, said, &self.events.parts.origin),
            None => form::fields(&job.claimed),
        };
        let fields = fields.ok_or(UndeliverableEventReason::Dropped("Twilio posts no such event"))?;
        let form =
            OutgoingCallbackForm { fields, token: self.auth_token(job)?, id: form::token(job.claimed.held.event) };
        Ok(self.events.parts.webhooks.deliver_form(url.expose(), &form).await)
    }

    fn signed(&self, job: &ClaimedDelivery, secrets: &[WebhookSecret]) -> SignedEvent {
        let (id, body) = (job.claimed.held.event.to_string(), Bytes::from(job.claimed.payload.clone()));
        let timestamp_secs = self.events.parts.clock.now_ms() / 1000;
        let signatures: Vec<String> =
            secrets.iter().map(|secret| webhook::sign(secret, &id, timestamp_secs, &body)).collect();
        SignedEvent { id, timestamp_secs, signature: signatures.join(" "), body }
    }

    /// Gives a delivery back that was not tried.
    pub fn give_back(&self, job: &ClaimedDelivery) -> FinishedDelivery {
        // a claim can leave busy endpoints out, but not busy hosts
        let wait_ms = if matches!(job.lane, DeliveryDestination::Host(_)) { BUSY.as_ms() } else { 0 };
        let outcome = DeliveryOutcome::Released { at_ms: self.events.parts.clock.now_ms() + wait_ms };
        FinishedDelivery { held: job.claimed.held, outcome, health: EndpointHealthChange::Unchanged }
    }

    /// Writes what became of deliveries.
    pub async fn record(&self, done: &[FinishedDelivery]) -> Result<()> {
        let parts = &self.events.parts;
        store::delivery::record(&parts.store, &parts.owner, done, self.events.parts.clock.now_ms()).await?;
        for one in done {
            parts.metrics.delivery(&one.outcome);
        }
        if done.iter().any(|one| one.held.has_turn && one.outcome.is_over()) {
            // it is the next one's turn
            self.events.wake();
        }
        Ok(())
    }

    /// Another try after the wait that is due, or that the receiver asked for where it is longer.
    async fn failed(
        &self,
        job: &ClaimedDelivery,
        status: Option<u16>,
        retry_after: Option<Duration>,
        reason: String,
    ) -> (DeliveryOutcome, EndpointHealthChange) {
        let settings = self.events.settings();
        let now_ms = self.events.parts.clock.now_ms();
        let failing_since = job.claimed.address.as_ref().and_then(|at| at.failing_since_ms);
        if failing_since.is_some_and(|since_ms| now_ms - since_ms >= settings.disable_after.as_ms()) {
            self.disable(job, &disabled(settings.disable_after, &reason)).await;
        }
        let health =
            if failing_since.is_none() { EndpointHealthChange::Failing } else { EndpointHealthChange::Unchanged };
        let wait = usize::try_from(job.claimed.tries).ok().and_then(|tries| settings.retries.get(tries));
        let outcome = match wait {
            None => DeliveryOutcome::Over { state: DeliveryState::Exhausted, status, reason },
            Some(wait) => {
                // up to a tenth more, lest all come back at once
                let jitter = (wait.as_duration() / 10).mul_f64(rand::random::<f64>());
                let wait = retry::wait(wait.as_duration().saturating_add(jitter), retry_after);
                let at_ms = now_ms + Millis::try_from(wait.as_millis()).unwrap_or(Millis::MAX / 4);
                DeliveryOutcome::Later { at_ms, status, reason }
            }
        };
        (outcome, health)
    }

    async fn disable(&self, job: &ClaimedDelivery, reason: &str) {
        let (EventTarget::Endpoint(id), Some(address)) = (job.claimed.held.target, &job.claimed.address) else {
            return;
        };
        let reason: String = reason.chars().take(255).collect();
        let parts = &self.events.parts;
        let (seen_ms, now_ms) = (address.changed_ms, parts.clock.now_ms());
        match store::endpoint::disable(&parts.store, id, seen_ms, &reason, now_ms).await {
            Ok(true) => {
                tracing::warn!(endpoint = %id, reason, "disabled an endpoint");
                self.events.renew().await;
                self.events.wake();
            }
            Ok(false) => {}
            // the next failure tries it again
            Err(error) => tracing::warn!(endpoint = %id, %error, "could not disable an endpoint"),
        }
    }
}

fn job(claimed: LeasedDelivery, since: Instant) -> ClaimedDelivery {
    let lane = match claimed.held.target {
        EventTarget::Endpoint(id) => DeliveryDestination::Endpoint(id),
        EventTarget::Callback(_) => {
            DeliveryDestination::Host(claimed.content.callback_url.as_deref().map(host).unwrap_or_default())
        }
    };
    ClaimedDelivery { claimed, lane, since }
}
