//! What becomes of a text that was said in a session, by what its client's server says: it is passed on as it is, or in
//! other words, or not at all.

use std::sync::Arc;

use super::asked::{AskedTextResult, AskedTexts};
use super::hook::{InterceptRequest, InterceptVerdict};
use super::{SaidText, SessionRoute};
use crate::model::{MessageId, ParticipantId, SessionId};
use crate::service::Result;
use crate::service::directory::SenderNumber;
use crate::store::inbound::handled::PreparedText;
use crate::store::message::Message;
use crate::store::session as sessions;
use crate::store::session::asked::AskedText;
use crate::store::session::interaction::{InteractionFailure, InteractionKind, InteractionRecord};

/// A text as it is passed on, which may have been done in part before.
pub(super) fn said<'a>(
    job: &AskedText,
    (text, body): (&Message, &'a str),
    sender: &'a SenderNumber,
    route: &'a SessionRoute,
) -> SaidText<'a> {
    let media_urls = text.content.media_urls.clone();
    SaidText { route, id: job.id, sender, body, media_urls, at_ms: job.received_ms, is_again: true }
}

impl AskedTexts {
    pub(super) async fn said(
        &self,
        job: &AskedText,
        (text, sender): (&Message, &SenderNumber),
        (session, from): (SessionId, ParticipantId),
    ) -> Result<AskedTextResult> {
        let nothing = (PreparedText::default(), None);
        let found = sessions::find(&self.messages.store, job.client, session).await?;
        let Some(found) = found else { return Ok(nothing) };
        let route = SessionRoute { session: Arc::new(found), from, behind: None };
        let verdict = self.verdict(job, text, &route).await?;
        // the answer took its time
        if self.text(job).await?.is_none() {
            return Ok(nothing);
        }
        let body = match &verdict {
            InterceptVerdict::Rewritten(body) => body.as_str(),
            InterceptVerdict::Passes | InterceptVerdict::Blocked => text.body.as_str(),
        };
        let said = said(job, (text, body), sender, &route);
        let prepared = match verdict {
            InterceptVerdict::Blocked => PreparedText { record: self.blocked(&said).await?, copies: Vec::new() },
            InterceptVerdict::Passes | InterceptVerdict::Rewritten(_) => self.messages.prepare(&said).await?,
        };
        Ok((prepared, Some(route.session)))
    }

    /// What a session's server says. Where none is asked any more, what waited passes.
    async fn verdict(&self, job: &AskedText, text: &Message, route: &SessionRoute) -> Result<InterceptVerdict> {
        let all = &*route.session;
        let from = all.participants.iter().find(|one| one.id == route.from);
        let (Some((url, format)), Some(from)) = (self.messages.intercept_hook(&all.session), from) else {
            return Ok(InterceptVerdict::Passes);
        };
        let first = all.participants.iter().find(|one| one.id != from.id && one.left_ms.is_none());
        let asked = InterceptRequest {
            format,
            kind: InteractionKind::Message,
            session: all,
            from,
            interaction: first.map_or(text.id, |to| job.id.copy(to.id)).into(),
            inbound: text.id,
            body: &text.body,
            media_urls: &text.content.media_urls,
            at_ms: job.received_ms,
        };
        self.hooks.intercept(&url, &asked).await
    }

    /// What is written of a text that is not passed on: it does not keep the session alive either. Who got it when the
    /// server was asked before, and let it pass, has got it.
    async fn blocked(&self, said: &SaidText<'_>) -> Result<InteractionRecord> {
        let others = said.others();
        if others.is_empty() {
            let one = said.interaction(None, Err(InteractionFailure::Blocked));
            return Ok(InteractionRecord { said: vec![one], touched: None });
        }
        let made = self.messages.made(said, &others).await?;
        let outcome = |id: MessageId| if made.contains_key(&id) { Ok(id) } else { Err(InteractionFailure::Blocked) };
        let all = others.into_iter().map(|to| said.interaction(Some(to), outcome(said.id.copy(to.id)))).collect();
        let touched = (!made.is_empty()).then_some(said.route.session.session.touched(said.at_ms));
        Ok(InteractionRecord { said: all, touched })
    }
}
