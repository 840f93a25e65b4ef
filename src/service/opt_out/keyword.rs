//! STOP, START and HELP: the ledger, what it takes back, and the configured replies.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::OptOuts;
use crate::model::keyword::LanguageKeywords;
use crate::model::{Address, Channel, Keyword, Keywords, MessageId, Millis};
use crate::provider::InboundMessage;
use crate::service::directory::SenderNumber;
use crate::store;

/// `[opt_out]`: what people are told, nothing where empty; and what they say.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub stop_reply: String,
    pub start_reply: String,
    pub help_reply: String,
    /// By language.
    pub words: BTreeMap<String, LanguageKeywords>,
}

impl Settings {
    /// The words of all languages; those that mean two things are none, which the log says.
    pub(super) fn keywords(&self) -> Keywords {
        let (keywords, ambiguous) = Keywords::new(&self.words);
        for word in ambiguous {
            tracing::warn!(word, "a word of opt_out.words means two things, so it means nothing");
        }
        keywords
    }
}

/// What a person texted to a number of ours.
pub struct PersonText<'a> {
    /// The number.
    pub sender: &'a SenderNumber,
    pub inbound: &'a InboundMessage,
    pub at_ms: Millis,
    /// The id of the one reply to it.
    pub reply: MessageId,
    /// They are in a session by that number: of the words that are ours only those of stopping are said to us, and those
    /// of starting again by who has stopped. All others are said to the others.
    pub is_in_session: bool,
}

/// A keyword, and whose word it is.
struct HeardKeyword {
    keyword: Keyword,
    /// The carrier has understood it, and answered.
    is_carriers: bool,
}

impl OptOuts {
    /// Takes a text that a carrier calls a keyword, or whose whole body is one; whether it was. Each channel has its own
    /// entries: who stops a chat gets texts.
    pub async fn take(&self, text: &PersonText<'_>) -> store::Result<bool> {
        let Some(HeardKeyword { keyword, is_carriers }) = self.heard(text).await? else { return Ok(false) };
        let (number, person) = (&*text.sender.number.address, &*text.inbound.from);
        let (client, channel, is_out) = (text.sender.number.client, text.inbound.channel, keyword == Keyword::Stop);
        let (reason, at_ms) = (if is_carriers { "carrier" } else { "keyword" }, text.at_ms);
        let said = self.said(client, (channel, number, person), is_out, reason, at_ms);
        // the ledger first: from here on nothing new is accepted
        let is_news = keyword == Keyword::Help || self.hear(&said).await?;
        if is_out && is_news {
            self.cancel_all(channel, number, person).await?;
        }
        let settings = &self.parts.settings;
        let reply = match keyword {
            Keyword::Stop => &settings.stop_reply,
            Keyword::Start => &settings.start_reply,
            Keyword::Help => &settings.help_reply,
        };
        if is_news && !is_carriers && !reply.is_empty() && self.may_answer(text) {
            self.parts.messages.reply(text.sender, text.reply, (channel, person), reply).await?;
        }
        Ok(true)
    }

    /// What is said of consent, if anything: by the carrier, or in a word of ours.
    async fn heard(&self, text: &PersonText<'_>) -> store::Result<Option<HeardKeyword>> {
        let inbound = text.inbound;
        let is_number = |address: &str| Address::stored(address).can_be_texted();
        // what is no number is nobody's to stop
        if !is_number(&inbound.from) || !is_number(&text.sender.number.address) {
            return Ok(None);
        }
        let carriers = inbound.consent.map(|keyword| (HeardKeyword { keyword, is_carriers: true }, false));
        let own = || {
            let meaning = self.keywords.find(&inbound.body)?;
            Some((HeardKeyword { keyword: meaning.keyword, is_carriers: false }, meaning.when_out))
        };
        let Some((heard, when_out)) = carriers.or_else(own) else { return Ok(None) };
        let (is_ours, keyword) = (!heard.is_carriers && text.is_in_session, heard.keyword);
        // a word that starts only who is out is said to the others even by who is
        if is_ours && (keyword == Keyword::Help || when_out) {
            return Ok(None);
        }
        let when_out = when_out || (is_ours && keyword == Keyword::Start);
        // help and a start are a chat's own words, where nothing was stopped
        let is_of_chat = inbound.channel != Channel::Sms && heard.keyword != Keyword::Stop;
        if is_of_chat && heard.keyword == Keyword::Help {
            return Ok(None);
        }
        if when_out || is_of_chat {
            let number = &text.sender.number.address;
            let is_out = self.is_out(inbound.channel, number, &inbound.from, text.at_ms).await?;
            return Ok(Some(heard).filter(|_| is_out));
        }
        Ok(Some(heard))
    }

    /// Not where the carrier answers by itself.
    fn may_answer(&self, text: &PersonText<'_>) -> bool {
        let entries = self.parts.directory.current();
        !entries.handle(text.sender.number.account).is_some_and(|handle| handle.account.replies_to_keywords)
    }
}
