//! The ledger of who wants no texts from which number, and what follows from an entry.

use std::sync::Arc;

use tokio::time::Instant;

use super::{Error, Extra, Outbound, RACES, Why};
use crate::model::message::{Direction, State};
use crate::model::{Channel, ClientId, MessageId, Millis, Segments};
use crate::service::audit::Act;
use crate::service::book::Sender;
use crate::store::message::Message;
use crate::store::opt_out::{self, OptOut};
use crate::store::outbox::intake::New;
use crate::store::{self, audit};

/// Twilio's code for a recipient who has opted out.
pub(super) const OPTED_OUT: i64 = 21610;

/// What a person, or a carrier for them, said to a number of ours.
pub struct Said<'a> {
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
        let said = OptOut {
            id: self.pair(said.number, said.person),
            number: said.number.to_owned(),
            person: said.person.to_owned(),
            is_out: said.is_out,
            reason: said.reason,
            at_ms: said.at_ms,
        };
        for _ in 0..RACES {
            match opt_out::write(&self.parts.store, &said, entry.clone()).await {
                Err(error) if error.is_race() => {}
                other => return other,
            }
        }
        Err(store::Error::Unavailable("the opt-out ledger is contended".into()))
    }

    /// Takes back what waits to go from a number to a person, whether due or scheduled; not what confirms
    /// their own keyword.
    pub async fn cancel_all(&self, number: &str, person: &str) -> Result<(), store::Error> {
        for (client, id, extra) in opt_out::unsent(&self.parts.store, number, person).await? {
            if Extra::parse(extra.as_deref()).is_reply {
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

    /// A carrier refused a message since its recipient has opted out there.
    pub async fn opted_out_at_carrier(&self, client: ClientId, number: &str, person: &str) -> Result<(), store::Error> {
        let at_ms = self.parts.clock.now_ms();
        let said = Said { number, person, is_out: true, reason: "carrier", at_ms };
        self.hear(&said).await?;
        self.cancel_all(number, person).await?;
        tracing::info!(%client, "a recipient has opted out at the carrier");
        Ok(())
    }

    /// Accepts the reply to a keyword, once for each id. It passes the opt-out that it may confirm.
    pub async fn reply(
        self: &Arc<Self>,
        sender: &Sender,
        id: MessageId,
        to: &str,
        body: &str,
    ) -> Result<(), store::Error> {
        let message = self.reply_message(sender, id, to, body);
        let lane = self.lane(&message);
        for _ in 0..RACES {
            if self.find(message.client, id).await?.is_some() {
                return Ok(());
            }
            let lease_ends = Instant::now() + self.parts.settings.lease.as_duration();
            let (message, lane) = (message.clone(), lane.clone());
            let told = self.told(&message, message.state, Why::default());
            let leave = self.leave(&message);
            let (due_ms, kept, passes_opt_out) = (None, None, true);
            let new = New { message, lane, due_ms, kept, told, passes_opt_out, lease_ends, leave, entry: None };
            match self.intake.write(new).await {
                Ok(_) => {
                    self.parts.metrics.accepted();
                    self.parts.events.wake();
                    return Ok(());
                }
                Err(error) if error.is_race() => {}
                Err(error) => return Err(error),
            }
        }
        Err(store::Error::Unavailable("the lane of a reply is contended".into()))
    }

    fn reply_message(&self, sender: &Sender, id: MessageId, to: &str, body: &str) -> Message {
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
            encoding: segments.encoding.name().to_owned(),
            segments: i64::from(segments.count),
            extra: Extra { is_reply: true, ..Extra::default() }.text(),
            error_code: None,
            error_reason: None,
            created_ms: now_ms,
            changed_ms: now_ms,
            expires_ms: Some(now_ms + self.parts.settings.valid_for.as_ms()),
            redacted_ms: None,
            channel: Channel::Sms,
            cost: None,
            refunded_ms: None,
        }
    }
}
