//! What a message holds besides its columns, and how the store writes that.

mod secret;

use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, LazyLock};

use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

pub use self::secret::{SecretReference, hide_code};
use super::{CallOptions, CarrierFields, MessageId, Millis};

/// What a call says to who answers, and what its client wants to be told of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct CallPlan {
    /// Where the provider gets its instructions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The instructions themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub twiml: Option<String>,
    /// `initiated`, `ringing`, `answered`, `completed`; none: only the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub callback_events: Vec<String>,
    #[serde(flatten)]
    pub dialing: CallOptions,
}

/// What was said in a session, of which a message is a part: for whoever is called back. Ids in hex.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct InteractionCallback {
    /// The pool of the session.
    pub pool: String,
    pub session: String,
    /// Who said it; without, the session's client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// To whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The message that came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inbound: Option<String>,
    /// When it was said.
    pub at_ms: Millis,
}

/// Media, callback, call and whatever else few messages have. The store keeps it as one JSON text.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct MessageContent {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_urls: Vec<String>,
    /// What kind each of them is, as its carrier says; empty where it says nothing of one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub media_types: Vec<String>,
    /// What a carrier says of a message that came in, in its own words.
    #[serde(default, skip_serializing_if = "CarrierFields::is_empty")]
    pub carrier: CarrierFields,
    /// There was media before it was redacted: its name on Twilio's paths says so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub had_media: bool,
    /// Without a login: that lies sealed, in a table of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<serde_json::Map<String, serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at_ms: Option<Millis>,
    /// A reply to a keyword, such as the confirmation of STOP: it alone passes the opt-out.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_reply: bool,
    /// The callback is posted as Twilio posts them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_twilio: bool,
    /// The pool that its sender is of, in hex.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallPlan>,
    /// The carrier's template by which a WhatsApp message tells a code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// It was said in a session, and its callback is told of that, as Twilio's Proxy does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interaction: Option<InteractionCallback>,
    /// The code that its text tells, and does not hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretReference>,
}

/// What most messages hold.
static NOTHING: LazyLock<MessageContent> = LazyLock::new(MessageContent::default);

impl MessageContent {
    /// Reads what [`MessageContent::text`] wrote; what cannot be read is taken for nothing.
    pub fn parse(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    }

    /// As the store keeps it. `None`: there is nothing to keep.
    pub fn text(&self) -> Option<String> {
        if *self == *NOTHING { None } else { serde_json::to_string(self).ok() }
    }

    /// Without what was said. Media are part of that, and what a call says or presses; the rest is the client's own,
    /// and who is called back needs it.
    #[must_use]
    pub fn redacted(&self) -> Self {
        let only_events =
            |plan: &CallPlan| CallPlan { callback_events: plan.callback_events.clone(), ..CallPlan::default() };
        Self {
            media_urls: Vec::new(),
            media_types: Vec::new(),
            carrier: CarrierFields::default(),
            had_media: self.has_media(),
            callback_url: self.callback_url.clone(),
            metadata: self.metadata.clone(),
            send_at_ms: self.send_at_ms,
            is_reply: self.is_reply,
            is_twilio: self.is_twilio,
            pool: self.pool.clone(),
            call: self.call.as_ref().map(only_events),
            template: None,
            interaction: self.interaction.clone(),
            secret: None,
        }
    }

    /// By what a message is known on Twilio's paths and in its callbacks.
    pub fn sid(&self, id: MessageId) -> String {
        format!("{}{}", if self.has_media() { "MM" } else { "SM" }, id.hex())
    }

    /// Whether it came, or was accepted, with media.
    fn has_media(&self) -> bool {
        self.had_media || !self.media_urls.is_empty()
    }
}

/// The same as a message holds it: read once, and shared by the message's copies. Most have none, which takes no room.
#[derive(Clone, Debug, Default)]
pub struct ArcMessageContent(Option<Arc<MessageContent>>);

impl ArcMessageContent {
    /// Reads what [`MessageContent::text`] wrote; what cannot be read is taken for nothing.
    pub fn parse(text: Option<&str>) -> Self {
        text.map_or_else(Self::default, |text| MessageContent::parse(Some(text)).into())
    }
}

/// From a row of the store, where it is text, or nothing.
impl<'de> Deserialize<'de> for ArcMessageContent {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;

        impl<'de> Visitor<'de> for Text {
            type Value = ArcMessageContent;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text, or nothing")
            }

            fn visit_none<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(ArcMessageContent::default())
            }

            fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Self::Value, D::Error> {
                from.deserialize_str(self)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(ArcMessageContent::parse(Some(text)))
            }
        }

        from.deserialize_option(Text)
    }
}

impl From<MessageContent> for ArcMessageContent {
    fn from(content: MessageContent) -> Self {
        Self((content != *NOTHING).then(|| Arc::new(content)))
    }
}

impl Deref for ArcMessageContent {
    type Target = MessageContent;

    fn deref(&self) -> &MessageContent {
        self.0.as_deref().unwrap_or(&NOTHING)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_written_as_before() {
        for text in [
            r#"{"media_urls":["https://h.example/a"],"media_types":["image/png"],"carrier":{"fields":{"A":"1"},"omitted":2}}"#,
            r#"{"had_media":true,"callback_url":"https://h.example/","metadata":{"a":1},"send_at_ms":7,"is_twilio":true}"#,
            r#"{"is_reply":true}"#,
            r#"{"pool":"0f","call":{"twiml":"<Response/>","callback_events":["ringing"],"send_digits":"1"}}"#,
            r#"{"callback_url":"https://h.example/","is_twilio":true,"interaction":{"pool":"0f","session":"0e","to":"0d","at_ms":7}}"#,
            r#"{"secret":{"verification":"0f","places":[0,21],"length":6}}"#,
        ] {
            assert_eq!(MessageContent::parse(Some(text)).text().as_deref(), Some(text));
            assert_eq!(ArcMessageContent::parse(Some(text)).text().as_deref(), Some(text));
        }
    }

    #[test]
    fn what_says_nothing_or_cannot_be_read_is_nothing() {
        assert_eq!(*NOTHING, MessageContent::default());
        for text in [None, Some("{}"), Some("no JSON"), Some(r#"{"media_urls":7}"#), Some(r#"{"carrier":{}}"#)] {
            let shared = ArcMessageContent::parse(text);
            assert!(shared.0.is_none() && *shared == *NOTHING && shared.text().is_none(), "{text:?}");
        }
    }

    #[test]
    fn redacted_it_keeps_its_name_and_what_callbacks_need() {
        let said = r#"{"media_urls":["u"],"callback_url":"https://h.example/","call":{"url":"u","callback_events":["answered"],"send_digits":"1"}}"#;
        let kept = r#"{"had_media":true,"callback_url":"https://h.example/","call":{"callback_events":["answered"]}}"#;
        let said = MessageContent::parse(Some(said));
        let redacted = said.redacted();
        assert_eq!(redacted.text().as_deref(), Some(kept));
        let interaction = Some(InteractionCallback { pool: "0f".to_owned(), ..InteractionCallback::default() });
        let called_back = MessageContent { interaction, ..MessageContent::default() };
        assert_eq!(called_back.redacted(), called_back);
        let secret = Some(SecretReference::default());
        assert_eq!(MessageContent { secret, ..MessageContent::default() }.redacted(), *NOTHING);
        let id = MessageId::new(1);
        assert!(said.sid(id).starts_with("MM") && said.sid(id) == redacted.sid(id));
    }
}
