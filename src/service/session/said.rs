//! Pages of what was said in sessions, and single things of it, which may be taken away again.

use super::SessionMessages;
use super::bodies::is_emptied;
use crate::model::{ClientId, InteractionId, SessionId};
use crate::service::audit::AuditContext;
use crate::service::race::WriteResultExt as _;
use crate::service::{Error, Result};
use crate::store::session::interaction::{self, Interaction, InteractionFilter};

impl SessionMessages {
    /// A page of what was said in a client's session, newest first; whether there is more in its direction.
    pub async fn page(
        &self,
        client: ClientId,
        session: SessionId,
        filter: &InteractionFilter,
        size: usize,
    ) -> Result<(Vec<Interaction>, bool)> {
        self.find(client, session).await?;
        Ok(interaction::page(&self.store, session, filter, size).await?)
    }

    pub async fn interaction(&self, client: ClientId, session: SessionId, id: InteractionId) -> Result<Interaction> {
        self.find(client, session).await?;
        let found = interaction::find(&self.store, session, id).await?;
        found.ok_or_else(|| Error::not_found("interaction"))
    }

    /// Takes away what was said once, and its words with it: those that nobody else was told too. What is still to be
    /// sent stays, and so does a call that is under way: it keeps its session going.
    pub async fn forget(
        &self,
        client: ClientId,
        session: SessionId,
        id: InteractionId,
        audit: &AuditContext<'_, Interaction>,
    ) -> Result<()> {
        let said = self.interaction(client, session, id).await?;
        let now_ms = self.clock.now_ms();
        if said.is_call_under_way(now_ms) {
            return Err(Error::not_over());
        }
        let is_shared = match said.inbound {
            Some(inbound) => interaction::is_shared(&self.store, session, id, inbound).await?,
            None => false,
        };
        for message in said.outbound.into_iter().chain(said.inbound.filter(|_| !is_shared)) {
            if !is_emptied(&self.store, &self.clock, client, message).await? {
                return Err(Error::not_over());
            }
        }
        let entry = audit.entry(now_ms, id, Some(&said), None);
        let removed = interaction::remove(&self.store, session, id, entry).await;
        removed.on_race(|| Error::not_found("interaction"))?;
        // the others may have been taken away meanwhile: then this was the last that led to it
        if let Some(inbound) = said.inbound.filter(|_| is_shared)
            && !interaction::is_shared(&self.store, session, id, inbound).await?
        {
            is_emptied(&self.store, &self.clock, client, inbound).await?;
        }
        Ok(())
    }
}
