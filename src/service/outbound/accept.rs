//! Accepting a message: what it must be, who sends it, and what its caller is told.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::Outbound;
use crate::crypto::hash;
use crate::model::address::{Address, AddressKind};
use crate::model::message::{Direction, State};
use crate::model::segment::Segments;
use crate::model::{ClientId, MessageId, Millis, Span};
use crate::service::book::Sender;
use crate::store::message::Message;
use crate::store::outbox::intake::{self, Accepted, Kept, New};
use crate::store::{self};

/// What a caller asks for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Without one, the client's oldest number that can.
    pub from: Option<Address>,
    pub to: Address,
    pub body: String,
    pub media_urls: Vec<String>,
    pub send_at_ms: Option<Millis>,
    pub valid_for: Option<Span>,
    pub callback_url: Option<String>,
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What is seldom there, as the store keeps it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Extra {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_urls: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at_ms: Option<Millis>,
    /// A reply to a keyword, such as the confirmation of STOP: it alone passes the opt-out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_reply: bool,
}

impl Extra {
    /// Reads what [`Extra::text`] wrote.
    pub fn parse(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    pub(in crate::service) fn text(&self) -> Option<String> {
        if *self == Self::default() { None } else { serde_json::to_string(self).ok() }
    }
}

/// The caller's name for a request, so that it counts once however often it comes.
#[derive(Clone, Debug)]
pub struct Key {
    pub name: String,
    /// SHA-256 of the body: another body under the same name is refused.
    pub request_hash: String,
}

/// What the caller is told.
#[derive(Debug)]
pub enum Told {
    Accepted(Box<Message>),
    /// What was told when the same request came first.
    Again(String),
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field that cannot be.
    #[error("{field}: {reason}")]
    Invalid { field: &'static str, reason: String },
    #[error("the recipient has opted out of texts from this number")]
    OptedOut,
    #[error("this Idempotency-Key came with another body before")]
    KeyReused,
    #[error("no such message")]
    NotFound,
    #[error("the message is being sent, or is over")]
    TooLate,
    #[error("the message has not been sent yet: cancel it instead")]
    NotOver,
    #[error(transparent)]
    Store(#[from] store::Error),
}

fn key_id(client: ClientId, name: &str) -> String {
    hash::sha256_hex(format!("{}\0{name}", client.hex()).as_bytes())
}

fn invalid(field: &'static str, reason: impl Into<String>) -> Error {
    Error::Invalid { field, reason: reason.into() }
}

impl Outbound {
    /// Accepts a message: when this returns, it is stored, and it will be sent or accounted for.
    /// `render` writes the reply that a repeat of the request gets again.
    pub async fn send(
        self: &Arc<Self>,
        client: ClientId,
        request: Request,
        key: Option<Key>,
        render: impl Fn(&Message) -> String,
    ) -> Result<Told, Error> {
        let now_ms = self.parts.clock.now_ms();
        let key = key.map(|key| (key_id(client, &key.name), key.request_hash));
        let planned = self
            .due(&request, now_ms)
            .and_then(|due_ms| self.message(client, request, due_ms, now_ms).map(|message| (message, due_ms)));
        let (message, due_ms) = match planned {
            Ok(planned) => planned,
            // what was good when it came first is answered as it was then
            Err(error) => return self.replayed(key, error).await,
        };
        let lane = self.pair(&message.from, &message.to);
        let kept = key.map(|(id, request_hash)| Kept { id, request_hash, reply: render(&message) });
        let lease_ends = Instant::now() + self.parts.settings.lease.as_duration();
        let told = self.told(&message, message.state, super::tell::Why::default());
        let is_told = !told.new.is_empty();
        let leave = if due_ms.is_none() { self.leave(&message) } else { None };
        let stored = message.clone();
        let new = New { message: stored, lane, due_ms, kept, told, passes_opt_out: false, lease_ends, leave };
        // who raced in vain so often may try again later
        let busy = |error: store::Error| {
            if error.is_race() { store::Error::Unavailable("others keep changing this lane".into()) } else { error }
        };
        match self.intake.write(new).await.map_err(busy)? {
            Accepted::Stored => {}
            Accepted::Replayed(reply) => return Ok(Told::Again(reply)),
            Accepted::KeyReused => return Err(Error::KeyReused),
            Accepted::OptedOut => return Err(Error::OptedOut),
        }
        self.parts.metrics.accepted();
        if is_told {
            self.parts.events.wake();
        }
        Ok(Told::Accepted(Box::new(message)))
    }

    /// The reply to the same request, if it came before.
    async fn replayed(&self, key: Option<(String, String)>, error: Error) -> Result<Told, Error> {
        let Some((id, request_hash)) = key else { return Err(error) };
        match intake::kept(&self.parts.store, &id).await? {
            Some((hash, reply)) if hash == request_hash => Ok(Told::Again(reply)),
            Some(_) => Err(Error::KeyReused),
            None => Err(error),
        }
    }

    fn due(&self, request: &Request, now_ms: Millis) -> Result<Option<Millis>, Error> {
        let Some(send_at_ms) = request.send_at_ms else { return Ok(None) };
        let most = self.parts.settings.schedule_most;
        if send_at_ms <= now_ms {
            return Err(invalid("send_at", "lies in the past"));
        }
        if send_at_ms > now_ms + most.as_ms() {
            return Err(invalid("send_at", format!("lies more than {most} ahead")));
        }
        Ok(Some(send_at_ms))
    }

    fn message(
        &self,
        client: ClientId,
        request: Request,
        due_ms: Option<Millis>,
        now_ms: Millis,
    ) -> Result<Message, Error> {
        let sender = self.sender(client, request.from.as_ref(), !request.media_urls.is_empty())?;
        if request.to.kind() == AddressKind::Alphanumeric {
            return Err(invalid("to", "a sender name cannot be texted"));
        }
        if request.to.as_str() == sender.number.address {
            return Err(invalid("to", "is the number that the message would come from"));
        }
        if let Some(url) = &request.callback_url {
            self.parts.events.check_url(url).map_err(|error| invalid("callback_url", error.to_string()))?;
        }
        let segments = self.fits(&request)?;
        let valid_for = request.valid_for.unwrap_or(self.parts.settings.valid_for);
        let extra = Extra {
            media_urls: request.media_urls,
            callback_url: request.callback_url,
            metadata: request.metadata,
            send_at_ms: due_ms,
            is_reply: false,
        };
        Ok(Message {
            id: MessageId::new(now_ms),
            client,
            account: sender.number.account,
            direction: Direction::Out,
            from: sender.number.address.clone(),
            to: request.to.as_str().to_owned(),
            body: request.body,
            state: if due_ms.is_some() { State::Scheduled } else { State::Accepted },
            encoding: segments.encoding.name().to_owned(),
            segments: i64::from(segments.count),
            extra: extra.text(),
            error_code: None,
            error_reason: None,
            created_ms: now_ms,
            changed_ms: now_ms,
            expires_ms: Some(due_ms.unwrap_or(now_ms) + valid_for.as_ms()),
            redacted_ms: None,
        })
    }

    /// The number that a message leaves from. Another client's number is as unknown as one that is not there.
    fn sender(&self, client: ClientId, from: Option<&Address>, with_media: bool) -> Result<Arc<Sender>, Error> {
        let page = self.parts.book.page();
        let can = |sender: &Sender, what: &str| sender.number.capabilities.split(',').any(|one| one == what);
        let wanted = if with_media { "mms" } else { "sms" };
        if let Some(from) = from {
            let sender = page.sender(from.as_str()).filter(|sender| sender.number.client == client);
            let sender = sender.ok_or_else(|| invalid("from", "is not a number of yours"))?;
            if !can(sender, wanted) {
                return Err(invalid("from", format!("cannot send {wanted}")));
            }
            return Ok(sender.clone());
        }
        let mut senders = page.senders_of(client).iter();
        let first = senders.find(|sender| can(sender, wanted));
        first
            .cloned()
            .ok_or_else(|| invalid("from", format!("is missing, and there is no number that can send {wanted}")))
    }

    fn fits(&self, request: &Request) -> Result<Segments, Error> {
        let settings = &self.parts.settings;
        if request.body.is_empty() && request.media_urls.is_empty() {
            return Err(invalid("body", "is empty, and there is no media"));
        }
        if request.body.chars().count() > settings.characters {
            return Err(invalid("body", format!("is longer than {} characters", settings.characters)));
        }
        let segments = Segments::of(&request.body);
        if segments.count > settings.segments {
            return Err(invalid("body", format!("takes {} segments, {} at most", segments.count, settings.segments)));
        }
        Ok(segments)
    }
}
