//! What an order may hold, whichever door it comes through, and the form in which it is sent: the one place of the
//! limits of messages and calls.

use std::ops::RangeInclusive;

use super::{ChosenRoute, Messages, Order};
use crate::model::{AccountId, CallEvent, CallPlan, Channel, Millis, Segments, TextEncoding, smart, text};
use crate::provider::web;
use crate::service::{Error, Result};

/// Pictures of one message at most.
const MOST_MEDIA: usize = 10;
/// For how long a message may be worth sending.
const VALIDITY_MS: RangeInclusive<Millis> = 1_000..=36_000_000;
/// The same of one that tells a code: as long as codes live.
const CODE_VALIDITY_MS: RangeInclusive<Millis> = 1_000..=86_400_000;
/// What a client keeps with its message is small: bytes of JSON at most.
const LONGEST_METADATA: usize = 4_096;
/// Twilio's longest `Twiml`, in characters.
const LONGEST_TWIML: usize = 4_000;

/// A limit that an order does not keep, for which doors may have words of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenMessageLimit {
    /// Neither text nor pictures.
    Empty,
    Media,
    Validity,
    Metadata,
    /// A call that says nothing.
    Instructions,
}

impl BrokenMessageLimit {
    pub fn field(self) -> &'static str {
        match self {
            Self::Empty => "body",
            Self::Media => "media_urls",
            Self::Validity => "valid_for",
            Self::Metadata => "metadata",
            Self::Instructions => "url",
        }
    }

    pub fn reason(self) -> &'static str {
        match self {
            Self::Empty => "is empty, and there is no media",
            Self::Media => "must be 10 at most",
            Self::Validity => "must be 1s to 10h",
            Self::Metadata => "is longer than 4096 characters",
            Self::Instructions => "is missing, and there is no twiml",
        }
    }
}

/// What no order may be, whoever sends it: told before anything is looked for.
pub(in crate::service) fn limits(order: &Order) -> Result<()> {
    let validity = if order.secret.is_some() { CODE_VALIDITY_MS } else { VALIDITY_MS };
    let wrong = [
        (BrokenMessageLimit::Media, order.media_urls.len() > MOST_MEDIA),
        (BrokenMessageLimit::Validity, order.valid_for.is_some_and(|span| !validity.contains(&span.as_ms()))),
        (BrokenMessageLimit::Metadata, order.metadata.as_ref().is_some_and(is_long)),
    ];
    wrong.into_iter().find(|(_, is_wrong)| *is_wrong).map_or(Ok(()), |(limit, _)| Err(Error::limit(limit)))
}

/// Refuses what says nothing. Every order is held to it once its way is found; a door whose contract tells of it
/// before all else asks first.
pub fn says_something(order: &Order) -> Result<()> {
    let silent = match order.channel {
        Channel::Voice => is_silent(order.call.as_ref()).then_some(BrokenMessageLimit::Instructions),
        Channel::Sms | Channel::Whatsapp => {
            (order.body.is_empty() && order.media_urls.is_empty()).then_some(BrokenMessageLimit::Empty)
        }
    };
    silent.map_or(Ok(()), |limit| Err(Error::limit(limit)))
}

fn is_silent(plan: Option<&CallPlan>) -> bool {
    plan.is_none_or(|plan| plan.url.is_none() && plan.twiml.is_none())
}

fn is_long(metadata: &serde_json::Map<String, serde_json::Value>) -> bool {
    serde_json::to_string(metadata).is_ok_and(|text| text.len() > LONGEST_METADATA)
}

/// A URL that somebody else will fetch.
fn fetched(field: &'static str, url: &str) -> Result<String> {
    web::normal(url).map(String::from).map_err(|reason| Error::invalid(field, reason.to_string()))
}

/// What is wrong whichever way a message goes: told before anybody looks for one.
pub(in crate::service) fn anyway(channel: Channel, media_urls: &[String], call: Option<&CallPlan>) -> Result<()> {
    if channel == Channel::Voice {
        said(call)?;
    }
    media(media_urls).map(drop)
}

/// Refuses a call that nobody could place.
fn said(plan: Option<&CallPlan>) -> Result<()> {
    if is_silent(plan) {
        return Err(Error::limit(BrokenMessageLimit::Instructions));
    }
    let (url, twiml) = plan.map_or((None, None), |plan| (plan.url.as_deref(), plan.twiml.as_deref()));
    match (url, twiml) {
        (Some(_), Some(_)) => return Err(Error::invalid("url", "and twiml cannot both be there")),
        (None, Some(twiml)) if twiml.trim().is_empty() => return Err(Error::invalid("twiml", "is empty")),
        (None, Some(twiml)) if twiml.chars().count() > LONGEST_TWIML => {
            return Err(Error::invalid("twiml", "is longer than 4000 characters"));
        }
        _ => {}
    }
    if plan.is_some_and(|plan| plan.callback_events.iter().any(|name| CallEvent::parse(name).is_none())) {
        return Err(Error::invalid("callback_events", "are initiated, ringing, answered and completed"));
    }
    Ok(())
}

/// Pictures' URLs in the form that goes over the wire.
fn media(urls: &[String]) -> Result<Vec<String>> {
    let normal = |(before, url): (usize, &String)| {
        let wrong = |reason: web::NotAWebUrl| Error::invalid("media_urls", format!("URL {} {reason}", before + 1));
        Ok(web::normal(url).map_err(wrong)?.into())
    };
    urls.iter().enumerate().map(normal).collect()
}

impl Messages {
    /// When it is to be sent, where that is later.
    pub(super) fn due(&self, order: &Order, now_ms: Millis) -> Result<Option<Millis>> {
        let Some(send_at_ms) = order.send_at_ms else { return Ok(None) };
        let most = self.parts.settings.schedule_most;
        if send_at_ms <= now_ms {
            return Err(Error::invalid("send_at", "lies in the past"));
        }
        if send_at_ms > now_ms + most.as_ms() {
            return Err(Error::invalid("send_at", format!("lies more than {most} ahead")));
        }
        Ok(Some(send_at_ms))
    }

    /// The order with its URLs in the form that goes over the wire.
    pub(super) fn addressed(&self, mut order: Order) -> Result<Order> {
        order.media_urls = media(&order.media_urls)?;
        if let Some(url) = &mut order.callback_url {
            let events = &self.parts.events;
            let checked = if order.is_twilio { events.check_callback(url) } else { events.check_url(url) };
            *url = checked.map_err(|error| Error::invalid("callback_url", error.to_string()))?;
        }
        if let Some(plan) = &mut order.call {
            if let Some(url) = &mut plan.url {
                *url = fetched("url", url)?;
            }
            if let Some(url) = &mut plan.dialing.fallback_url {
                *url = fetched("fallback_url", url)?;
            }
        }
        Ok(order)
    }

    /// How a message is encoded, and in how many segments; calls and WhatsApp messages are one. A text whose
    /// look-alikes may be replaced comes out as it is sent.
    pub(super) fn check_limits(&self, order: &mut Order, via: &ChosenRoute) -> Result<(TextEncoding, i64)> {
        if order.channel == Channel::Voice {
            said(order.call.as_ref())?;
            return Ok((TextEncoding::None, 1));
        }
        says_something(order)?;
        let longest = self.longest_text(order.channel, via.account);
        if order.is_smart
            && order.channel == Channel::Sms
            // what tells a code was written for its encoding
            && order.secret.is_none()
            && let Some(replaced) = smart::encoded(&order.body)
            && !is_longer(&replaced, longest)
        {
            order.body = replaced;
        }
        let whole = order.measured();
        if is_longer(&whole, longest) {
            let units = text::units(&whole);
            return Err(Error::invalid("body", format!("must be at most {longest} UTF-16 units long, and is {units}")));
        }
        if order.channel == Channel::Whatsapp {
            return Ok((TextEncoding::Utf8, 1));
        }
        let segments = Segments::of(&whole);
        Ok((segments.encoding, segments.count.into()))
    }

    /// UTF-16 units of a text at most: the channel's, or fewer where the account's carrier takes no more.
    fn longest_text(&self, channel: Channel, account: AccountId) -> usize {
        let settings = &self.parts.settings;
        let ours = if channel == Channel::Whatsapp { settings.whatsapp_length } else { settings.sms_length };
        let entries = self.parts.directory.current();
        let carriers = entries.handle(account).and_then(|handle| handle.connector.kind().profile().longest_text);
        carriers.map_or(ours, |carriers| carriers.min(ours))
    }
}

/// No text has more units than bytes.
fn is_longer(text: &str, longest: usize) -> bool {
    text.len() > longest && text::units(text) > longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, DurationSetting};
    use crate::service::ErrorKind;

    fn order(channel: Channel, body: &str) -> Order {
        Order { body: body.to_owned(), ..Order::new(channel, Address::stored("+14155550100")) }
    }

    fn limit_of(checked: Result<(), Error>) -> Option<BrokenMessageLimit> {
        match checked {
            Err(Error { kind: ErrorKind::Limit(limit), .. }) => Some(limit),
            _ => None,
        }
    }

    #[test]
    fn each_limit_ends_where_it_says() {
        let pictures = |body, count| Order {
            media_urls: vec!["https://h.example/".to_owned(); count],
            ..order(Channel::Sms, body)
        };
        let valid = |ms| Order { valid_for: Some(DurationSetting::from_millis(ms)), ..order(Channel::Sms, "x") };
        // eight characters are not the text's
        let keeps = |length: usize| {
            let metadata = [("a".to_owned(), serde_json::Value::from("x".repeat(length - 8)))].into_iter().collect();
            Order { metadata: Some(metadata), ..order(Channel::Sms, "x") }
        };
        for (order, limit) in [
            (order(Channel::Sms, ""), None),
            (pictures("x", 10), None),
            (pictures("x", 11), Some(BrokenMessageLimit::Media)),
            (valid(999), Some(BrokenMessageLimit::Validity)),
            (valid(1_000), None),
            (valid(36_000_000), None),
            (valid(36_000_001), Some(BrokenMessageLimit::Validity)),
            (keeps(4_096), None),
            (keeps(4_097), Some(BrokenMessageLimit::Metadata)),
        ] {
            assert_eq!(limit_of(limits(&order)), limit, "{order:?}");
        }
    }

    #[test]
    fn who_says_nothing_is_told_so() {
        let picture = Order { media_urls: vec!["u".to_owned()], ..order(Channel::Sms, "") };
        for (order, limit) in [
            (order(Channel::Sms, ""), Some(BrokenMessageLimit::Empty)),
            (order(Channel::Whatsapp, ""), Some(BrokenMessageLimit::Empty)),
            (order(Channel::Sms, "x"), None),
            (picture, None),
            (order(Channel::Voice, ""), Some(BrokenMessageLimit::Instructions)),
        ] {
            assert_eq!(limit_of(says_something(&order)), limit, "{order:?}");
        }
    }

    #[test]
    fn a_call_says_one_thing() {
        let plan = |url: Option<&str>, twiml: Option<&str>| CallPlan {
            url: url.map(str::to_owned),
            twiml: twiml.map(str::to_owned),
            ..CallPlan::default()
        };
        let long = "x".repeat(LONGEST_TWIML + 1);
        assert_eq!(limit_of(said(Some(&plan(None, None)))), Some(BrokenMessageLimit::Instructions));
        assert!(said(Some(&plan(Some("u"), None))).is_ok() && said(Some(&plan(None, Some(&long[1..])))).is_ok());
        for (url, twiml) in [(Some("u"), Some("t")), (None, Some(" ")), (None, Some(long.as_str()))] {
            let said = said(Some(&plan(url, twiml)));
            assert!(said.is_err_and(|error| error.kind == ErrorKind::Invalid), "{url:?}");
        }
    }
}
