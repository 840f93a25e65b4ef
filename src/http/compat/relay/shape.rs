//! What clients of the relay post: JSON, or a form, in Twilio's names.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::http::compat::carried::{self, NotCarried};
use crate::http::form::{self, BadForm, MediaType};
use crate::http::object;
use crate::model::address::{Address, Country, Role, blank_as_plus};
use crate::model::form::flag;
use crate::model::{CallPlan, Channel, bom, json};
use crate::service::message::Limit;
use crate::service::relay::{From, Order};

/// What cannot be sent, as its client is told.
#[derive(Debug)]
pub(super) struct BadOrder(pub(super) String);

fn wrong(reason: impl Into<String>) -> BadOrder {
    BadOrder(reason.into())
}

impl std::convert::From<BadForm> for BadOrder {
    fn from(BadForm(reason): BadForm) -> Self {
        Self(reason)
    }
}

/// One URL or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Urls {
    One(String),
    Several(Vec<String>),
}

/// A text; a number or a boolean is the text that a form has for it.
fn said<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    match Value::deserialize(from)? {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text)),
        value @ (Value::Number(_) | Value::Bool(_)) => Ok(Some(value.to_string())),
        Value::Array(_) | Value::Object(_) => Err(D::Error::custom("must be a text")),
    }
}

/// What else is in an object, as a form has it.
fn others<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(String, String)>, D::Error> {
    let text = |value: Value| match value {
        Value::Null => String::new(),
        Value::String(text) => text,
        other => other.to_string(),
    };
    let fields = BTreeMap::<String, Value>::deserialize(from)?;
    Ok(fields.into_iter().map(|(name, value)| (name, text(value))).collect())
}

/// Names the field that is wrong.
fn unreadable(error: &serde_path_to_error::Error<serde_json::Error>) -> BadOrder {
    let (path, said) = (error.path().to_string(), error.inner().to_string());
    let said = said.rsplit_once(" at line ").map_or(said.as_str(), |(said, _)| said);
    match path.as_str() {
        "MediaUrl" => wrong("MediaUrl: must be a URL, or a list of them"),
        _ if error.inner().is_data() && path != "." => wrong(format!("{path}: {said}")),
        _ => wrong(format!("the body is not as it should be: {said}")),
    }
}

#[derive(Default, Deserialize)]
pub(super) struct OrderIn {
    #[serde(rename = "To", default, deserialize_with = "said")]
    to: Option<String>,
    #[serde(rename = "From", default, deserialize_with = "said")]
    from: Option<String>,
    #[serde(rename = "Body", default, deserialize_with = "said")]
    body: Option<String>,
    #[serde(rename = "MediaUrl")]
    media_url: Option<Urls>,
    #[serde(rename = "StatusCallback", default, deserialize_with = "said")]
    status_callback: Option<String>,
    #[serde(rename = "Url", default, deserialize_with = "said")]
    url: Option<String>,
    #[serde(rename = "Twiml", default, deserialize_with = "said")]
    twiml: Option<String>,
    #[serde(rename = "SmartEncoded", default, deserialize_with = "said")]
    smart_encoded: Option<String>,
    #[serde(flatten, deserialize_with = "others")]
    others: Vec<(String, String)>,
}

/// Fields of a form of which there is one.
const SINGLE: [&str; 7] = ["To", "From", "Body", "StatusCallback", "Url", "Twiml", "SmartEncoded"];

/// What Twilio's own paths carry and these do not.
const MESSAGE: [NotCarried; 4] =
    [("MessagingServiceSid", &[]), ("ScheduleType", &[]), ("SendAt", &[]), ("ValidityPeriod", &[])];
const CALL: [NotCarried; 8] = [
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
pub(super) fn limit(limit: Limit) -> String {
    match limit {
        Limit::Empty => "Missing required field: Body".to_owned(),
        Limit::Instructions => "Missing required field: Twiml or Url".to_owned(),
        Limit::Media => "MediaUrl: 10 at most".to_owned(),
        Limit::Validity | Limit::Metadata => format!("{}: {}", name(limit.field()), limit.reason()),
    }
}

/// From what the older system's own examples are sent. No plan has such a number: it is taken as it stands, and goes
/// through where its account takes any sender, as the loopback does.
const EXAMPLE: &str = "+0987654321";

impl OrderIn {
    pub(super) fn read(content_type: Option<&str>, bytes: &[u8]) -> Result<Self, BadOrder> {
        let json = bom::skip(bytes);
        // no form begins so, whatever it is said to be
        if json.trim_ascii_start().starts_with(b"{") {
            return Self::from_json(json);
        }
        let media = MediaType::of(content_type)?.unwrap_or(MediaType::Other);
        let fields = form::fields(&media, bytes)?;
        Self::from_form(fields.ok_or_else(|| wrong("the body must be a JSON object, or a form"))?)
    }

    fn from_json(bytes: &[u8]) -> Result<Self, BadOrder> {
        json::check(bytes).map_err(|bad| wrong(format!("{}: {}", bad.path, bad.reason)))?;
        if let Some(name) = object::twice(bytes) {
            return Err(wrong(format!("{name}: must come once")));
        }
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let read = serde_path_to_error::deserialize(&mut json).map_err(|error| unreadable(&error))?;
        json.end().map_err(|_| wrong("something follows the JSON object"))?;
        Ok(read)
    }

    fn from_form(fields: Vec<(String, String)>) -> Result<Self, BadOrder> {
        if let Some(name) = form::twice(&fields, &SINGLE) {
            return Err(wrong(format!("{name}: must come once")));
        }
        let mut read = Self::default();
        let mut media = Vec::new();
        for (name, value) in fields {
            match name.as_str() {
                "To" => read.to = Some(blank_as_plus(&value).into_owned()),
                "From" => read.from = Some(blank_as_plus(&value).into_owned()),
                "Body" => read.body = Some(value),
                // as a form leaves a field that was not filled in
                "MediaUrl" if value.is_empty() => {}
                "MediaUrl" => media.push(value),
                "StatusCallback" => read.status_callback = Some(value),
                "Url" => read.url = Some(value),
                "Twiml" => read.twiml = Some(value),
                "SmartEncoded" => read.smart_encoded = Some(value),
                _ => read.others.push((name, value)),
            }
        }
        read.media_url = (!media.is_empty()).then_some(Urls::Several(media));
        Ok(read)
    }

    pub(super) fn order(self, channel: Channel, country: Option<Country>) -> Result<Order, BadOrder> {
        let address = |text: String, name: &str, role| {
            let (named, address) =
                Address::read(&text, role, country).map_err(|error| wrong(format!("{name}: {error}")))?;
            // the path says the channel
            let is_other = named.is_some_and(|named| named != channel);
            if is_other { Err(wrong(format!("{name}: must not name another channel"))) } else { Ok(address) }
        };
        let sender = |from: String| {
            if from == EXAMPLE { Ok(Address::stored(from)) } else { address(from, "From", Role::Sender) }
        };
        let present = |field: Option<String>| field.filter(|text| !text.is_empty());
        carries(channel, &self.others)?;
        let is_smart = smart(present(self.smart_encoded).as_deref())?;
        let (body, is_call) = (present(self.body), channel == Channel::Voice);
        let media_urls = match self.media_url {
            None => Vec::new(),
            Some(Urls::One(url)) => present(Some(url)).into_iter().collect(),
            Some(Urls::Several(urls)) => urls,
        };
        let to = present(self.to).ok_or_else(|| wrong("Missing required field: To"))?;
        let (url, twiml) = (present(self.url), present(self.twiml));
        let call = is_call.then(|| CallPlan { url, twiml, ..CallPlan::default() });
        Ok(Order {
            channel,
            from: present(self.from).map(sender).transpose()?.map(From::Address),
            to: address(to, "To", Role::Recipient)?,
            body: if is_call { String::new() } else { body.unwrap_or_default() },
            is_smart: is_smart && !is_call,
            media_urls,
            send_at_ms: None,
            valid_for: None,
            callback_url: present(self.status_callback),
            is_twilio: true,
            call,
            metadata: None,
        })
    }
}

/// Refuses what asks for something that does not happen here.
fn carries(channel: Channel, others: &[(String, String)]) -> Result<(), BadOrder> {
    let (here, anywhere) = match channel {
        Channel::Voice => (&CALL[..], &carried::CALL[..]),
        Channel::Sms | Channel::Whatsapp => (&MESSAGE[..], &carried::MESSAGE[..]),
    };
    let refusal = carried::refusal(here, others).or_else(|| carried::refusal(anywhere, others));
    refusal.map_or(Ok(()), |reason| Err(BadOrder(reason)))
}

fn smart(given: Option<&str>) -> Result<bool, BadOrder> {
    given.map_or(Ok(false), |text| flag(text).ok_or_else(|| wrong("SmartEncoded: must be true or false")))
}
