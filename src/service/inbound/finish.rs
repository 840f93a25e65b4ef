//! Texts that have been handled, as they are written: each with its copies, and with all that is told of both.

use std::sync::Arc;

use super::masked::idle;
use super::message::message;
use super::text::{InboundTextDisposition, ReceivedText};
use super::{InboundHandlers, LEASE, WebhookJob};
use crate::model::message::MessageState;
use crate::model::{ArcMessageContent, Millis};
use crate::service::event::FailureReason;
use crate::service::session::{SessionMessages, SessionWithParticipants};
use crate::store::inbound::handled::{HandledJob, HandledText, HandledTextEvents, HandledTextsResult};
use crate::store::message::Message;
use crate::store::session::interaction::NewInteraction;

impl InboundHandlers {
    /// Writes what came of texts; how many copies are made, and the jobs of those of which nothing is written.
    pub(super) async fn finish_texts(
        &self,
        done: Vec<(ReceivedText, InboundTextDisposition)>,
        foreign: Vec<WebhookJob>,
    ) -> (usize, Vec<WebhookJob>) {
        if done.is_empty() && foreign.is_empty() {
            return (0, foreign);
        }
        let SessionMessages { handled, messages, asked, .. } = &*self.session_messages;
        let is_asked = done.iter().any(|(_, fact)| fact.asked.is_some());
        let (mut texts, mut jobs): (Vec<_>, Vec<_>) = done.into_iter().map(|text| self.handled(text)).unzip();
        texts.extend(foreign.iter().map(|job| HandledText::as_it_came(job.id)));
        jobs.extend(foreign);
        let HandledTextsResult { copies, is_told, failed } = handled.write(texts, LEASE / 2).await;
        messages.stored(copies);
        if is_told {
            self.events.wake();
        }
        if is_asked {
            asked.notify_one();
        }
        for (id, error) in &failed {
            tracing::error!(%error, %id, "could not finish a text; it is handled again");
        }
        jobs.retain(|job| failed.iter().any(|(id, _)| *id == job.id));
        (copies, jobs)
    }

    /// A text as it is written, and its job.
    fn handled(&self, (text, fact): (ReceivedText, InboundTextDisposition)) -> (HandledText, WebhookJob) {
        let mut message = message(&text, &fact);
        let InboundTextDisposition { is_erased, is_told, prepared, asked } = fact;
        // nobody can be called back of what nobody was to hear
        let route = text.route.as_ref().filter(|_| asked.is_some() || !prepared.record.said.is_empty());
        let callback = route.and_then(|route| self.session_messages.unheard(route, text.job.received_ms));
        let mut unheard = callback.map(|callback| ArcMessageContent::from(callback.hold(&message.content, None)));
        let is_called_back = unheard.is_some();
        // whoever is asked may say that nobody hears it
        if asked.is_some()
            && let Some(content) = unheard.take()
        {
            message.content = content;
        }
        let session = idle(&text).filter(|_| prepared.record.touched.is_some());
        let handled = HandledText {
            job: HandledJob::Webhook(text.job.id),
            message: Some(message),
            unheard,
            is_erased,
            prepared,
            asked,
            is_first: session.is_some(),
            told: self.telling(session, (is_told, is_called_back), text.job.received_ms),
        };
        (handled, text.job)
    }

    /// Tells of a text, once it is decided what becomes of it: its client where that `is_told`, and whom to call back
    /// of what somebody did not get.
    fn telling(
        &self,
        session: Option<Arc<SessionWithParticipants>>,
        (is_told, is_called_back): (bool, bool),
        at_ms: Millis,
    ) -> HandledTextEvents {
        let events = self.events.clone();
        Box::new(move |message: Option<&Message>, said: &[NewInteraction], begins: bool| {
            let mut batch = events.batch();
            if let Some(message) = message.filter(|_| is_told) {
                // the event commits with the message, or neither does
                batch.message(message, MessageState::Received, FailureReason::default(), at_ms);
            }
            if let Some(begun) = session.as_deref().filter(|_| begins) {
                batch.session_begins(begun, at_ms);
            }
            for one in said {
                let is_called_back = is_called_back && one.copy.is_err();
                batch.interaction_for(one, message.filter(|_| is_called_back).map(|message| message.id));
            }
            batch.into_rows()
        })
    }
}
