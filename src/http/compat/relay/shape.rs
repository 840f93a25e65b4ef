//! What clients of the relay post: JSON, or a form, in Twilio's names.

use serde::Deserialize;

use crate::http::object;
use crate::model::address::{Address, Country, Role, blank_as_plus};
use crate::model::{Channel, bom, form, json};
use crate::service::outbound::CallPlan;
use crate::service::relay::{From, Order};

/// What cannot be sent, as its client is told.
#[derive(Debug)]
pub(super) struct Wrong(pub(super) String);

fn wrong(reason: impl Into<String>) -> Wrong {
    Wrong(reason.into())
}

/// One URL or several.
#[derive(Deserialize)]
#[serde(untagged)]
enum Urls {
    One(String),
    Several(Vec<String>),
}

#[derive(Default, Deserialize)]
pub(super) struct OrderIn {
    #[serde(rename = "To")]
    to: Option<String>,
    #[serde(rename = "From")]
    from: Option<String>,
    #[serde(rename = "Body")]
    body: Option<String>,
    #[serde(rename = "MediaUrl")]
    media_url: Option<Urls>,
    #[serde(rename = "StatusCallback")]
    status_callback: Option<String>,
    #[serde(rename = "Url")]
    url: Option<String>,
    #[serde(rename = "Twiml")]
    twiml: Option<String>,
}

const MEDIA: usize = 10;

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

impl OrderIn {
    pub(super) fn read(content_type: Option<&str>, bytes: &[u8]) -> Result<Self, Wrong> {
        if content_type.is_some_and(|named| named.trim_start().starts_with("application/x-www-form-urlencoded")) {
            return Self::from_form(bytes);
        }
        let bytes = bom::skip(bytes);
        // the library would take a list for the fields in their order
        if !bytes.trim_ascii_start().starts_with(b"{") {
            return Err(wrong("the body must be a JSON object"));
        }
        json::check(bytes).map_err(|bad| wrong(format!("{}: {}", bad.path, bad.reason)))?;
        if let Some(name) = object::twice(bytes) {
            return Err(wrong(format!("{name}: comes twice")));
        }
        serde_json::from_slice(bytes).map_err(|_| wrong("the body is not as it should be"))
    }

    fn from_form(bytes: &[u8]) -> Result<Self, Wrong> {
        let fields = form::texts(bytes).map_err(|bad| wrong(format!("{}: {}", bad.name, bad.reason)))?;
        let mut read = Self::default();
        let mut media = Vec::new();
        for (name, value) in fields {
            match name.as_str() {
                "To" => read.to = Some(blank_as_plus(&value).into_owned()),
                "From" => read.from = Some(blank_as_plus(&value).into_owned()),
                "Body" => read.body = Some(value),
                "MediaUrl" => media.push(value),
                "StatusCallback" => read.status_callback = Some(value),
                "Url" => read.url = Some(value),
                "Twiml" => read.twiml = Some(value),
                _ => {}
            }
        }
        read.media_url = (!media.is_empty()).then_some(Urls::Several(media));
        Ok(read)
    }

    pub(super) fn order(self, channel: Channel, country: Option<Country>) -> Result<Order, Wrong> {
        let address = |text: String, name: &str, role| {
            let (named, address) =
                Address::read(&text, role, country).map_err(|error| wrong(format!("{name}: {error}")))?;
            // the path says the channel
            let is_other = named.is_some_and(|named| named != channel);
            if is_other { Err(wrong(format!("{name}: must not name another channel"))) } else { Ok(address) }
        };
        let present = |field: Option<String>| field.filter(|text| !text.is_empty());
        let (body, is_call) = (present(self.body), channel == Channel::Voice);
        let media_urls = match self.media_url {
            None => Vec::new(),
            Some(Urls::One(url)) => vec![url],
            Some(Urls::Several(urls)) => urls,
        };
        let to = present(self.to).ok_or_else(|| wrong("Missing required field: To"))?;
        if !is_call && body.is_none() && media_urls.is_empty() {
            return Err(wrong("Missing required field: Body"));
        }
        if media_urls.len() > MEDIA {
            return Err(wrong(format!("MediaUrl: {MEDIA} at most")));
        }
        let call = if is_call { Some(plan(present(self.url), present(self.twiml))?) } else { None };
        Ok(Order {
            channel,
            from: present(self.from).map(|from| address(from, "From", Role::Sender)).transpose()?.map(From::Address),
            to: address(to, "To", Role::Recipient)?,
            body: if is_call { String::new() } else { body.unwrap_or_default() },
            is_smart: false,
            media_urls: if is_call { Vec::new() } else { media_urls },
            send_at_ms: None,
            valid_for: None,
            callback_url: present(self.status_callback),
            is_twilio: true,
            call,
            metadata: None,
        })
    }
}

fn plan(url: Option<String>, twiml: Option<String>) -> Result<CallPlan, Wrong> {
    if url.is_none() && twiml.is_none() {
        return Err(wrong("Missing required field: Twiml or Url"));
    }
    Ok(CallPlan { url, twiml, ..CallPlan::default() })
}
