//! What callers ask of verifications, and what they are told.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value as Json, json};

use crate::model::{
    Address, CodeChannel, DurationSetting, Secret, VerificationDoor, VerificationId, VerificationServiceId,
    VerificationTemplateId,
};
use crate::service::message::SenderChoice;
use crate::store::idempotency::StoredReply;
use crate::store::ledger::ChargeResult;
use crate::store::verification::Verification;

/// A phone that is to be proved.
#[derive(Clone, Debug)]
pub struct VerificationOrder {
    pub to: Address,
    pub channel: CodeChannel,
    pub service: Option<VerificationServiceId>,
    /// The caller's own code.
    pub code: Option<Secret>,
    pub code_length: Option<u8>,
    pub ttl: Option<DurationSetting>,
    pub max_checks: Option<u8>,
    pub max_sends: Option<u8>,
    /// Whose code it is, as the text says.
    pub name: Option<String>,
    pub locale: Option<String>,
    pub template: Option<VerificationTemplateId>,
    pub substitutions: BTreeMap<String, String>,
    /// The caller's own text, with `{code}` in it.
    pub message: Option<String>,
    pub app_hash: Option<String>,
    pub web_otp_host: Option<String>,
    /// Keys of the caller's own limits, by their names.
    pub rate_limits: BTreeMap<String, String>,
    /// From where the person asks.
    pub device_ip: Option<IpAddr>,
    pub from: Option<SenderChoice>,
    /// On what it goes where it fails at the carrier, in this order.
    pub fallback: Vec<CodeChannel>,
    /// The guard may block it.
    pub risk_check: bool,
    /// Keys that are pressed once a call is answered.
    pub send_digits: Option<String>,
    pub metadata: Option<Map<String, Json>>,
    pub tags: Option<Map<String, Json>>,
    /// Where its texts' status is posted.
    pub callback_url: Option<String>,
    pub door: VerificationDoor,
    /// The caller's own name of it: of those under it one is pending, whatever its number.
    pub auth_id: Option<String>,
}

impl VerificationOrder {
    /// Nothing but whom, by what, and in whose words.
    pub fn new(to: Address, channel: CodeChannel, door: VerificationDoor) -> Self {
        Self {
            to,
            channel,
            service: None,
            code: None,
            code_length: None,
            ttl: None,
            max_checks: None,
            max_sends: None,
            name: None,
            locale: None,
            template: None,
            substitutions: BTreeMap::new(),
            message: None,
            app_hash: None,
            web_otp_host: None,
            rate_limits: BTreeMap::new(),
            device_ip: None,
            from: None,
            fallback: Vec::new(),
            risk_check: true,
            send_digits: None,
            metadata: None,
            tags: None,
            callback_url: None,
            door,
            auth_id: None,
        }
    }

    /// The same for the same order. It goes into a keyed hash, and nowhere else: it holds the caller's code.
    pub(super) fn canonical(&self) -> Vec<u8> {
        let from = self.from.as_ref().map(sender_text);
        let service = self.service.map(VerificationServiceId::hex);
        let code = self.code.as_ref().map(Secret::expose);
        let whom = json!([self.to.as_str(), self.channel.name(), self.door.name(), service, self.auth_id]);
        let what = json!([
            code,
            self.code_length,
            self.ttl.map(DurationSetting::as_ms),
            self.max_checks,
            self.max_sends,
            self.fallback.iter().map(|channel| channel.name()).collect::<Vec<_>>(),
            self.risk_check,
            self.rate_limits,
            self.device_ip,
        ]);
        let words = json!([
            self.name,
            self.locale,
            self.template.map(VerificationTemplateId::hex),
            self.substitutions,
            self.message,
            self.app_hash,
            self.web_otp_host,
            from,
            self.send_digits,
            self.metadata,
            self.tags,
            self.callback_url,
        ]);
        json!([whom, what, words]).to_string().into_bytes()
    }
}

/// A sender as it is kept for further texts.
pub(super) fn sender_text(from: &SenderChoice) -> String {
    match from {
        SenderChoice::Address(address) => address.as_str().to_owned(),
        SenderChoice::Pool(pool) => format!("pool {}", pool.hex()),
    }
}

/// What came of an order.
#[derive(Debug)]
pub enum CreateResult {
    /// Its code is on its way, for the first time, or again where it was pending; with what its client is left with,
    /// where it was charged.
    Sent(Box<Verification>, Option<ChargeResult>),
    /// What was told when the same request came first.
    Again(StoredReply),
}

/// Which verification a code is for.
#[derive(Clone, Debug)]
pub enum CheckTarget {
    Id(VerificationId),
    Number {
        service: Option<VerificationServiceId>,
        to: Address,
    },
    /// The older door's name of it. Its codes are numbers: noughts before them say nothing.
    AuthId(String),
}

/// What came of a code.
#[derive(Clone, Debug)]
pub struct CheckResult {
    /// As it is after it.
    pub verification: Verification,
    pub outcome: CheckOutcome,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckOutcome {
    Approved,
    /// So many may still be tried. With none left it is over: `max_attempts_reached`.
    Wrong {
        left: i64,
    },
    /// It was over before this code came; its status says how.
    Over,
}
