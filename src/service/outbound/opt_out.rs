//! The ledger of who wants nothing from which number, on which channel, and what follows from an entry.

use tokio::time::Instant;

use super::{Error, Outbound, RACES};
use crate::model::message::{Direction, State};
use crate::model::{Address, Channel, ClientId, MessageContent, MessageId, Millis, Segments};
use crate::service::audit::Act;
use crate::service::directory::Sender;
use crate::service::event::Why;
use crate::store::message::{self, Message};
use crate::store::opt_out::{self, OptOut, Pair};
use crate::store::outbox::intake::New;
use crate::store::{self, audit};

/// What a person, or a carrier for them, said to a number of ours.
pub struct Said<'a> {
    /// Whose number it is: its endpoints hear of it.
    pub client: ClientId,
    pub channel: Channel,
    pub number: &'a str,
    pub person: &'a str,
    pub is_out: bool,
    pub reason: &'static str,
    pub at_ms: Millis,
}

impl Outbound {
    /// Writes the ledger. Whether that changed what stands: who says STOP twice is told once.
    pub async fn hear(&self, said: &Said<'_>) -> Result<bool, store::Error> {
        self.hear_by(said, None).await
    }

    /// The same, written down where it changes what stands.
    pub(super) async fn hear_by(&self, said: &Said<'_>, entry: Option<audit::Entry>) -> Result<bool, store::Error> {
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
        let mut telling = self.parts.events.telling();
        telling.opt_out(client, &said);
        let told = telling.into_rows();
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
    pub async fn is_out(
        &self,
        channel: Channel,
        number: &str,
        person: &str,
        at_ms: Millis,
    ) -> Result<bool, store::Error> {
        let pair = Pair::find(&self.parts.store, &self.parts.lanes.opt_outs(channel, number, person)).await?;
        Ok(pair.is_out(at_ms))
    }

    /// Takes back what waits to go from a number to a person on a channel, whether due or scheduled; not what confirms
    /// their own keyword.
    pub async fn cancel_all(&self, channel: Channel, number: &str, person: &str) -> Result<(), store::Error> {
        let mut unsent = Vec::new();
        for form in Address::stored(person).forms() {
            unsent.extend(message::unsent(&self.parts.store, channel, number, &form).await?);
        }
        for (client, id, content) in unsent {
            if content.is_reply {
                continue;
            }
            match self.cancel(client, id, &Act::unwritten()).await {
                Ok(_) | Err(Error::TooLate | Error::NotFound) => {}
                Err(Error::Store(error)) => return Err(error),
                // no other can come of a cancel
                Err(error) => tracing::warn!(%error, message = %id, "could not take back a message"),
            }
        }
        Ok(())
    }

    /// A carrier refused a text since its recipient has opted out there.
    pub async fn opted_out_at_carrier(&self, client: ClientId, number: &str, person: &str) -> Result<(), store::Error> {
        let at_ms = self.parts.clock.now_ms();
        // a number that is not ours is its user's
        let client = self.parts.directory.current().sender(number).map_or(client, |sender| sender.number.client);
        let said = Said { client, channel: Channel::Sms, number, person, is_out: true, reason: "carrier", at_ms };
        self.hear(&said).await?;
        self.cancel_all(said.channel, number, person).await?;
        tracing::info!(%client, "a recipient has opted out at the carrier");
        Ok(())
    }

    /// Accepts the reply to a keyword, once for each id. It passes the opt-out that it may confirm.
    pub async fn reply(
        &self,
        sender: &Sender,
        id: MessageId,
        (channel, to): (Channel, &str),
        body: &str,
    ) -> Result<(), store::Error> {
        let message = self.reply_message(sender, id, (channel, to), body);
        let lane = self.parts.lanes.of_message(&message);
        for _ in 0..RACES {
            if self.find(message.client, id).await?.is_some() {
                return Ok(());
            }
            let lease_ends = Instant::now() + self.parts.settings.lease.as_duration();
            let (opt_out, lane) = (self.parts.lanes.opt_outs_of(&message, &lane), lane.clone());
            let message = message.clone();
            let now_ms = self.parts.clock.now_ms();
            let told = self.parts.events.told(&message, message.state, Why::default(), now_ms);
            let (due_ms, kept, passes_opt_out) = (None, None, true);
            let (callback, entry) = (None, None);
            let new = New { message, lane, opt_out, callback, due_ms, kept, told, passes_opt_out, lease_ends, entry };
            match self.parts.outbox.accept(new).await {
                Ok(_) => {
                    self.parts.metrics.accepted();
                    self.parts.events.wake();
                    return Ok(());
                }
                Err(error) if error.is_race() => {}
                Err(error) => return Err(error),
            }
        }
        Err(store::Error::Busy("the lane of a reply is contended".into()))
    }

    fn reply_message(&self, sender: &Sender, id: MessageId, (channel, to): (Channel, &str), body: &str) -> Message {
        let now_ms = self.parts.clock.now_ms();
        let segments = Segments::of(body);
        Message {
            id,
            client: sender.number.client,
            account: sender.number.account,
            direction: Direction::Out,
            from: sender.number.address.clone(),
            to: to.to_owned(),
            body: body.to_owned(),
            state: State::Accepted,
            encoding: segments.encoding,
            segments: if channel == Channel::Sms { i64::from(segments.count) } else { 1 },
            content: MessageContent { is_reply: true, ..MessageContent::default() }.into(),
            error_code: None,
            error_reason: None,
            created_ms: now_ms,
            changed_ms: now_ms,
            expires_ms: Some(now_ms + self.parts.settings.valid_for.as_ms()),
            redacted_ms: None,
            channel,
            cost: None,
            refunded_ms: None,
        }
    }
}
