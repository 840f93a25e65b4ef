//! Who is called back of what is said in a session: its messages carry that, and it is told at each state of theirs.

use super::SessionMessages;
use crate::model::{InteractionCallback, MessageContent, MessageId, Millis, ParticipantId};
use crate::store::session::Session;
use crate::store::session::interaction::NewInteraction;
use crate::store::session::route::SessionRoute;

/// Where what is said is told, and what that is, whoever hears it.
pub(in crate::service) struct SessionCallback {
    url: String,
    said: InteractionCallback,
}

impl SessionCallback {
    /// What a message holds by which it is told. `to`: who gets it, if anybody does.
    pub(in crate::service) fn hold(&self, content: &MessageContent, to: Option<ParticipantId>) -> MessageContent {
        MessageContent {
            callback_url: Some(self.url.clone()),
            is_twilio: true,
            interaction: Some(InteractionCallback { to: to.map(ParticipantId::hex), ..self.said.clone() }),
            ..content.clone()
        }
    }
}

impl SessionMessages {
    /// Who is called back of what is said in a session, by one of its people or by its client. `inbound`: what came in;
    /// `at_ms`: when.
    pub(super) fn called_back(
        &self,
        session: &Session,
        from: Option<ParticipantId>,
        inbound: Option<MessageId>,
        at_ms: Millis,
    ) -> Option<SessionCallback> {
        let pool = session.pool?;
        let url = self.directory.current().pool(pool)?.settings.callback_url.clone()?;
        let said = InteractionCallback {
            pool: pool.hex(),
            session: session.id.hex(),
            from: from.map(ParticipantId::hex),
            to: None,
            inbound: inbound.map(MessageId::hex),
            at_ms,
        };
        Some(SessionCallback { url, said })
    }

    /// What a text itself carries that somebody may not get: there is no copy to carry it.
    pub(in crate::service) fn unheard(&self, route: &SessionRoute, at_ms: Millis) -> Option<SessionCallback> {
        self.called_back(&route.session.session, Some(route.from), None, at_ms)
    }

    /// The message that carries who is called back of what somebody did not get.
    pub(super) fn carrier(&self, session: &Session, said: &NewInteraction) -> Option<MessageId> {
        let is_called_back = || self.called_back(session, said.from, None, said.at_ms).is_some();
        said.inbound.filter(|_| said.copy.is_err() && is_called_back())
    }
}
