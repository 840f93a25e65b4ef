//! A message as it is asked for, recorded and shown.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::reply::Refusal;

/// What else Twilio's description allows. It passes over names that it does not know; here they are
/// refused, or a misspelt parameter would go unseen.
const OTHER: [&str; 19] = [
    "ApplicationSid",
    "MaxPrice",
    "ProvideFeedback",
    "Attempt",
    "ValidityPeriod",
    "ForceDelivery",
    "ContentRetention",
    "AddressRetention",
    "SmartEncoded",
    "PersistentAction",
    "TrafficType",
    "ShortenUrls",
    "ScheduleType",
    "SendAt",
    "SendAsMms",
    "ContentSid",
    "ContentVariables",
    "RiskCheck",
    "FallbackFrom",
];

#[derive(Clone, Serialize, Deserialize)]
pub struct Message {
    /// Its place in the record, from 1.
    pub seq: u64,
    pub sid: String,
    pub arrived_ms: i64,
    pub to: String,
    pub from: Option<String>,
    pub messaging_service_sid: Option<String>,
    pub body: String,
    pub media_urls: Vec<String>,
    pub status_callback: Option<String>,
    /// Every other parameter of the request.
    pub other: BTreeMap<String, String>,
    /// What the sender was told: `accept`, or the fault that was commanded.
    pub told: String,
    pub is_listed: bool,
    pub status: String,
    pub error_code: Option<u32>,
}

pub fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

pub fn new_sid(prefix: &str) -> String {
    format!("{prefix}{}", hex::encode(rand::random::<[u8; 16]>()))
}

impl Message {
    pub fn blank(sid: String) -> Self {
        Self {
            seq: 0,
            sid,
            arrived_ms: now_ms(),
            to: String::new(),
            from: None,
            messaging_service_sid: None,
            body: String::new(),
            media_urls: Vec::new(),
            status_callback: None,
            other: BTreeMap::new(),
            told: String::new(),
            is_listed: true,
            status: "queued".into(),
            error_code: None,
        }
    }

    /// Reads the form of a request to send, as strictly as Twilio does.
    pub fn parse(form: &[u8]) -> Result<Self, Refusal> {
        let mut message = Self::blank(new_sid("SM"));
        for (name, value) in form_urlencoded::parse(form) {
            let value = value.into_owned();
            match &*name {
                "To" => message.to = value,
                "From" => message.from = Some(value),
                "MessagingServiceSid" => message.messaging_service_sid = Some(value),
                "Body" => message.body = value,
                "MediaUrl" => message.media_urls.push(value),
                "StatusCallback" => message.status_callback = Some(value),
                other if !OTHER.contains(&other) => {
                    return Err(Refusal::bad(20001, format!("Unknown parameter {other}")));
                }
                _ => {
                    message.other.insert(name.into_owned(), value);
                }
            }
        }
        message.fill();
        message.check()?;
        Ok(message)
    }

    /// A template's words are the carrier's own; only what is put into it is its client's.
    fn fill(&mut self) {
        if self.other.contains_key("ContentSid") && self.body.is_empty() {
            let variables = self.other.get("ContentVariables").map_or("", String::as_str);
            self.body = format!("As approved: {variables}");
        }
    }

    fn check(&self) -> Result<(), Refusal> {
        let is_sender_there = self.from.is_some() || self.messaging_service_sid.is_some();
        if self.to.is_empty() {
            Err(Refusal::bad(21604, "A 'To' phone number is required."))
        } else if !is_number(&self.to) {
            Err(Refusal::bad(21211, format!("Invalid 'To' Phone Number: {}", self.to)))
        } else if !is_sender_there {
            Err(Refusal::bad(21603, "A 'From' phone number is required."))
        } else if self.from.as_deref().is_some_and(|from| from.trim() != from || from.is_empty()) {
            Err(Refusal::bad(21212, "Invalid 'From' Phone Number"))
        } else if self.from.as_deref().is_some_and(|from| is_whatsapp(from) != is_whatsapp(&self.to)) {
            Err(Refusal::bad(21910, "Invalid 'From' and 'To' pair: both are of the same channel"))
        } else if self.body.is_empty() && self.media_urls.is_empty() {
            Err(Refusal::bad(21602, "Message body is required."))
        } else if self.body.encode_utf16().count() > 1600 {
            Err(Refusal::bad(21617, "The concatenated message body exceeds the 1600 character limit"))
        } else {
            Ok(())
        }
    }

    /// Twilio's JSON of it.
    pub fn show(&self, account: &str) -> Value {
        if self.is_call() {
            return self.show_call(account);
        }
        let date = date(self.arrived_ms);
        let is_sent = !matches!(&*self.status, "queued" | "accepted" | "scheduled");
        let uri = format!("/2010-04-01/Accounts/{account}/Messages/{}", self.sid);
        json!({
            "account_sid": account,
            "api_version": "2010-04-01",
            "body": self.body,
            "date_created": date,
            "date_sent": is_sent.then_some(&date),
            "date_updated": date,
            "direction": "outbound-api",
            "error_code": self.error_code,
            "error_message": null,
            "from": self.from,
            "messaging_service_sid": self.messaging_service_sid,
            "num_media": self.media_urls.len().to_string(),
            "num_segments": segments(&self.body).to_string(),
            "price": null,
            "price_unit": "USD",
            "sid": self.sid,
            "status": self.status,
            "subresource_uris": { "media": format!("{uri}/Media.json") },
            "to": self.to,
            "uri": format!("{uri}.json"),
        })
    }
}

fn is_whatsapp(address: &str) -> bool {
    address.starts_with("whatsapp:")
}

/// `+` and digits with an optional channel before it, or a short code.
pub fn is_number(text: &str) -> bool {
    let number = text.strip_prefix("whatsapp:").unwrap_or(text);
    let digits = number.strip_prefix('+').unwrap_or(number);
    (3..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

pub fn date(at_ms: i64) -> String {
    OffsetDateTime::from_unix_timestamp(at_ms / 1000).ok().and_then(|at| at.format(&Rfc2822).ok()).unwrap_or_default()
}

/// Near enough for a carrier that bills nobody: ASCII for the seven-bit alphabet.
fn segments(body: &str) -> usize {
    let (length, one, each) =
        if body.is_ascii() { (body.len(), 160, 153) } else { (body.encode_utf16().count(), 70, 67) };
    if length <= one { 1 } else { length.div_ceil(each) }
}
