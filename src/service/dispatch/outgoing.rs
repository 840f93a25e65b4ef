//! A message as its provider gets it.

use std::time::Instant;

use super::Dispatch;
use crate::model::{CallPlan, Millis};
use crate::provider::{Instructions, Outgoing};
use crate::service::account::AccountHandle;
use crate::store::message::Message;

/// For how long a carrier may still try: a second at least, whatever the clocks say.
fn seconds_left(expires_ms: Millis, now_ms: Millis) -> u32 {
    u32::try_from((expires_ms - now_ms) / 1000).unwrap_or_default().max(1)
}

fn instructions(plan: &CallPlan) -> Instructions {
    Instructions { url: plan.url.clone(), twiml: plan.twiml.clone(), dialing: plan.dialing.clone() }
}

impl Dispatch {
    pub(super) fn outgoing(&self, message: &Message, handle: &AccountHandle, until: Instant) -> Outgoing {
        let status_url = self.parts.public_url.as_ref().and_then(|origin| {
            let path = handle.connector.status_path()?;
            Some(format!("{origin}{path}"))
        });
        Outgoing {
            id: message.id,
            channel: message.channel,
            from: message.from.clone(),
            to: message.to.clone(),
            body: message.body.clone(),
            media_urls: message.content.media_urls.clone(),
            valid_for_secs: message.expires_ms.map(|expires_ms| seconds_left(expires_ms, self.parts.clock.now_ms())),
            status_url,
            instructions: message.content.call.as_ref().map(instructions),
            until,
        }
    }
}
