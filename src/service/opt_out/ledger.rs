//! The ledger of who wants nothing from which number, on which channel, and what follows from an entry.

use super::{OptOuts, RACES};
use crate::model::{Address, Channel, ClientId, Millis};
use crate::service::audit::AuditContext;
use crate::service::{Error, ErrorKind};
use crate::store::opt_out::{self, OptOut, Pair};
use crate::store::{self, audit, message};

/// What a person, or a carrier for them, said to a number of ours.
pub struct Consent<'a> {
    /// Whose number it is: its endpoints hear of it.
    pub client: ClientId,
    pub channel: Channel,
    pub number: &'a str,
    pub person: &'a str,
    pub is_out: bool,
    pub reason: &'static str,
    pub at_ms: Millis,
}

impl OptOuts {
    /// Writes the ledger. Whether that changed what stands: who says STOP twice is told once.
    pub async fn hear(&self, said: &Consent<'_>) -> store::Result<bool> {
        self.hear_by(said, None).await
    }

    /// The same, written down where it changes what stands.
    pub(super) async fn hear_by(&self, said: &Consent<'_>, entry: Option<audit::Entry>) -> store::Result<bool> {
        let client = said.client;
        let said = OptOut {
            client,
            ids: self.parts.lanes.opt_outs(said.channel, said.number, said.person),
            channel: said.channel,
            number: said.number.to_owned(),
            person: said.person.to_owned(),
            is_out: said.is_out,
            reason: said.reason,
            at_ms: said.at_ms,
        };
        // only a change is told, in the commit that makes it
        let mut batch = self.parts.events.batch();
        batch.opt_out(client, &said);
        let told = batch.into_rows();
        for _ in 0..RACES {
            let told = (&told, self.parts.clock.now_ms());
            match opt_out::write(&self.parts.store, &said, told, entry.clone()).await {
                Err(error) if error.is_race() => {}
                Ok(true) => {
                    self.parts.events.wake();
                    return Ok(true);
                }
                other => return other,
            }
        }
        Err(store::Error::Busy("the opt-out ledger is contended".into()))
    }

    /// Whether a person wants nothing from a number on a channel, or did until what was said at this time.
    pub async fn is_out(&self, channel: Channel, number: &str, person: &str, at_ms: Millis) -> store::Result<bool> {
        let pair = Pair::find(&self.parts.store, &self.parts.lanes.opt_outs(channel, number, person)).await?;
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
        let said = Consent { client, channel: Channel::Sms, number, person, is_out: true, reason: "carrier", at_ms };
        self.hear(&said).await?;
        self.cancel_all(said.channel, number, person).await?;
        tracing::info!(%client, "a recipient has opted out at the carrier");
        Ok(())
    }
}
