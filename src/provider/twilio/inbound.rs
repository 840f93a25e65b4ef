//! The form of a message that came in: what we read of it, what is passed on, and what is nobody else's.

use super::webhook::value;
use crate::model::{Address, CarrierFields, Keyword, Media};
use crate::provider::{InboundCall, InboundMessage, UnreadableWebhook};

type PostParams = [(String, String)];

/// What is read here, or says the same again.
const READ: [&str; 7] = ["From", "To", "Body", "MessageSid", "SmsSid", "SmsMessageSid", "SmsStatus"];
/// The form of an inbound message. Its other fields are passed on.
pub(super) fn parse_inbound(params: &PostParams) -> Result<InboundMessage, UnreadableWebhook> {
    let provider_id =
        value(params, &["MessageSid", "SmsSid", "SmsMessageSid"]).ok_or(UnreadableWebhook("MessageSid"))?;
    // a sender may be withheld, and is empty then
    let from = params.iter().find(|(name, _)| name == "From").map(|(_, from)| from.as_str());
    let from = from.ok_or(UnreadableWebhook("From"))?;
    let to = value(params, &["To"]).ok_or(UnreadableWebhook("To"))?;
    let media = media(params);
    let carrier = carrier(params, &media);
    let ((channel, from), (_, to)) = (Address::from_carrier(from), Address::from_carrier(to));
    Ok(InboundMessage {
        provider_id: provider_id.to_owned(),
        channel: channel.unwrap_or_default(),
        from: from.as_str().to_owned(),
        to: to.as_str().to_owned(),
        // it posts of each number of ours by itself
        also_to: Vec::new(),
        body: value(params, &["Body"]).unwrap_or_default().to_owned(),
        media: media.into_iter().map(|(_, media)| media).collect(),
        consent: value(params, &["OptOutType"]).and_then(Keyword::parse),
        carrier,
    })
}

/// The form of a call that came in. What was dialled counts: `To` may be where it was put through to.
pub(super) fn parse_call(params: &PostParams) -> Result<InboundCall, UnreadableWebhook> {
    let provider_id = value(params, &["CallSid"]).ok_or(UnreadableWebhook("CallSid"))?;
    let to = value(params, &["Called", "To"]).ok_or(UnreadableWebhook("Called"))?;
    Ok(InboundCall::new(provider_id, value(params, &["From", "Caller"]).unwrap_or_default(), to))
}

/// `2` of `MediaUrl2`.
fn index(name: &str, prefix: &str) -> Option<u32> {
    let digits = name.strip_prefix(prefix)?;
    // `007` and `+7` are none
    digits.parse().ok().filter(|index: &u32| index.to_string() == digits)
}

/// What is there counts, whatever `NumMedia` says; in the order of its numbers, between which some may be missing.
fn media(params: &PostParams) -> Vec<(u32, Media)> {
    let mut media: Vec<(u32, Media)> = params
        .iter()
        .filter(|(_, url)| !url.is_empty())
        .filter_map(|(name, url)| Some((index(name, "MediaUrl")?, url)))
        .map(|(index, url)| {
            let content_type = value(params, &[&format!("MediaContentType{index}")]).unwrap_or_default().to_owned();
            (index, Media { url: url.clone(), content_type })
        })
        .collect();
    media.sort_by_key(|(index, _)| *index);
    media.dedup_by_key(|(index, _)| *index);
    media
}

fn carrier(params: &PostParams, media: &[(u32, Media)]) -> CarrierFields {
    let account = value(params, &["AccountSid"]);
    let is_media = |index: Option<u32>| index.is_some_and(|index| media.iter().any(|(known, _)| *known == index));
    let is_read = |name: &str, value: &str| {
        READ.contains(&name)
            || is_media(index(name, "MediaUrl"))
            || is_media(index(name, "MediaContentType"))
            || (name == "NumMedia" && value.parse::<usize>() == Ok(media.len()))
    };
    let names_account = |value: &str| account.is_some_and(|account| value.contains(account));
    let others = params.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    CarrierFields::of(others.filter(|(name, value)| !is_read(name, value) && !names_account(value)))
}

#[cfg(test)]
#[path = "inbound_test.rs"]
mod tests;
