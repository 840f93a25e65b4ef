//! What clients' own servers have a say in: whether something is passed on in a session, and what becomes of whoever is in
//! none. Whatever they answer, or do not, nobody but those whom it is about waits for it.

mod answer;
mod form;
mod json;

use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    ClientId, DurationSetting, HookFormat, InteractionId, MessageId, Millis, PoolId, PublicOrigin, SessionMode,
};
use crate::provider::webhook::WebhookResponse;
use crate::service::event::Events;
use crate::service::{ErrorKind, Result};
use crate::store::session::interaction::InteractionKind;
use crate::store::session::{Participant, SessionWithParticipants};

/// For the answer, a second try included.
const WITHIN: Duration = Duration::from_secs(5);

/// Something that is about to be passed on in a session.
pub struct InterceptRequest<'a> {
    pub format: HookFormat,
    pub kind: InteractionKind,
    pub session: &'a SessionWithParticipants,
    pub from: &'a Participant,
    /// What comes of it for the first of the others, if there is one.
    pub interaction: InteractionId,
    /// The text that came in, or the call: the question has its id, the same however often it is asked.
    pub inbound: MessageId,
    pub body: &'a str,
    pub media_urls: &'a [String],
    pub at_ms: Millis,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterceptVerdict {
    Passes,
    Blocked,
    /// It passes in other words.
    Rewritten(String),
}

/// Somebody who is in no session at the number that they text or call.
pub struct OutOfSessionRequest<'a> {
    pub format: HookFormat,
    pub kind: InteractionKind,
    /// Whose number it is.
    pub client: ClientId,
    pub pool: PoolId,
    pub from: &'a str,
    pub to: &'a str,
    /// As above.
    pub inbound: MessageId,
    pub body: &'a str,
    pub media_urls: &'a [String],
    /// What these are, where the carrier has said that.
    pub media_types: &'a [String],
    pub at_ms: Millis,
    /// The last session that they were in by that number.
    pub last: Option<&'a SessionWithParticipants>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OutOfSessionReply {
    /// A document, as it was answered.
    Twiml(String),
    /// They are to be in a session.
    Session(StrangerSession),
    /// Something was answered that cannot be done.
    Failed,
    /// Nobody answered, or said anything.
    Nothing,
}

/// A session of whoever texts or calls and somebody else, on the number that was texted or called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StrangerSession {
    pub participant: String,
    /// The number that the other is to have; without, the same.
    pub number: Option<String>,
    pub unique_name: Option<String>,
    pub mode: Option<SessionMode>,
    /// Zero: it does not end by itself.
    pub ttl: Option<DurationSetting>,
    pub ends_ms: Option<Millis>,
}

/// Asks them.
pub struct SessionHooks {
    pub events: Arc<Events>,
    /// Under which we are reached: for what is linked to.
    pub origin: PublicOrigin,
}

impl SessionHooks {
    /// Whether something is passed on. Only a 403 blocks it; whatever goes wrong there, it passes. An error is ours, and
    /// may pass.
    pub async fn intercept(&self, url: &str, asked: &InterceptRequest<'_>) -> Result<InterceptVerdict> {
        let (client, id) = (asked.session.session.client, asked.inbound.to_string());
        let answered = match asked.format {
            HookFormat::Json => self.events.ask(client, url, (id, json::intercept(asked)), WITHIN).await,
            HookFormat::Form => {
                let fields = form::intercept(asked, &self.origin);
                self.events.ask_by_form(client, url, (id, fields), WITHIN).await
            }
        };
        let session = asked.session.session.id;
        let answer = known(answered, &session.to_string())?;
        Ok(answer.map_or(InterceptVerdict::Passes, |answer| answer::verdict(asked.format, &answer)))
    }

    /// What becomes of somebody who is in no session. An error is ours, and may pass.
    pub async fn out_of_session(&self, url: &str, asked: &OutOfSessionRequest<'_>) -> Result<OutOfSessionReply> {
        let id = asked.inbound.to_string();
        let answered = match asked.format {
            HookFormat::Json => self.events.ask(asked.client, url, (id, json::out_of_session(asked)), WITHIN).await,
            HookFormat::Form => {
                self.events.ask_by_form(asked.client, url, (id, form::out_of_session(asked)), WITHIN).await
            }
        };
        let answer = known(answered, &asked.pool.to_string())?;
        Ok(answer.map_or(OutOfSessionReply::Nothing, |answer| answer::reply(&answer)))
    }
}

/// What they answered. What cannot be asked about by what is wrong with us, or with the client, is as without an answer.
fn known(answered: Result<Option<WebhookResponse>>, of: &str) -> Result<Option<WebhookResponse>> {
    match answered {
        Err(error) if !matches!(error.kind, ErrorKind::Unavailable | ErrorKind::Busy) => {
            tracing::error!(%error, of, "a client's server cannot be asked");
            Ok(None)
        }
        answered => answered,
    }
}
