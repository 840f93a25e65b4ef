//! What a described carrier posts to us: read by its description when it comes, and kept in a form of our own, so that
//! it is read again without one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::{optional_path, path};
use super::matcher::PostMatcher;
use super::profile::code_of;
use super::reading::{CarrierBodyFormat, ReadDocument, ValuePath};
use crate::model::message::MessageState;
use crate::model::{Address, CarrierFields, Channel, Millis, parse_time, text};
use crate::provider::word;
use crate::provider::{DeliveryReceipt, InboundMessage, OPTED_OUT, PostKind, UnreadableWebhook};

/// How a description says that receipts are read.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReceiptDescription {
    format: CarrierBodyFormat,
    /// What is said in receipts, and in nothing else that comes to the same URL, at which paths.
    #[serde(default)]
    when: BTreeMap<String, String>,
    id: String,
    state: String,
    /// What its words mean, to the letter, where those that most carriers share do not say it.
    #[serde(default)]
    states: BTreeMap<String, String>,
    #[serde(default)]
    error_code: Option<String>,
    /// Codes that say that the recipient has opted out at the carrier.
    #[serde(default)]
    opted_out: Vec<String>,
    /// When it happened: RFC 3339, or seconds or milliseconds since 1970; UTC where no zone is said.
    #[serde(default)]
    at: Option<String>,
}

/// How a description says that texts are read that come in.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InboundTextDescription {
    format: CarrierBodyFormat,
    /// The same of texts.
    #[serde(default)]
    when: BTreeMap<String, String>,
    id: String,
    from: String,
    to: String,
    body: String,
    /// Whether numbers come with their country code, and without the plus.
    #[serde(default)]
    bare_numbers: bool,
    /// What is passed on as it is, under the last name of its path.
    #[serde(default)]
    passed_on: Vec<String>,
}

#[derive(Clone, Debug)]
pub(super) struct ReceiptReader {
    pub format: CarrierBodyFormat,
    pub when: PostMatcher,
    id: ValuePath,
    state: ValuePath,
    states: BTreeMap<String, Option<MessageState>>,
    error_code: Option<ValuePath>,
    opted_out: Vec<String>,
    at: Option<ValuePath>,
}

#[derive(Clone, Debug)]
pub(super) struct InboundTextReader {
    pub format: CarrierBodyFormat,
    pub when: PostMatcher,
    id: ValuePath,
    from: ValuePath,
    to: ValuePath,
    body: ValuePath,
    bare_numbers: bool,
    passed_on: Vec<(String, ValuePath)>,
}

/// What receipts may say; `unknown` is nothing at all.
const STATES: [MessageState; 7] = [
    MessageState::Queued,
    MessageState::Sending,
    MessageState::Sent,
    MessageState::Delivered,
    MessageState::Undelivered,
    MessageState::Failed,
    MessageState::Canceled,
];

/// What is kept of a text.
#[derive(Deserialize, Serialize)]
struct StoredHttpApiText {
    id: String,
    from: String,
    to: String,
    body: String,
    #[serde(default)]
    carrier: CarrierFields,
}

/// The same of a receipt.
#[derive(Deserialize, Serialize)]
struct StoredHttpApiReceipt {
    id: String,
    state: Option<String>,
    word: String,
    error_code: Option<i64>,
    at_ms: Option<Millis>,
}

/// What is kept of a post, behind what it is.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
enum StoredHttpApiPost {
    Text(StoredHttpApiText),
    Receipt(StoredHttpApiReceipt),
}

impl StoredHttpApiPost {
    fn written(&self) -> String {
        // text under fixed keys always serialises
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl ReceiptDescription {
    pub(super) fn compile(&self, field: &str) -> Result<ReceiptReader, String> {
        let format = self.format;
        let mut states = BTreeMap::new();
        for (word, name) in &self.states {
            let state = MessageState::parse(name).filter(|state| STATES.contains(state));
            if state.is_none() && name != "unknown" {
                return Err(format!(
                    "{field}.states.{word} must be queued, sending, sent, delivered, undelivered, failed, canceled or \
                     unknown"
                ));
            }
            states.insert(word.clone(), state);
        }
        if self.error_code.is_none() && !self.opted_out.is_empty() {
            return Err(format!("{field}.error_code must say where the codes of {field}.opted_out are"));
        }
        Ok(ReceiptReader {
            format,
            when: PostMatcher::compile(&format!("{field}.when"), format, PostKind::Receipt, &self.when)?,
            id: path(&format!("{field}.id"), format, &self.id)?,
            state: path(&format!("{field}.state"), format, &self.state)?,
            states,
            error_code: optional_path(&format!("{field}.error_code"), format, self.error_code.as_deref())?,
            opted_out: self.opted_out.clone(),
            at: optional_path(&format!("{field}.at"), format, self.at.as_deref())?,
        })
    }
}

impl InboundTextDescription {
    pub(super) fn compile(&self, field: &str) -> Result<InboundTextReader, String> {
        let format = self.format;
        let of = |name: &str, text: &str| path(&format!("{field}.{name}"), format, text);
        let mut passed_on = Vec::new();
        for text in &self.passed_on {
            let name = text.rsplit(['/', '@']).next().unwrap_or(text);
            passed_on.push((name.to_owned(), of("passed_on", text)?));
        }
        Ok(InboundTextReader {
            format,
            when: PostMatcher::compile(&format!("{field}.when"), format, PostKind::Text, &self.when)?,
            id: of("id", &self.id)?,
            from: of("from", &self.from)?,
            to: of("to", &self.to)?,
            body: of("body", &self.body)?,
            bare_numbers: self.bare_numbers,
            passed_on,
        })
    }
}

/// A value that says something, as it can be kept.
fn said(document: &ReadDocument<'_>, path: &ValuePath, what: &'static str) -> Result<String, UnreadableWebhook> {
    document.value(path).filter(|value| !value.is_empty()).map(text::kept).ok_or(UnreadableWebhook(what))
}

/// The carrier's name for a message, as it can be kept.
fn name(document: &ReadDocument<'_>, path: &ValuePath) -> Result<String, UnreadableWebhook> {
    document.id(path).map(text::kept).ok_or(UnreadableWebhook("id"))
}

impl ReceiptReader {
    /// `None`: it is not of the format.
    pub(super) fn read(&self, document: Option<&ReadDocument<'_>>) -> Result<DeliveryReceipt, UnreadableWebhook> {
        let document = document.ok_or(UnreadableWebhook("body"))?;
        let word = said(document, &self.state, "state")?;
        let value = |path: Option<&ValuePath>| document.value(path?);
        let code = value(self.error_code.as_ref()).unwrap_or_default();
        let error_code = if self.opted_out.contains(&code) { Some(OPTED_OUT) } else { code_of(&code) };
        let at_ms = value(self.at.as_ref()).and_then(|at| millis(at.trim()));
        let state = self.states.get(&word).copied().unwrap_or_else(|| word::state(&word, |_| None));
        Ok(DeliveryReceipt { error_code, at_ms, ..DeliveryReceipt::new(&name(document, &self.id)?, state, &word) })
    }
}

/// A time as carriers write it. What says no zone is UTC.
fn millis(at: &str) -> Option<Millis> {
    match (at.parse::<Millis>(), at.len()) {
        // since 1970: so long are times from 2001 to 2286
        (Ok(seconds), 10) => seconds.checked_mul(1000),
        (Ok(millis), 13) => Some(millis),
        _ => parse_time(at).or_else(|| parse_time(&format!("{at}Z"))),
    }
}

impl InboundTextReader {
    /// `None`: it is not of the format.
    pub(super) fn read(&self, document: Option<&ReadDocument<'_>>) -> Result<InboundMessage, UnreadableWebhook> {
        let document = document.ok_or(UnreadableWebhook("body"))?;
        let passed_on: Vec<(&str, String)> = self
            .passed_on
            .iter()
            .filter_map(|(name, path)| Some((name.as_str(), document.value(path)?)))
            .map(|(name, value)| (name, text::kept(value)))
            .collect();
        Ok(InboundMessage {
            provider_id: name(document, &self.id)?,
            channel: Channel::Sms,
            // a sender may be withheld, and is empty then
            from: self.number(&document.value(&self.from).ok_or(UnreadableWebhook("from"))?),
            to: self.number(&said(document, &self.to, "to")?),
            also_to: Vec::new(),
            body: text::kept(document.value(&self.body).ok_or(UnreadableWebhook("text"))?),
            media: Vec::new(),
            consent: None,
            carrier: CarrierFields::of(passed_on.iter().map(|(name, value)| (*name, value.as_str()))),
        })
    }

    fn number(&self, text: &str) -> String {
        let text = text::kept(text.trim().to_owned());
        // fewer digits are a short code
        let is_bare = (9..=15).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        let text = if self.bare_numbers && is_bare && !text.starts_with('0') { format!("+{text}") } else { text };
        let (_, address) = Address::from_carrier(&text);
        address.as_str().to_owned()
    }
}

/// What is kept of a text that came in.
pub(super) fn keep_text(text: &InboundMessage) -> String {
    let InboundMessage { provider_id, from, to, body, carrier, .. } = text.clone();
    StoredHttpApiPost::Text(StoredHttpApiText { id: provider_id, from, to, body, carrier }).written()
}

/// What is kept of a receipt.
pub(super) fn keep_receipt(receipt: &DeliveryReceipt) -> String {
    let DeliveryReceipt { provider_id, state, word, error_code, at_ms, .. } = receipt.clone();
    let state = state.map(|state| state.name().to_owned());
    StoredHttpApiPost::Receipt(StoredHttpApiReceipt { id: provider_id, state, word, error_code, at_ms }).written()
}

/// A text again, from what was kept.
pub(super) fn kept_text(payload: &str) -> Result<InboundMessage, UnreadableWebhook> {
    let Ok(StoredHttpApiPost::Text(StoredHttpApiText { id, from, to, body, carrier })) = serde_json::from_str(payload)
    else {
        return Err(UnreadableWebhook("text"));
    };
    let (channel, media, consent) = (Channel::Sms, Vec::new(), None);
    Ok(InboundMessage { provider_id: id, channel, from, to, also_to: Vec::new(), body, media, consent, carrier })
}

/// The same of a receipt.
pub(super) fn kept_receipt(payload: &str) -> Result<DeliveryReceipt, UnreadableWebhook> {
    let Ok(StoredHttpApiPost::Receipt(StoredHttpApiReceipt { id, state, word, error_code, at_ms })) =
        serde_json::from_str(payload)
    else {
        return Err(UnreadableWebhook("receipt"));
    };
    Ok(DeliveryReceipt {
        error_code,
        at_ms,
        ..DeliveryReceipt::new(&id, state.as_deref().and_then(MessageState::parse), &word)
    })
}

#[cfg(test)]
#[path = "post_test.rs"]
mod tests;
