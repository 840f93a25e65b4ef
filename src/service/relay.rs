//! What clients send: allowed by their key, routed to an account, priced, then accepted with its charge.

mod canonical;
mod explain;
mod say;
mod sender;

pub use crate::service::message::{Order, SenderChoice};
pub use explain::{ConsideredAccount, RouteExplanation};
pub(in crate::service) use say::only_says;
pub use sender::{RouteCandidate, RouteVerdict};

use std::sync::Arc;

use serde::Deserialize;
use tokio_util::task::TaskTracker;

use crate::model::{AllowedTwiml, Channel, ClientId, Clock};
use crate::service::audit::AuditContext;
use crate::service::client::{ApiConsumer, KeyScope};
use crate::service::directory::Directory;
use crate::service::idempotency::IdempotencyKey;
use crate::service::ledger::Ledger;
use crate::service::message::{self, ChosenRoute, DraftResult, MessageDraft, Messages, OrderResult, RepeatReply};
use crate::service::permission::Permissions;
use crate::service::tariff::{Price, Route, Tariff};
use crate::service::{Error, ErrorKind, Result};
use crate::store::message::Message;

/// `[call]`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallSettings {
    /// What clients' calls may say where their key has no bounds of its own.
    pub twiml: AllowedTwiml,
}

pub struct Relay {
    pub directory: Arc<Directory>,
    pub tariff: Arc<Tariff>,
    pub messages: Arc<Messages>,
    pub ledger: Arc<Ledger>,
    /// Whom plain messages may go to, where a client wants that looked at.
    pub permissions: Arc<Permissions>,
    pub calls: CallSettings,
    pub tasks: TaskTracker,
    pub clock: Clock,
}

impl Relay {
    /// What a client's order comes to: allowed, routed and priced, or told as when it came first. Nothing is written.
    pub async fn draft(
        &self,
        consumer: &ApiConsumer,
        mut order: Order,
        key: Option<IdempotencyKey>,
    ) -> Result<DraftResult> {
        message::limits(&order)?;
        if order.channel == Channel::Voice {
            // a call has no pictures: they are counted, and left out
            order.media_urls.clear();
        }
        allow_channel(consumer, order.channel)?;
        let named = key.map(|key| self.messages.named(consumer.client, key, &order.canonical()));
        // a field that is wrong is told as that, though there may be no way for it either
        let checked = message::anyway(order.channel, &order.media_urls, order.call.as_ref());
        let checked = checked.and_then(|()| self.allow_said(consumer, &order));
        let checked = checked.and_then(|()| self.permissions.check_message(consumer.client, &order.to));
        let via = match checked.and_then(|()| self.allowed_via(consumer, &order)) {
            Ok(found) => found,
            // what a key may not do, it is not told of either: another key of its client may have done it
            Err(error) if error.kind == ErrorKind::Forbidden => return Err(error),
            // what was good when it came first is answered as it was then
            Err(error) => return self.messages.replayed(named.as_ref()).await?.map(DraftResult::Again).ok_or(error),
        };
        self.messages.draft(consumer.client, order, via, named).await
    }

    /// Accepts what a client sends: when this returns, it is stored and paid for.
    /// `answered`: what is kept for a request that comes again, where [`MessageDraft::named`] has a message.
    pub async fn accept(
        &self,
        consumer: &ApiConsumer,
        draft: MessageDraft,
        answered: Option<RepeatReply>,
        audit: &AuditContext<'_, Message>,
    ) -> Result<OrderResult> {
        let told = self.messages.accept(draft, answered, audit).await?;
        if let OrderResult::Accepted(_, Some(paid)) = &told
            && paid.is_low
        {
            self.tell_low(consumer.client);
        }
        Ok(told)
    }

    /// What a call says is no way around the bounds of its key.
    fn allow_said(&self, consumer: &ApiConsumer, order: &Order) -> Result<()> {
        let only_says = consumer.twiml(self.calls.twiml) == AllowedTwiml::Say;
        let Some(plan) = order.call.as_ref().filter(|_| only_says) else { return Ok(()) };
        say::check(plan).map_err(|(field, reason)| Error::invalid(field, reason))
    }

    /// How it goes; the operator's own texts leave from a number of the operator, whichever that is.
    fn allowed_via(&self, consumer: &ApiConsumer, order: &Order) -> Result<Option<ChosenRoute>> {
        allow(consumer, order)?;
        if consumer.is_operator() && order.channel == Channel::Sms && order.pool().is_none() {
            return Ok(None);
        }
        self.via(consumer, order).map(Some)
    }

    /// Nobody waits for it: what fails here is made up for within a minute.
    fn tell_low(&self, client: ClientId) {
        let ledger = self.ledger.clone();
        self.tasks.spawn(async move {
            if let Err(error) = ledger.tell_low(client).await {
                tracing::warn!(%error, %client, "a low balance was not told of; trying again in a minute");
            }
        });
    }

    /// Whether a route's account is there: a route to one that was deleted is passed over.
    pub fn has_account(&self, route: &Route) -> bool {
        self.directory.current().handle(route.account).is_some()
    }

    /// What a segment of it, or all of it where it is priced as one, costs now.
    fn price(&self, order: &Order) -> Price {
        self.tariff.price(order.priced(), order.to.as_str(), self.clock.now_ms())
    }
}

/// The key may not do that.
fn forbidden(what: &'static str) -> Error {
    Error::new(ErrorKind::Forbidden, what)
}

fn allow_channel(consumer: &ApiConsumer, channel: Channel) -> Result<()> {
    if consumer.may(KeyScope::of(channel)) {
        return Ok(());
    }
    Err(forbidden(match channel {
        Channel::Sms => "this key may not send texts",
        Channel::Whatsapp => "this key may not send WhatsApp messages",
        Channel::Voice => "this key may not place calls",
    }))
}

fn allow(consumer: &ApiConsumer, order: &Order) -> Result<()> {
    allow_channel(consumer, order.channel)?;
    if !consumer.may_send_to(order.to.as_str()) {
        return Err(forbidden("this key may not send to this destination"));
    }
    Ok(())
}
