//! Orders that tell codes: a key that may verify numbers sends them on any channel, and what failed by one account goes
//! by another where there is one.

use super::sender::{RouteDecision, RouteVerdict};
use super::{Order, Relay, forbidden};
use crate::model::{AccountId, Channel};
use crate::service::client::ApiConsumer;
use crate::service::message::{self, ChosenRoute, DraftResult, MessageDraft};
use crate::service::{Error, Result};

impl Relay {
    /// What such an order comes to. `failed`: accounts by which this code did not arrive before.
    pub(in crate::service) async fn draft_code(
        &self,
        consumer: &ApiConsumer,
        order: Order,
        failed: &[AccountId],
    ) -> Result<MessageDraft> {
        message::limits(&order)?;
        message::anyway(order.channel, &order.media_urls, order.call.as_ref())?;
        if !consumer.may_send_to(order.to.as_str()) {
            return Err(forbidden("this key may not send to this destination"));
        }
        // the operator's own texts leave from a number of the operator, whichever that is
        let is_own = consumer.is_operator() && order.channel == Channel::Sms && order.pool().is_none();
        let via = if is_own { None } else { Some(self.code_via(consumer, &order, failed)?) };
        match self.messages.draft(consumer.client, order, via, None).await? {
            DraftResult::New(draft) => Ok(draft),
            // no request has named it
            DraftResult::Again(_) => Err(Error::busy("this code was sent before")),
        }
    }

    fn code_via(&self, consumer: &ApiConsumer, order: &Order, failed: &[AccountId]) -> Result<ChosenRoute> {
        let RouteDecision { mut candidates, chosen } = self.decide(consumer, order);
        let mut chosen = chosen?;
        if failed.contains(&candidates[chosen].account) {
            let other = candidates.iter().position(|one| {
                let may = one.from.as_ref().is_some_and(|from| consumer.may_send_from(from));
                one.verdict == RouteVerdict::Spare && may && !failed.contains(&one.account)
            });
            chosen = other.unwrap_or(chosen);
        }
        let chosen = candidates.swap_remove(chosen);
        let price = consumer.client.pays().then(|| self.price(order));
        Ok(ChosenRoute { account: chosen.account, from: chosen.from.unwrap_or_default(), price })
    }
}
