//! The newest messages that the loopback carrier took.

use std::collections::VecDeque;

use crate::model::{Channel, MessageId, Millis, SecretReference};
use crate::provider::{OutgoingMessage, ProviderListedMessage};

/// Messages kept; the oldest makes room.
pub(super) const KEPT: usize = 100_000;
/// Messages remembered for having been turned away once.
const REMEMBERED: usize = 10_000;

/// A message as the loopback carrier shows it.
#[derive(Clone, Debug)]
pub struct LoopbackMessage {
    /// Counts up from 0; a cursor is one of these.
    pub number: u64,
    pub message: MessageId,
    pub channel: Channel,
    pub sent: ProviderListedMessage,
    pub media_urls: Vec<String>,
    /// The code that it told, which is not kept: whoever shows it looks it up again.
    pub secret: Option<SecretReference>,
}

/// Which messages to list; what is `None` is not asked for.
#[derive(Clone, Default)]
pub struct Filter {
    pub to: Option<String>,
    pub from: Option<String>,
}

#[derive(Clone, Debug, Default)]
pub struct LoopbackPage {
    /// Newest first.
    pub messages: Vec<LoopbackMessage>,
    /// The cursor of the page after this one, where there is one.
    pub next: Option<u64>,
}

#[derive(Default)]
pub(super) struct MessageRing {
    messages: VecDeque<LoopbackMessage>,
    next: u64,
    turned_away: VecDeque<MessageId>,
}

impl MessageRing {
    /// Keeps a message and gives it an id.
    pub(super) fn push(&mut self, run: u64, message: &OutgoingMessage, now_ms: Millis) -> String {
        let provider_id = format!("LB{run:016x}{:016x}", self.next);
        if self.messages.len() == KEPT {
            self.messages.pop_front();
        }
        self.messages.push_back(LoopbackMessage {
            number: self.next,
            message: message.id,
            channel: message.channel,
            sent: ProviderListedMessage {
                provider_id: provider_id.clone(),
                to: message.to.clone(),
                from: message.from.clone(),
                body: message.kept_body().to_owned(),
                created_ms: now_ms,
            },
            media_urls: message.media_urls.clone(),
            secret: message.secret.as_ref().map(|secret| secret.reference.clone()),
        });
        self.next += 1;
        provider_id
    }

    pub(super) fn list(&self, filter: &Filter, cursor: Option<u64>, limit: usize) -> LoopbackPage {
        let wanted = |text: &Option<String>, value: &str| text.as_deref().is_none_or(|text| text == value);
        let mut matching = self
            .messages
            .iter()
            .rev()
            .filter(|kept| cursor.is_none_or(|cursor| kept.number < cursor))
            .filter(|kept| wanted(&filter.to, &kept.sent.to) && wanted(&filter.from, &kept.sent.from));
        let messages: Vec<_> = matching.by_ref().take(limit).cloned().collect();
        let next = messages.last().map(|last| last.number).filter(|_| matching.next().is_some());
        LoopbackPage { messages, next }
    }

    pub(super) fn find(&self, message: &OutgoingMessage, since_ms: Millis) -> Vec<ProviderListedMessage> {
        let same = |sent: &&ProviderListedMessage| {
            sent.to == message.to && sent.from == message.from && sent.body == message.kept_body()
        };
        let of_channel = self.messages.iter().rev().filter(|kept| kept.channel == message.channel);
        let recent = of_channel.map(|kept| &kept.sent).filter(|sent| sent.created_ms >= since_ms);
        recent.filter(same).cloned().collect()
    }

    /// Our message that was taken under this id.
    pub(super) fn message_of(&self, provider_id: &str) -> Option<MessageId> {
        self.messages.iter().rev().find(|kept| kept.sent.provider_id == provider_id).map(|kept| kept.message)
    }

    /// Whether this message was not here before; it is from now on.
    pub(super) fn is_first(&mut self, message: MessageId) -> bool {
        if self.turned_away.contains(&message) {
            return false;
        }
        if self.turned_away.len() == REMEMBERED {
            self.turned_away.pop_front();
        }
        self.turned_away.push_back(message);
        true
    }
}
