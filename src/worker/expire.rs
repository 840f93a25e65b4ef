//! Removes what has served: every `retention.remove_every`.

use super::Node;
use super::periodic::{Routine, Work, work};

/// What serves for a while only; one after the other, since the store is for what is sent.
const SERVED: [(&str, Routine); 8] = [
    ("expired sessions", |node| work(node.handshakes.sweep())),
    ("idempotency keys", |node| work(node.retention.remove_idempotency_keys())),
    ("published texts", |node| work(node.publish.sweep())),
    ("tokens of accounts", |node| work(node.retention.remove_tokens())),
    ("old webhooks", |node| work(node.inbox.sweep())),
    ("old events", |node| work(node.events.sweep())),
    ("logins of callbacks", |node| work(node.events.sweep_logins())),
    ("old messages", |node| work(node.retention.remove_messages())),
];

pub(super) fn sweep(node: &Node) -> Work<'_> {
    Box::pin(async move {
        for (what, run) in SERVED {
            if let Err(error) = run(node).await {
                tracing::warn!(%error, "could not remove {what}; trying again at the next sweep");
            }
        }
        Ok(())
    })
}
