//! The ledger of who wants nothing from which number, on which channel, and what follows from an entry.

use super::OptOuts;
use crate::model::{Address, Channel, ClientId, Millis};
use crate::service::audit::AuditContext;
use crate::service::race::settled_in_store;
use crate::service::{Error, ErrorKind};
use crate::store::opt_out::{self, NumberPersonOptOuts, OptOutStatement};
use crate::store::{self, AuditTrail, message};

impl OptOuts {
    /// What a person, or a carrier for them, said to a number of ours, whose client's endpoints hear of it.
    pub(super) fn said(
        &self,
        client: ClientId,
        (channel, number, person): (Channel, &str, &str),
        is_out: bool,
        reason: &'static str,
        at_ms: Millis,
    ) -> OptOutStatement {
        let ids = self.parts.lanes.opt_outs(channel, number, person);
        let (number, person) = (number.to_owned(), person.to_owned());
        OptOutStatement { client, ids, channel, number, person, is_out, reason, at_ms }
    }

    /// Writes the ledger. Whether that changed what stands: who says STOP twice is told once.
    pub async fn hear(&self, said: &OptOutStatement) -> store::Result<bool> {
        self.hear_by(said, None).await
    }

    /// The same, written down where it changes what stands.
    pub(super) async fn hear_by(&self, said: &OptOutStatement, entry: AuditTrail) -> store::Result<bool> {
        // only a change is told, in the commit that makes it
        let mut batch = self.parts.events.batch();
        batch.opt_out(said.client, said);
        let told = batch.into_rows();
        let is_changed = settled_in_store("the opt-out ledger", || {
            opt_out::write(&self.parts.store, said, (&told, self.parts.clock.now_ms()), entry.clone())
        })
        .await?;
        if is_changed {
            self.parts.events.wake();
        }
        Ok(is_changed)
    }

    /// Whether a person wants nothing from a number on a channel, or did until what was said at this time.
    pub async fn is_out(&self, channel: Channel, number: &str, person: &str, at_ms: Millis) -> store::Result<bool> {
        let pair =
            NumberPersonOptOuts::find(&self.parts.store, &self.parts.lanes.opt_outs(channel, number, person)).await?;
        Ok(pair.is_out(at_ms))
    }

    /// Takes back what waits to go from a number to a person on a channel, whether due or scheduled; not what confirms
    /// their own keyword.
    pub async fn cancel_all(&self, channel: Channel, number: &str, person: &str) -> store::Result<()> {
        let mut unsent = Vec::new();
        for form in Address::stored(person).forms() {
            unsent.extend(message::unsent(&self.parts.store, channel, number, &form).await?);
        }
        for (client, id, content) in unsent {
            if content.is_reply {
                continue;
            }
            match self.parts.messages.cancel(client, id, &AuditContext::unwritten()).await {
                Ok(_) | Err(Error { kind: ErrorKind::TooLate | ErrorKind::NotFound, .. }) => {}
                Err(Error { source: Some(error), .. }) => return Err(error),
                // no other can come of a cancel
                Err(error) => tracing::warn!(%error, message = %id, "could not take back a message"),
            }
        }
        Ok(())
    }

    /// A carrier refused a text since its recipient has opted out there.
    pub async fn opted_out_at_carrier(&self, client: ClientId, number: &str, person: &str) -> store::Result<()> {
        let at_ms = self.parts.clock.now_ms();
        // a number that is not ours is its user's
        let client = self.parts.directory.current().sender(number).map_or(client, |sender| sender.number.client);
        let said = self.said(client, (Channel::Sms, number, person), true, "carrier", at_ms);
        self.hear(&said).await?;
        self.cancel_all(said.channel, number, person).await?;
        tracing::info!(%client, "a recipient has opted out at the carrier");
        Ok(())
    }
}
