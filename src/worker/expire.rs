//! Removes what has served: every `keep.sweep_every`.

use std::fmt::Display;
use std::sync::Arc;

use crate::service::event::Events;
use crate::service::inbound::Inbox;
use crate::service::keep::Keep;
use crate::service::publish::Publish;
use crate::service::sync::Handshakes;

/// Whose rows serve for a while only.
pub struct Served {
    pub keep: Arc<Keep>,
    pub handshakes: Arc<Handshakes>,
    pub publish: Arc<Publish>,
    pub inbox: Arc<Inbox>,
    pub events: Arc<Events>,
}

pub(super) async fn run(served: Served) {
    let every = served.keep.sweep_every();
    loop {
        // a start is busy enough: the first sweep waits, and nodes do not sweep in step
        tokio::time::sleep(every.mul_f64(1.0 + rand::random::<f64>() / 10.0)).await;
        tell("expired sessions", served.handshakes.sweep().await);
        tell("idempotency keys", served.keep.sweep_idempotency_keys().await);
        tell("published texts", served.publish.sweep().await);
        tell("tokens of accounts", served.keep.sweep_tokens().await);
        tell("old webhooks", served.inbox.sweep().await);
        tell("old events", served.events.sweep().await);
        tell("logins of callbacks", served.events.sweep_logins().await);
        tell("old messages", served.keep.sweep_messages().await);
    }
}

fn tell(what: &str, result: Result<(), impl Display>) {
    if let Err(error) = result {
        tracing::warn!(%error, "could not remove {what}; trying again at the next sweep");
    }
}
