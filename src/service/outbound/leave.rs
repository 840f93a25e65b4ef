//! Leave to call a provider as soon as its message is stored: then one commit says both.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::Outbound;
use super::look_up::policy;
use crate::service::account::Line;
use crate::service::book::Sender;
use crate::store::account::Uncertain;
use crate::store::message::Message;

/// A place in the pace of an account and a number, and one of the account's calls.
pub(super) struct Leave {
    via: Arc<Line>,
    sender: Arc<Sender>,
    segments: u32,
    is_used: bool,
    _call: OwnedSemaphorePermit,
}

impl Leave {
    /// The line to call now; the leave lasts as long as the call.
    pub(super) fn line(&mut self) -> Arc<Line> {
        self.is_used = true;
        self.via.clone()
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        // whoever does not go takes no place from those who can
        if !self.is_used {
            self.sender.pace.give_back(self.segments);
            self.via.pace.give_back(self.segments);
        }
    }
}

impl Outbound {
    /// Leave to send a message at once. `None`: it waits its turn, as every message does whose account
    /// fails what is in doubt, since after a crash this one would be.
    pub(super) fn leave(&self, message: &Message) -> Option<Leave> {
        let page = self.parts.book.page();
        let (via, sender) = (page.line(message.account)?, page.sender(&message.from)?);
        if self.parts.stop.is_cancelled() || via.breaker.is_open() || policy(via) == Uncertain::Fail {
            return None;
        }
        let call = via.calls.clone().try_acquire_owned().ok()?;
        let segments = u32::try_from(message.segments).unwrap_or(1).max(1);
        let now = Instant::now();
        sender.pace.reserve(segments, Duration::ZERO, now).ok()?;
        if via.pace.reserve(segments, Duration::ZERO, now).is_err() {
            sender.pace.give_back(segments);
            return None;
        }
        Some(Leave { via: via.clone(), sender: sender.clone(), segments, is_used: false, _call: call })
    }
}
