//! What was said in sessions, emptied once it has been kept for as long as the operator wants it.

use std::sync::Mutex;

use crate::model::lock::lock;
use crate::model::message::MessageState;
use crate::model::{ClientId, Clock, DurationSetting, InteractionId, MessageId};
use crate::service::retention::RemovalThrottle;
use crate::store::redaction::redact;
use crate::store::session::interaction::{self, KeptWords};
use crate::store::{self, Store, message};

/// Interactions of one look.
const LOOK: usize = 200;

/// Empties texts of sessions, and their copies: what came of them stays.
pub struct SessionBodies {
    /// Zero: for as long as their messages.
    pub keep: DurationSetting,
    pub store: Store,
    pub clock: Clock,
    /// Up to where all is empty, as far as this node has looked.
    pub passed: Mutex<InteractionId>,
}

impl SessionBodies {
    /// Goes on where it stopped last. A copy that is still to be sent keeps its words; it is looked at again, and all
    /// behind it, but what comes behind it does not wait for it.
    pub async fn empty(&self) -> store::Result<()> {
        if self.keep.as_ms() == 0 {
            return Ok(());
        }
        let before = InteractionId::first_of((self.clock.now_ms() - self.keep.as_ms()).max(0));
        let (mut after, mut is_held) = (*lock(&self.passed), false);
        let mut throttle = RemovalThrottle::default();
        loop {
            let kept = interaction::kept(&self.store, after, before, LOOK).await?;
            for KeptWords { id, client, inbound, outbound } in &kept {
                // the copy first: what came with the text is fetched for it
                let is_copied = match outbound {
                    Some(copy) => is_emptied(&self.store, &self.clock, *client, *copy).await?,
                    None => true,
                };
                is_held |= !is_copied;
                if let Some(text) = inbound.filter(|_| is_copied) {
                    is_held |= !is_emptied(&self.store, &self.clock, *client, text).await?;
                }
                after = *id;
                if !is_held {
                    *lock(&self.passed) = after;
                }
            }
            if kept.len() < LOOK {
                return Ok(());
            }
            throttle.rest().await;
        }
    }
}

/// Whether a message says nothing from now on; `false`: it is still to be sent.
pub(super) async fn is_emptied(store: &Store, clock: &Clock, client: ClientId, id: MessageId) -> store::Result<bool> {
    // taken out of its client's sight, it is empty too; a text has been emptied for the first of its copies
    let Some(message) = message::find(store, client, id).await? else { return Ok(true) };
    if message.redacted_ms.is_some() {
        return Ok(true);
    }
    if !message.state.is_final() && message.state != MessageState::Sent {
        return Ok(false);
    }
    match redact(store, client, id, &message.content.redacted(), None, clock.now_ms(), None).await {
        // somebody else has, or it is being removed
        Err(error) if error.is_race() => Ok(true),
        emptied => emptied.map(|()| true),
    }
}
