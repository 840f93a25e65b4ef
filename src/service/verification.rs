//! Proving that a person holds a phone: a code goes out, and comes back.
//!
//! A code lies sealed with its verification until that is over, and nowhere else: its text has a place for it, and
//! whoever sends it, or speaks it, opens it right before that.

mod call;
mod check;
mod create;
mod draft;
mod end;
mod expire;
mod fallback;
mod find;
pub mod limit;
mod order;
mod send;
pub mod service_settings;
pub mod template;
mod terms;
mod whatsapp;

pub use call::{CodeCalls, KEY_PATH};
pub use order::{CheckOutcome, CheckResult, CheckTarget, CreateResult, VerificationOrder};
pub use terms::{COUNTS, TTL_MS};

pub use crate::store::verification::send::{AttemptFilter, AttemptSummary, SentText, VerificationAttempt};
pub use crate::store::verification::service::VerificationService;
pub use crate::store::verification::{ServiceSettings, Verification, VerificationExtra, VerificationFilter};

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use self::limit::{LimitSettings, SendLimits};
use self::template::Templates;
use crate::crypto::MasterKey;
use crate::model::{Address, ClientId, Clock, DurationSetting, Millis, Secret};
use crate::service::client::{ApiConsumer, Clients, KeyScope};
use crate::service::event::Events;
use crate::service::guard::Guard;
use crate::service::permission::Permissions;
use crate::service::relay::Relay;
use crate::service::{Error, ErrorKind, Result};
use crate::store::Store;
use crate::store::batch::BatchWriter;
use crate::store::event::PendingEvents;
use crate::store::verification::PendingReader;
use crate::store::verification::check::{CheckEvents, CheckHooks, CheckNote, CodeChecker};
use crate::store::verification::intake::CodeAcceptor;

/// `[verification]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Digits of a code, where nobody says otherwise; so of the next three.
    pub code_length: u8,
    /// How long it opens its verification.
    pub ttl: DurationSetting,
    /// Codes that may be tried for one.
    pub max_checks: u8,
    /// How often a code may be sent.
    pub max_sends: u8,
    /// Callers may choose codes themselves where no service is named, which says so itself.
    pub custom_codes: bool,
    /// Numbers whose codes are known, and go nowhere.
    pub test_numbers: BTreeMap<String, Secret>,
    pub limits: LimitSettings,
}

/// What the service is built from.
pub struct Parts {
    pub settings: Settings,
    pub store: Store,
    pub master: Arc<MasterKey>,
    pub clock: Clock,
    pub events: Arc<Events>,
    pub clients: Arc<Clients>,
    pub relay: Arc<Relay>,
    pub permissions: Arc<Permissions>,
    pub limits: Arc<SendLimits>,
    pub guard: Arc<Guard>,
    pub templates: Templates,
    pub calls: Arc<CodeCalls>,
    /// The way in of codes that go out.
    pub intake: Arc<CodeAcceptor>,
    /// The same of those that come back.
    pub checker: CodeChecker,
}

pub struct Verifications {
    parts: Parts,
    /// What is pending under a name.
    pending: BatchWriter<PendingReader>,
}

impl Verifications {
    pub fn new(parts: Parts) -> Self {
        let pending = BatchWriter::start(PendingReader { store: parts.store.clone() });
        Self { parts, pending }
    }

    pub fn settings(&self) -> &Settings {
        &self.parts.settings
    }

    /// The code of a test number, if it is one.
    fn test_code(&self, to: &Address) -> Option<&Secret> {
        self.parts.settings.test_numbers.get(to.as_str())
    }

    /// By which name a client's codes go out where nobody says another.
    fn client_name(&self, client: ClientId) -> String {
        let known = self.parts.clients.current();
        known.client(client).map(|client| client.name.clone()).unwrap_or_default()
    }
}

/// How codes that come back are told of.
pub fn check_hooks(events: &Arc<Events>) -> CheckHooks {
    let (told, woken) = (events.clone(), events.clone());
    CheckHooks { told: check_events(told), wake: Box::new(move || woken.wake()) }
}

fn check_events(events: Arc<Events>) -> CheckEvents {
    Box::new(move |notes: &[CheckNote], at_ms: Millis| -> PendingEvents {
        let mut batch = events.batch();
        for note in notes {
            match note {
                CheckNote::Ended(verification) => batch.verification(verification, at_ms),
                CheckNote::Blocked(verification) => batch.checks_blocked(verification, at_ms),
            }
        }
        batch.into_rows()
    })
}

/// Whether a key may verify numbers.
fn allow(consumer: &ApiConsumer) -> Result<()> {
    if consumer.may(KeyScope::Verify) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Forbidden, "this key may not verify numbers"))
}

/// Whether it may verify this one.
fn allow_to(consumer: &ApiConsumer, to: &Address) -> Result<()> {
    allow(consumer)?;
    if consumer.may_send_to(to.as_str()) {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Forbidden, "this key may not send to this destination"))
}
