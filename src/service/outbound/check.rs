//! What a message says, and what it names, as it is sent: the one place of the limits of texts.

use super::{Error, Order, Outbound, Via, voice};
use crate::model::{AccountId, CallPlan, Channel, Encoding, Segments, smart, text};
use crate::provider::web;

pub(super) fn invalid(field: &'static str, reason: impl Into<String>) -> Error {
    Error::Invalid { field, reason: reason.into() }
}

/// A URL that somebody else will fetch.
fn fetched(field: &'static str, url: &str) -> Result<String, Error> {
    web::normal(url).map(String::from).map_err(|reason| invalid(field, reason.to_string()))
}

/// What is wrong whichever way a message goes: told before anybody looks for one.
pub(in crate::service) fn anyway(
    channel: Channel,
    media_urls: &[String],
    call: Option<&CallPlan>,
) -> Result<(), Error> {
    if channel == Channel::Voice {
        voice::check(call)?;
    }
    media(media_urls).map(drop)
}

/// Pictures' URLs in the form that goes over the wire.
fn media(urls: &[String]) -> Result<Vec<String>, Error> {
    let normal = |(before, url): (usize, &String)| {
        let wrong = |reason: web::NotWeb| invalid("media_urls", format!("URL {} {reason}", before + 1));
        Ok(web::normal(url).map_err(wrong)?.into())
    };
    urls.iter().enumerate().map(normal).collect()
}

impl Outbound {
    /// The order with its URLs in the form that goes over the wire.
    pub(super) fn addressed(&self, mut order: Order) -> Result<Order, Error> {
        order.media_urls = media(&order.media_urls)?;
        if let Some(url) = &mut order.callback_url {
            let events = &self.parts.events;
            let checked = if order.is_twilio { events.check_callback(url) } else { events.check_url(url) };
            *url = checked.map_err(|error| invalid("callback_url", error.to_string()))?;
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
    pub(super) fn fits(&self, order: &mut Order, via: &Via) -> Result<(Encoding, i64), Error> {
        if order.channel == Channel::Voice {
            voice::check(order.call.as_ref())?;
            return Ok((Encoding::None, 1));
        }
        if order.body.is_empty() && order.media_urls.is_empty() {
            return Err(invalid("body", "is empty, and there is no media"));
        }
        let longest = self.longest_text(order.channel, via.account);
        if order.is_smart
            && order.channel == Channel::Sms
            && let Some(replaced) = smart::encoded(&order.body)
            && !is_longer(&replaced, longest)
        {
            order.body = replaced;
        }
        if is_longer(&order.body, longest) {
            let units = text::units(&order.body);
            return Err(invalid("body", format!("must be at most {longest} UTF-16 units long, and is {units}")));
        }
        if order.channel == Channel::Whatsapp {
            return Ok((Encoding::Utf8, 1));
        }
        let segments = Segments::of(&order.body);
        Ok((segments.encoding, segments.count.into()))
    }

    /// UTF-16 units of a text at most: the channel's, or fewer where the account's carrier takes no more.
    fn longest_text(&self, channel: Channel, account: AccountId) -> usize {
        let settings = &self.parts.settings;
        let ours = if channel == Channel::Whatsapp { settings.whatsapp_length } else { settings.sms_length };
        let entries = self.parts.directory.current();
        let carriers = entries.handle(account).and_then(|handle| handle.connector.kind().longest_text());
        carriers.map_or(ours, |carriers| carriers.min(ours))
    }
}

/// No text has more units than bytes.
fn is_longer(text: &str, longest: usize) -> bool {
    text.len() > longest && text::units(text) > longest
}
