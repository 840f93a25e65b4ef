//! What clients of the relay post: JSON, or a form, in Twilio's names.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize as _;
use serde_json::Value;

use crate::http::compat::carried::{self, IgnoredParameter};
use crate::http::form::{self, BadForm, BodyContentType};
use crate::model::address::{Address, AddressRole, Country, blank_as_plus};
use crate::model::form::flag;
use crate::model::{CallPlan, Channel, bom, json};
use crate::service::message::BrokenMessageLimit;
use crate::service::relay::{Order, SenderChoice};
use crate::service::{Error, ErrorKind};

/// Why it cannot be sent, as its client is told.
fn wrong(reason: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Invalid, reason)
}

impl std::convert::From<BadForm> for Error {
    fn from(BadForm(reason): BadForm) -> Self {
        wrong(reason)
    }
}

/// Fields of which there is one.
const SINGLE: [&str; 7] = ["To", "From", "Body", "StatusCallback", "Url", "Twiml", "SmartEncoded"];

/// What Twilio's own paths carry and these do not.
const MESSAGE: [IgnoredParameter; 4] =
    [("MessagingServiceSid", &[]), ("ScheduleType", &[]), ("SendAt", &[]), ("ValidityPeriod", &[])];
const CALL: [IgnoredParameter; 8] = [
    ("FallbackMethod", &["GET", "POST"]),
    ("FallbackUrl", &[]),
    ("MachineDetection", &[]),
    ("Method", &["POST"]),
    ("Record", &["false"]),
    ("SendDigits", &[]),
    ("StatusCallbackEvent", &["completed"]),
    ("Timeout", &["60"]),
];

/// A field of ours by the name that these paths have for it.
pub(super) fn name(field: &str) -> &str {
    match field {
        "to" => "To",
        "from" => "From",
        "body" => "Body",
        "media_urls" => "MediaUrl",
        "callback_url" => "StatusCallback",
        "url" => "Url",
        "twiml" => "Twiml",
        other => other,
    }
}

/// A limit in the words of these paths.
pub(super) fn limit(limit: BrokenMessageLimit) -> String {
    match limit {
        BrokenMessageLimit::Empty => "Missing required field: Body".to_owned(),
        BrokenMessageLimit::Instructions => "Missing required field: Twiml or Url".to_owned(),
        BrokenMessageLimit::Media => "MediaUrl: 10 at most".to_owned(),
        BrokenMessageLimit::Validity | BrokenMessageLimit::Metadata => {
            format!("{}: {}", name(limit.field()), limit.reason())
        }
    }
}

/// From what the older system's own examples are sent. No plan has such a number: it is taken as it stands, and goes
/// through where its account takes any sender, as the loopback does.
const EXAMPLE: &str = "+0987654321";

/// What is posted, by its fields' names here.
#[derive(Default)]
pub(super) struct RelayApiMessageIn {
    fields: Vec<(String, String)>,
    media_urls: Vec<String>,
}

impl RelayApiMessageIn {
    pub(super) fn read(content_type: Option<&str>, bytes: &[u8]) -> Result<Self, Error> {
        let json = bom::skip(bytes);
        // no form begins so, whatever it is said to be
        if json.trim_ascii_start().starts_with(b"{") {
            return Self::from_json(json);
        }
        let media = BodyContentType::of(content_type)?.unwrap_or(BodyContentType::Other);
        let fields = form::fields(&media, bytes)?;
        Self::from_form(fields.ok_or_else(|| wrong("the body must be a JSON object, or a form"))?)
    }

    fn from_json(bytes: &[u8]) -> Result<Self, Error> {
        json::check(bytes).map_err(|bad| wrong(format!("{}: {}", bad.path, bad.reason)))?;
        if let Some(name) = json::twice(bytes) {
            return Err(wrong(format!("{name}: must come once")));
        }
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let fields = BTreeMap::<String, Value>::deserialize(&mut json).map_err(|error| unreadable(&error))?;
        json.end().map_err(|_| wrong("something follows the JSON object"))?;
        let mut read = Self::default();
        for (name, value) in fields {
            let is_read = SINGLE.contains(&name.as_str());
            // a number or a boolean is the text that a form has for it
            let text = match value {
                value if name == "MediaUrl" => {
                    let urls = urls(value);
                    read.media_urls = urls.ok_or_else(|| wrong("MediaUrl: must be a URL, or a list of them"))?;
                    continue;
                }
                Value::Null => continue,
                Value::String(text) => text,
                Value::Array(_) | Value::Object(_) if is_read => return Err(wrong(format!("{name}: must be a text"))),
                other => other.to_string(),
            };
            read.fields.push((name, text));
        }
        Ok(read)
    }

    fn from_form(fields: Vec<(String, String)>) -> Result<Self, Error> {
        if let Some(name) = form::twice(&fields, |name| SINGLE.contains(&name)) {
            return Err(wrong(format!("{name}: must come once")));
        }
        let mut read = Self::default();
        for (name, value) in fields {
            match name.as_str() {
                // as a form leaves a field that was not filled in
                "MediaUrl" if value.is_empty() => {}
                "MediaUrl" => read.media_urls.push(value),
                "To" | "From" => read.fields.push((name, blank_as_plus(&value).into_owned())),
                _ => read.fields.push((name, value)),
            }
        }
        Ok(read)
    }

    /// A field's value, where it says something.
    fn one(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    pub(super) fn order(self, channel: Channel, country: Option<Country>) -> Result<Order, Error> {
        let address = |text: &str, name: &str, role| {
            let (named, address) =
                Address::read(text, role, country).map_err(|error| wrong(format!("{name}: {error}")))?;
            // the path says the channel
            let is_other = named.is_some_and(|named| named != channel);
            if is_other { Err(wrong(format!("{name}: must not name another channel"))) } else { Ok(address) }
        };
        let sender = |from: &str| {
            if from == EXAMPLE { Ok(Address::stored(from)) } else { address(from, "From", AddressRole::Sender) }
        };
        let text = |name: &str| self.one(name).map(str::to_owned);
        carries(channel, &self.fields)?;
        let is_smart = smart(self.one("SmartEncoded"))?;
        let is_call = channel == Channel::Voice;
        let to = self.one("To").ok_or_else(|| wrong("Missing required field: To"))?;
        let call = is_call.then(|| CallPlan { url: text("Url"), twiml: text("Twiml"), ..CallPlan::default() });
        Ok(Order {
            channel,
            from: self.one("From").map(sender).transpose()?.map(SenderChoice::Address),
            to: address(to, "To", AddressRole::Recipient)?,
            body: if is_call { String::new() } else { text("Body").unwrap_or_default() },
            is_smart: is_smart && !is_call,
            send_at_ms: None,
            valid_for: None,
            callback_url: text("StatusCallback"),
            is_twilio: true,
            call,
            metadata: None,
            secret: None,
            media_urls: self.media_urls,
        })
    }
}

/// One URL or several.
fn urls(value: Value) -> Option<Vec<String>> {
    match value {
        Value::Null => Some(Vec::new()),
        Value::String(url) if url.is_empty() => Some(Vec::new()),
        Value::String(url) => Some(vec![url]),
        several => serde_json::from_value(several).ok(),
    }
}

fn unreadable(error: &serde_json::Error) -> Error {
    let said = error.to_string();
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    wrong(format!("the body is not as it should be: {said}"))
}

/// Refuses what asks for something that does not happen here.
fn carries(channel: Channel, others: &[(String, String)]) -> Result<(), Error> {
    let (here, anywhere) = match channel {
        Channel::Voice => (&CALL[..], &carried::CALL[..]),
        Channel::Sms | Channel::Whatsapp => (&MESSAGE[..], &carried::MESSAGE[..]),
    };
    let refusal = carried::refusal(here, others).or_else(|| carried::refusal(anywhere, others));
    refusal.map_or(Ok(()), |reason| Err(wrong(reason)))
}

fn smart(given: Option<&str>) -> Result<bool, Error> {
    given.map_or(Ok(false), |text| flag(text).ok_or_else(|| wrong("SmartEncoded: must be true or false")))
}
