//! A provider inside the process: no network, the newest messages kept to be looked at.
//!
//! Every number delivers, but for these, whose first five mean what they mean to Twilio's test
//! credentials:
//!
//! | `to` | what happens |
//! |---|---|
//! | +15005550001 | refused, 21211: not a number |
//! | +15005550002 | refused, 21612: no route |
//! | +15005550003 | refused, 21408: region not allowed |
//! | +15005550004 | refused, 21610: opted out |
//! | +15005550009 | refused, 21614: not a mobile |
//! | +15005550010 | delivered, and the body comes back as an inbound message |
//! | +15005550011 | accepted, then an undelivered receipt, 30003 |
//! | +15005550012 | accepted, then a failed receipt, 30007 |
//! | +15005550013 | throttled for a second the first time, then delivered |
//! | +15005550014 | unreachable, always |
//! | +15005550015 | unreachable the first time, then delivered |
//! | +15005550016 | uncertain, but it was sent: it can be found |
//! | +15005550017 | uncertain the first time, and not sent; then delivered |
//! | +15005550018 | accepted, no receipt ever |
//! | +15005550019 | delivered, after three seconds |
//!
//! Calls do the same, but what is delivered rings, is answered, and completed after a second that nobody waits for:
//!
//! | `to` | what a call comes to |
//! |---|---|
//! | +15005550011 | no answer |
//! | +15005550012 | failed |
//! | +15005550018 | rings, is answered, and lasts until it is ended |
//! | +15005550020 | busy |
//!
//! An account has the numbers +15105550801, +15105550802 and +15105550803.

mod call;
mod profile;
mod ring;
mod stored;

use std::future::ready;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::mpsc;

use super::{
    AskError, CallHangupMode, CarrierConnectorFactory, CarrierNumber, CarrierProfile, DeliveryReceipt, InboundMessage,
    NumberLookup, OPTED_OUT, OutgoingMessage, Provider, SendOutcome, SentMessagesResult, Settings, UnreadableWebhook,
};
use crate::model::address::{self, Address};
use crate::model::lock::lock;
use crate::model::message::MessageState;
use crate::model::{Channel, Clock, Millis, Phone, Segments};

use ring::MessageRing;

pub use profile::LoopbackCredentials;
pub use ring::{Filter, LoopbackMessage, LoopbackPage};
pub use stored::{StoredLoopbackReceipt, StoredLoopbackText};

/// What a carrier would post to us.
pub enum LoopbackEvent {
    /// It names our message: it may come before the provider id of that is stored.
    Receipt(StoredLoopbackReceipt),
    Text(StoredLoopbackText),
}

/// The process's one loopback carrier; clones are the same one.
#[derive(Clone)]
pub struct Loopback(Arc<LoopbackInner>);

struct LoopbackInner {
    latency: Duration,
    has_receipts: bool,
    clock: Clock,
    /// Ids must not come again after a restart.
    run: u64,
    /// Held for moments only, and never over an await.
    ring: Mutex<MessageRing>,
    events: mpsc::Sender<LoopbackEvent>,
    dropped: AtomicU64,
}

/// What is stored in its name and cannot be read.
const NO_TEXT: UnreadableWebhook = UnreadableWebhook("loopback text");

/// The numbers that its accounts have.
const OWN_NUMBERS: [&str; 3] = ["+15105550801", "+15105550802", "+15105550803"];

/// What a number does.
#[derive(Clone, Copy)]
enum LoopbackTrick {
    Deliver,
    Refuse(i64, &'static str),
    Echo,
    Report(MessageState, i64),
    ThrottleOnce,
    Unreachable,
    UnreachableOnce,
    UncertainSent,
    UncertainOnce,
    Silent,
    Slow,
    Busy,
}

fn trick(to: &str) -> LoopbackTrick {
    match to.strip_prefix("+1500555").unwrap_or_default() {
        "0001" => LoopbackTrick::Refuse(21_211, "not a phone number"),
        "0002" => LoopbackTrick::Refuse(21_612, "no route to this number"),
        "0003" => LoopbackTrick::Refuse(21_408, "this region is not allowed"),
        "0004" => LoopbackTrick::Refuse(OPTED_OUT, "the recipient opted out"),
        "0009" => LoopbackTrick::Refuse(21_614, "not a mobile number"),
        "0010" => LoopbackTrick::Echo,
        "0011" => LoopbackTrick::Report(MessageState::Undelivered, 30_003),
        "0012" => LoopbackTrick::Report(MessageState::Failed, 30_007),
        "0013" => LoopbackTrick::ThrottleOnce,
        "0014" => LoopbackTrick::Unreachable,
        "0015" => LoopbackTrick::UnreachableOnce,
        "0016" => LoopbackTrick::UncertainSent,
        "0017" => LoopbackTrick::UncertainOnce,
        "0018" => LoopbackTrick::Silent,
        "0019" => LoopbackTrick::Slow,
        "0020" => LoopbackTrick::Busy,
        _ => LoopbackTrick::Deliver,
    }
}

impl Loopback {
    /// Events that `events` has no room for are dropped and counted: a send never waits for them.
    pub fn new(settings: &Settings, clock: Clock, events: mpsc::Sender<LoopbackEvent>) -> Self {
        Self(Arc::new(LoopbackInner {
            latency: settings.loopback_latency.as_duration(),
            has_receipts: settings.loopback_receipts,
            clock,
            run: rand::random(),
            ring: Mutex::default(),
            events,
            dropped: AtomicU64::new(0),
        }))
    }

    fn accept(&self, message: &OutgoingMessage, trick: LoopbackTrick) -> SendOutcome {
        let now_ms = self.0.clock.now_ms();
        let (state, error_code) = match trick {
            LoopbackTrick::Report(state, code) => (state, Some(code)),
            LoopbackTrick::Silent => (MessageState::Sent, None),
            _ => (MessageState::Delivered, None),
        };
        let provider_id = lock(&self.0.ring).push(self.0.run, message, now_ms);
        let is_call = message.channel == Channel::Voice;
        if self.0.has_receipts && is_call {
            self.report_call(message.id, &provider_id, trick);
        } else if self.0.has_receipts && !matches!(trick, LoopbackTrick::Silent) {
            self.tell(LoopbackEvent::Receipt(StoredLoopbackReceipt {
                message: message.id.hex(),
                provider_id: provider_id.clone(),
                state: state.name().to_owned(),
                error_code,
                at_ms: Some(now_ms),
                call: None,
                duration: None,
            }));
        }
        // what comes back comes as a text
        if matches!(trick, LoopbackTrick::Echo) && message.channel == Channel::Sms {
            self.tell(LoopbackEvent::Text(StoredLoopbackText {
                provider_id: format!("{provider_id}-echo"),
                from: message.to.clone(),
                to: message.from.clone(),
                body: message.kept_body().to_owned(),
                ..StoredLoopbackText::default()
            }));
        }
        if matches!(trick, LoopbackTrick::UncertainSent) {
            return SendOutcome::Uncertain { reason: "no answer; it was sent".into() };
        }
        SendOutcome::Accepted { provider_id, segments: Some(i64::from(Segments::of(&message.body).count)) }
    }

    fn tell(&self, event: LoopbackEvent) {
        if self.0.events.try_send(event).is_err() {
            self.0.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Events that found no room since the start.
    pub fn dropped(&self) -> u64 {
        self.0.dropped.load(Ordering::Relaxed)
    }

    /// What was sent, newest first.
    pub fn list(&self, filter: &Filter, cursor: Option<u64>, limit: usize) -> LoopbackPage {
        lock(&self.0.ring).list(filter, cursor, limit)
    }
}

impl Provider for Loopback {
    type Credentials = LoopbackCredentials;
    const PROFILE: &'static CarrierProfile = profile::PROFILE;

    /// All accounts are the process's one.
    fn connect(_: &LoopbackCredentials, with: &CarrierConnectorFactory) -> Self {
        with.loopback.clone()
    }

    async fn send(&self, message: &OutgoingMessage) -> SendOutcome {
        let trick = trick(&message.to);
        let slow = if matches!(trick, LoopbackTrick::Slow) { Duration::from_secs(3) } else { Duration::ZERO };
        let wait = self.0.latency + slow;
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        match trick {
            LoopbackTrick::Refuse(code, reason) => SendOutcome::Refused { code: Some(code), reason: reason.into() },
            LoopbackTrick::ThrottleOnce if lock(&self.0.ring).is_first(message.id) => {
                SendOutcome::Throttled { after: Some(Duration::from_secs(1)), reason: "too many messages".into() }
            }
            LoopbackTrick::Unreachable => SendOutcome::Unreachable { after: None, reason: "nobody is there".into() },
            LoopbackTrick::UnreachableOnce if lock(&self.0.ring).is_first(message.id) => {
                SendOutcome::Unreachable { after: None, reason: "nobody was there".into() }
            }
            LoopbackTrick::UncertainOnce if lock(&self.0.ring).is_first(message.id) => {
                SendOutcome::Uncertain { reason: "no answer; it was not sent".into() }
            }
            // what is not turned away, or no more, is taken
            _ => self.accept(message, trick),
        }
    }

    fn end_call(&self, provider_id: &str, end: CallHangupMode) -> impl Future<Output = Result<(), AskError>> + Send {
        ready(self.end(provider_id, end))
    }

    fn find(&self, message: &OutgoingMessage, since_ms: Millis) -> impl Future<Output = SentMessagesResult> + Send {
        ready(Ok(lock(&self.0.ring).find(message, since_ms)))
    }

    /// What the public numbering plans say.
    fn lookup(&self, phone: &Phone) -> impl Future<Output = Result<NumberLookup, AskError>> + Send {
        let report = address::report(&Address::from(phone.clone()));
        let (is_valid, country) = report.map_or((false, None), |report| (report.is_valid, report.country));
        ready(Ok(NumberLookup { is_valid, country, national_format: None }))
    }

    fn numbers(&self) -> impl Future<Output = Result<Vec<CarrierNumber>, AskError>> + Send {
        let number = |address| CarrierNumber {
            address: Address::stored(address),
            can_text: true,
            can_mms: true,
            can_call: true,
        };
        ready(Ok(OWN_NUMBERS.map(number).to_vec()))
    }

    fn check(&self) -> impl Future<Output = Result<(), AskError>> + Send {
        ready(Ok(()))
    }

    fn read_text(payload: &str) -> Result<InboundMessage, UnreadableWebhook> {
        serde_json::from_str(payload).map(StoredLoopbackText::read).map_err(|_| NO_TEXT)
    }

    fn read_receipt(payload: &str) -> Result<DeliveryReceipt, UnreadableWebhook> {
        serde_json::from_str(payload).map(StoredLoopbackReceipt::read).map_err(|_| NO_TEXT)
    }
}

#[cfg(test)]
#[path = "loopback/loopback_test.rs"]
mod tests;
