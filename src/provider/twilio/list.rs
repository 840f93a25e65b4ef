//! Lists at Twilio, page by page, and the messages in them that may be ours.

use http::Method;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use time::OffsetDateTime;

use super::{Twilio, is_service, millis, sender, templated, unreadable};
use crate::model::Millis;
use crate::provider::{AskError, OutgoingMessage, ProviderListedMessage, SentMessagesResult};

/// Pages of [`PAGE_SIZE`] that a search reads at most.
const PAGES: usize = 10;
const PAGE_SIZE: &str = "100";
/// Trial accounts put it before every body.
pub(super) const TRIAL: &str = "Sent from your Twilio trial account - ";

/// A message as Twilio shows it; its times are RFC 2822, its counts strings.
#[derive(Deserialize)]
struct TwilioMessageIn {
    sid: String,
    from: Option<String>,
    messaging_service_sid: Option<String>,
    to: Option<String>,
    body: Option<String>,
    date_created: Option<String>,
    #[serde(default)]
    direction: String,
}

/// A page of messages, of calls or of numbers.
#[derive(Deserialize)]
struct TwilioPageIn<T> {
    #[serde(alias = "messages", alias = "calls", alias = "incoming_phone_numbers")]
    listed: Vec<T>,
    next_page_uri: Option<String>,
}

/// Whether a list is to be read further.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ListProgress {
    More,
    Enough,
}

impl Twilio {
    /// `GET …/Messages.json?To=&From=&DateSent>=`: whole days there, seconds here. Both by Twilio's
    /// clock: the caller subtracts what it allows for the difference to ours.
    pub(super) async fn find_messages(&self, message: &OutgoingMessage, since_ms: Millis) -> SentMessagesResult {
        let since_secs = since_ms.div_euclid(1000);
        let day = OffsetDateTime::from_unix_timestamp(since_secs).unwrap_or(OffsetDateTime::UNIX_EPOCH).date();
        let mut query = vec![("To", message.channel.written(&message.to)), ("DateSent>", day.to_string())];
        if !is_service(&message.from) {
            query.push(sender(message));
        }
        let mut found = Vec::new();
        self.walk("Messages.json", query, |listed: TwilioMessageIn| {
            found.extend(listed.if_same(message, since_secs * 1000));
            ListProgress::More
        })
        .await?;
        Ok(found)
    }

    /// Reads a list page by page, for as long as `take` says.
    pub(super) async fn walk<T: DeserializeOwned>(
        &self,
        resource: &str,
        query: Vec<(&'static str, String)>,
        take: impl FnMut(T) -> ListProgress,
    ) -> Result<(), AskError> {
        self.walk_pages(resource, query, PAGES, take).await.map(drop)
    }

    /// The same of so many pages at most; whether there were no more.
    pub(super) async fn walk_pages<T: DeserializeOwned>(
        &self,
        resource: &str,
        mut query: Vec<(&'static str, String)>,
        pages: usize,
        mut take: impl FnMut(T) -> ListProgress,
    ) -> Result<bool, AskError> {
        query.push(("PageSize", PAGE_SIZE.into()));
        let mut request = self.host.request(Method::GET, &format!("{}/{resource}", self.path)).query(&query);
        for _ in 0..pages {
            let answer = self.ask(&self.host, request).await?;
            let page: TwilioPageIn<T> = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
            let mut is_enough = false;
            for listed in page.listed {
                is_enough |= take(listed) == ListProgress::Enough;
            }
            // the rest of the path is theirs; the host and the account stay ours
            let next = page.next_page_uri.filter(|next| next.starts_with(&format!("{}/", self.path)));
            let Some(next) = next.filter(|_| !is_enough) else { return Ok(true) };
            request = self.host.request(Method::GET, &next);
        }
        Ok(false)
    }
}

impl TwilioMessageIn {
    /// This as we sent it, where it can be that message; Twilio may name another sender, and put words before a body.
    fn if_same(self, message: &OutgoingMessage, since_ms: Millis) -> Option<ProviderListedMessage> {
        let created_ms = millis(self.date_created.as_deref())?;
        let (from, body) = (self.from.unwrap_or_default(), self.body.unwrap_or_default());
        let is_sender = from == message.channel.written(&message.from)
            || self.messaging_service_sid.as_deref() == Some(&message.from);
        let is_body = match templated(message) {
            Some((_, code)) => body.contains(code),
            None => body == message.body || body.strip_prefix(TRIAL) == Some(&message.body),
        };
        let is_ours = is_sender
            && is_body
            && self.to? == message.channel.written(&message.to)
            && !self.direction.starts_with("inbound");
        let (from, to, body) = (message.from.clone(), message.to.clone(), message.body.clone());
        (is_ours && created_ms >= since_ms).then_some(ProviderListedMessage {
            provider_id: self.sid,
            to,
            from,
            body,
            created_ms,
        })
    }
}
