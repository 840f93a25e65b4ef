//! Texts of people who are in a session by the number that they text.

use std::sync::Arc;

use super::InboundHandlers;
use super::message::is_number;
use super::text::{InboundTextDisposition, ReceivedText};
use crate::model::{Address, Channel, InboundId, SessionState};
use crate::service::Result;
use crate::service::session::{CountedText, NewAskedText, PairAtTime, SaidText, SessionRoute, SessionWithParticipants};
use crate::store::inbound::WebhookJobContent;

/// The session that is under way by a text that is said in it, and was not before.
pub(super) fn idle(text: &ReceivedText) -> Option<Arc<SessionWithParticipants>> {
    let found = &text.route.as_ref()?.session;
    matches!(found.session.state, SessionState::Open | SessionState::Inactive).then(|| found.clone())
}

/// Whether somebody may have sent it who is in a session. A number leaves its pool only when none is open there, so what
/// has just come in to one that is in none is in no session; what comes late may be of one that has ended since.
fn is_asked(text: &ReceivedText) -> bool {
    let may_be = text.sender.number.pool.is_some() || is_stored(text);
    may_be && text.inbound.channel == Channel::Sms && is_number(&text.inbound.from)
}

/// Whether others may have handled it before: whoever took it in is the first to.
fn is_stored(text: &ReceivedText) -> bool {
    matches!(text.job.content, WebhookJobContent::Stored(_))
}

impl InboundHandlers {
    /// Finds the sessions that texts are said in, those of a batch at once: by when each came in.
    pub(super) async fn route(&self, texts: &mut [ReceivedText]) {
        let mut asked: Vec<&mut ReceivedText> = texts.iter_mut().filter(|text| is_asked(text)).collect();
        if asked.is_empty() {
            return;
        }
        let pair = |text: &ReceivedText| {
            let person = Address::stored(text.inbound.from.as_str());
            self.session_messages.pair(&person, &text.sender, text.job.received_ms)
        };
        let pairs: Vec<PairAtTime> = asked.iter().map(|text| pair(text)).collect();
        match self.session_messages.routes(&pairs).await {
            Ok(found) => asked.iter_mut().zip(found).for_each(|(text, route)| text.route = route),
            // all of them, later
            Err(error) if error.will_pass() || pairs.len() == 1 => {
                tracing::warn!(%error, "texts whose sessions are not known are tried again");
                for text in &mut asked {
                    text.is_routed = false;
                }
            }
            // one of them is in a session that cannot be read: the others do not wait for that
            Err(_) => {
                for (text, pair) in asked.iter_mut().zip(pairs) {
                    match self.session_messages.routes(&[pair]).await {
                        Ok(found) => text.route = found.into_iter().next().flatten(),
                        Err(error) => {
                            tracing::error!(%error, id = %text.job.id, "the session of a text cannot be read");
                            text.is_routed = false;
                        }
                    }
                }
            }
        }
    }

    /// Sees which texts have been passed on in part before, those of a batch at once.
    pub(super) async fn recall(&self, texts: &mut [ReceivedText]) {
        let known =
            texts.iter().filter(|text| is_stored(text)).filter_map(|text| Some((text.job.id, text.route.as_ref()?)));
        let known: Vec<(InboundId, &SessionRoute)> = known.collect();
        if known.is_empty() {
            return;
        }
        match self.session_messages.passed_on(&known).await {
            Ok(made) => {
                for text in texts {
                    text.is_again = made.contains(&text.job.id);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "texts that may have been passed on are tried again");
                for text in texts.iter_mut().filter(|text| is_stored(text) && text.route.is_some()) {
                    text.is_routed = false;
                }
            }
        }
    }

    /// Takes a text that is said in a session, to be passed on as it is finished. Its client hears of it, whatever comes
    /// of it there.
    pub(super) async fn masked(&self, text: &ReceivedText) -> Result<Option<InboundTextDisposition>> {
        let Some(route) = &text.route else { return Ok(None) };
        let (job, inbound) = (&text.job, &text.inbound);
        // what is asked takes its time: a job of its own passes it on
        if let Some(asked) = self.session_messages.ask_in(route, job.id, job.received_ms) {
            return Ok(Some(InboundTextDisposition { asked: Some(asked), ..InboundTextDisposition::TOLD }));
        }
        let said = SaidText {
            route,
            id: job.id,
            sender: &text.sender,
            body: &inbound.body,
            media_urls: inbound.media.iter().map(|media| media.url.clone()).collect(),
            at_ms: job.received_ms,
            is_again: text.is_again,
        };
        let prepared = self.session_messages.prepare(&said).await?;
        Ok(Some(InboundTextDisposition { prepared, ..InboundTextDisposition::TOLD }))
    }

    /// Tells whoever texts a number of a pool with sessions, and is in none there; or has its client's server asked what to
    /// do. What they said is kept and told as any text is.
    pub(super) async fn stranger(&self, text: &ReceivedText) -> Result<Option<NewAskedText>> {
        let (messages, job, from) = (&self.session_messages, &text.job, &*text.inbound.from);
        if is_number(from)
            && let Some(asked) = messages.ask_outside(&text.sender, from, (job.id, job.received_ms))
        {
            return Ok(Some(asked));
        }
        let counted = CountedText { id: job.id, at_ms: job.received_ms };
        messages.tell_stranger(&text.sender, (from, counted)).await?;
        Ok(None)
    }
}
