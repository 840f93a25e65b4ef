//! People who call: clients' own servers may block that, and say what becomes of strangers.

use std::sync::Arc;

use super::asked::AskedTexts;
use super::call::CallAnswer;
use super::hook::{InterceptRequest, InterceptVerdict, OutOfSessionReply, OutOfSessionRequest};
use super::{SessionMessages, SessionRoute};
use crate::model::{AccountId, Address, Channel, HookFormat, Id as _, MessageId};
use crate::provider::InboundCall;
use crate::service::Result;
use crate::service::directory::SenderNumber;
use crate::service::relay::only_says;
use crate::store::session::interaction::InteractionKind;
use crate::store::session::{self as sessions, route};

/// Answers calls. Whoever calls waits meanwhile, and nobody else.
pub struct SessionCalls {
    pub asked: Arc<AskedTexts>,
}

impl SessionCalls {
    /// Answers a call to a number of ours. `account`: whose carrier asks, where that is known.
    pub async fn answer(&self, call: &InboundCall, account: Option<AccountId>) -> Result<CallAnswer> {
        let messages = &self.asked.messages;
        let is_there = |sender: &SenderNumber| account.is_none_or(|account| account == sender.number.account);
        let Some(sender) = messages.known_sender(&call.to, is_there).await? else {
            return Ok(messages.unknown_caller());
        };
        let Some(route) = messages.call_route(call, &sender).await? else {
            return self.unknown(call, &sender).await;
        };
        let is_blocked = self.is_blocked(call, &sender, &route).await;
        messages.put_through(call, &sender, is_blocked).await
    }

    /// Whether a client's server lets nobody call there.
    async fn is_blocked(&self, call: &InboundCall, sender: &SenderNumber, route: &SessionRoute) -> bool {
        let (messages, session) = (&self.asked.messages, &route.session.session);
        let hook = messages.intercept_hook(session).filter(|_| session.mode.has_calls());
        let from = route.session.participants.iter().find(|one| one.id == route.from);
        let (Some((url, format)), Some(from)) = (hook, from) else { return false };
        let inbound = call_id(messages, call, sender);
        let asked = InterceptRequest {
            format,
            kind: InteractionKind::Voice,
            session: &route.session,
            from,
            interaction: inbound.into(),
            inbound,
            body: "",
            media_urls: &[],
            at_ms: messages.clock.now_ms(),
        };
        self.asked.hooks.intercept(&url, &asked).await == InterceptVerdict::Blocked
    }

    /// Somebody calls who is in no session: they hear what their client's server has said to them, or are put through in
    /// the session that it wants.
    async fn unknown(&self, call: &InboundCall, sender: &SenderNumber) -> Result<CallAnswer> {
        let messages = &self.asked.messages;
        match self.reply(call, sender).await? {
            Some((OutOfSessionReply::Session(wanted), format)) => {
                if self.asked.open(&call.from, sender, (wanted, format)).await?.is_some() {
                    return messages.put_through(call, sender, false).await;
                }
            }
            Some((OutOfSessionReply::Twiml(twiml), _)) => match only_says(&twiml) {
                Ok(()) => return Ok(CallAnswer { twiml, dialled: None }),
                Err(reason) => {
                    tracing::info!(%reason, "TwiML for a stranger who calls is not let through")
                }
            },
            Some((OutOfSessionReply::Failed | OutOfSessionReply::Nothing, _)) | None => {}
        }
        Ok(messages.unknown_caller())
    }

    /// What the server says, and how it was asked. `None`: none is.
    async fn reply(
        &self,
        call: &InboundCall,
        sender: &SenderNumber,
    ) -> Result<Option<(OutOfSessionReply, HookFormat)>> {
        let (messages, number) = (&self.asked.messages, &sender.number);
        let (Some((url, format)), Some(pool)) = (messages.stranger_hook(sender), number.pool) else { return Ok(None) };
        let person = Address::stored(call.from.as_str());
        let last = match route::last(&messages.store, &person.folded(), number.id).await? {
            Some(last) => sessions::find(&messages.store, number.client, last).await?,
            None => None,
        };
        let asked = OutOfSessionRequest {
            format,
            kind: InteractionKind::Voice,
            client: number.client,
            pool,
            from: &call.from,
            to: &number.address,
            inbound: call_id(messages, call, sender),
            body: "",
            media_urls: &[],
            at_ms: messages.clock.now_ms(),
            last: last.as_ref(),
        };
        Ok(Some((self.asked.hooks.out_of_session(&url, &asked).await, format)))
    }
}

/// As what a server knows a call: the same within the hour, however often it is asked.
fn call_id(messages: &SessionMessages, call: &InboundCall, sender: &SenderNumber) -> MessageId {
    let name = messages.lanes.of(Channel::Voice, &call.provider_id, &sender.number.account.hex());
    MessageId::hourly(name.bytes(), messages.clock.now_ms())
}
