//! A text that came in for a session, and who is to hear it.

use super::SessionRoute;
use super::loop_guard::CountedText;
use crate::model::{InboundId, MessageId, Millis};
use crate::service::directory::SenderNumber;
use crate::store::session::Participant;
use crate::store::session::interaction::{InteractionFailure, InteractionKind, NewInteraction};

/// A text that came in for a session.
pub(in crate::service) struct SaidText<'a> {
    pub(in crate::service) route: &'a SessionRoute,
    pub(in crate::service) id: InboundId,
    /// The number that it came to.
    pub(in crate::service) sender: &'a SenderNumber,
    pub(in crate::service) body: &'a str,
    pub(in crate::service) media_urls: Vec<String>,
    pub(in crate::service) at_ms: Millis,
    /// It may have been passed on in part before.
    pub(in crate::service) is_again: bool,
}

/// Whether somebody was in a session at that time.
pub(super) fn was_there(one: &Participant, at_ms: Millis) -> bool {
    one.joined_ms <= at_ms && one.left_ms.is_none_or(|left_ms| left_ms > at_ms)
}

impl<'a> SaidText<'a> {
    /// Who else was there as it came in.
    pub(super) fn others(&self) -> Vec<&'a Participant> {
        let (all, from) = (&self.route.session.participants, self.route.from);
        // another node's clock may have been ahead when they came in
        let joined_ms = all.iter().find(|one| one.id == from).map(|from| from.joined_ms);
        let at_ms = joined_ms.map_or(self.at_ms, |joined_ms| joined_ms.max(self.at_ms));
        all.iter().filter(|one| one.id != from && was_there(one, at_ms)).collect()
    }

    pub(super) fn counted(&self) -> CountedText {
        CountedText { id: self.id, at_ms: self.at_ms }
    }

    /// What came of it for one of the others. `None`: there was nobody.
    pub(super) fn interaction(
        &self,
        to: Option<&Participant>,
        copy: Result<MessageId, InteractionFailure>,
    ) -> NewInteraction {
        let (session, message) = (&self.route.session.session, self.id.message());
        NewInteraction {
            id: to.map_or(message, |to| self.id.copy(to.id)).into(),
            session: session.id,
            client: session.client,
            kind: InteractionKind::Message,
            from: Some(self.route.from),
            to: to.map(|to| to.id),
            inbound: Some(message),
            copy,
            begins_loop: false,
            at_ms: self.at_ms,
        }
    }
}
