//! STOP, START and HELP: the ledger, what it takes back, and the configured replies.

use serde::Deserialize;

use super::Inbound;
use super::text::{Fact, Text, Verdict};
use crate::model::address::{Address, AddressKind};
use crate::model::{Channel, Keyword};
use crate::service::outbound::Said;
use crate::store;

/// `[opt_out]`: what people are told; nothing where empty.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub stop_reply: String,
    pub start_reply: String,
    pub help_reply: String,
}

impl Inbound {
    /// Takes a text whose whole body is a keyword. Each channel has its own entries: who stops a chat gets texts.
    pub(super) async fn opt_out(&self, text: &Text) -> Result<Verdict, store::Error> {
        let Some(keyword) = Keyword::of(&text.inbound.body) else { return Ok(Verdict::Pass) };
        let outbound = &self.parts.outbound;
        let (number, person) = (&*text.sender.number.address, &*text.inbound.from);
        let (channel, is_out) = (text.inbound.channel, keyword == Keyword::Stop);
        let is_chat = channel != Channel::Sms;
        let at_ms = text.job.received_ms;
        if is_chat && !is_out && (keyword == Keyword::Help || !outbound.is_out(channel, number, person, at_ms).await?) {
            // a chat's own words, where nothing was stopped
            return Ok(Verdict::Pass);
        }
        let said = Said { channel, number, person, is_out, reason: "keyword", at_ms };
        // the ledger first: from here on nothing new is accepted
        let is_news = keyword == Keyword::Help || outbound.hear(&said).await?;
        if is_out && is_news {
            outbound.cancel_all(channel, number, person).await?;
        }
        let settings = &self.parts.opt_out;
        let reply = match keyword {
            Keyword::Stop => &settings.stop_reply,
            Keyword::Start => &settings.start_reply,
            Keyword::Help => &settings.help_reply,
        };
        if is_news && !reply.is_empty() && self.may_answer(text) {
            outbound.reply(&text.sender, text.job.id.reply(), (channel, person), reply).await?;
        }
        // what is said in a chat its client hears of, whatever follows from it
        Ok(Verdict::Taken(Fact { is_told: is_chat, ..Fact::KEPT }))
    }

    /// Not where the carrier answers by itself, nor to a sender name, which nobody can text.
    fn may_answer(&self, text: &Text) -> bool {
        let page = self.parts.book.page();
        let is_carriers = page.line(text.sender.number.account).is_some_and(|line| line.account.replies_to_keywords);
        let has_phone = text.inbound.from.parse::<Address>().is_ok_and(|from| from.kind() != AddressKind::Alphanumeric);
        has_phone && !is_carriers
    }
}
