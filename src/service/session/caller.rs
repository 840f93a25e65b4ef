//! People who call: clients' own servers may block that, and say what becomes of strangers.

use std::sync::Arc;

use super::asked::AskedTexts;
use super::call::CallAnswer;
use super::dialing::DialingTwiml;
use super::hook::{InterceptRequest, InterceptVerdict, OutOfSessionReply, OutOfSessionRequest};
use super::stranger::{may_pass, phone};
use super::{SessionMessages, SessionRoute};
use crate::model::{AccountId, Address, CallPlan, Channel, HookFormat, Id as _, MessageId, VoiceDial, VoiceResponse};
use crate::provider::{InboundCall, PostKind};
use crate::service::Result;
use crate::service::client::Clients;
use crate::service::directory::SenderNumber;
use crate::service::message::{CopyResult, DraftResult, Order, SenderChoice};
use crate::store::outbox::intake::NewMessage;
use crate::store::session::interaction::InteractionKind;
use crate::store::session::{self as sessions, route};

/// Answers calls. Whoever calls waits meanwhile, and nobody else.
pub struct SessionCalls {
    pub asked: Arc<AskedTexts>,
    /// Know whom clients may call.
    pub clients: Arc<Clients>,
}

impl SessionCalls {
    /// Answers a call to a number of ours. `accounts`: those by which it can have come in. To nobody else it is said whom
    /// a caller reaches there.
    pub async fn answer(&self, call: &InboundCall, accounts: &[AccountId]) -> Result<CallAnswer> {
        let messages = &self.asked.messages;
        let is_there = |sender: &SenderNumber| accounts.contains(&sender.number.account);
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
        self.asked.hooks.intercept(&url, &asked).await.is_ok_and(|verdict| verdict == InterceptVerdict::Blocked)
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
            Some((OutOfSessionReply::Twiml(twiml), _)) => return self.instructed(call, sender, &twiml).await,
            Some((OutOfSessionReply::Failed | OutOfSessionReply::Nothing, _)) | None => {}
        }
        Ok(messages.unknown_caller())
    }

    /// Somebody hears what a client's server has said to them, and is put through to whom it dials.
    async fn instructed(&self, call: &InboundCall, sender: &SenderNumber, twiml: &str) -> Result<CallAnswer> {
        let messages = &self.asked.messages;
        let dialing = match DialingTwiml::read(twiml) {
            Ok(Some(dialing)) => dialing,
            Ok(None) => return Ok(CallAnswer { twiml: twiml.to_owned(), dialled: None }),
            Err(reason) => {
                tracing::info!(%reason, "TwiML for a stranger who calls is not let through");
                return Ok(messages.unknown_caller());
            }
        };
        let id = call_id(messages, call, sender);
        let Some(leg) = self.leg(sender, &dialing, id).await? else {
            tracing::info!("a stranger who calls is not put through: no key of their client may call there so");
            return Ok(messages.unknown_caller());
        };
        let (from, to) = (leg.message.from.clone(), leg.message.to.clone());
        match messages.messages.pass_on(leg, true).await? {
            CopyResult::Stored => {}
            CopyResult::OptedOut | CopyResult::Unpayable => return Ok(messages.unconnected_caller()),
        }
        let heard = messages.callback(sender.number.account, PostKind::Receipt, id);
        let dial = VoiceDial::number(&to, heard.as_deref()).caller_id(&from);
        Ok(CallAnswer { twiml: dialing.written(dial), dialled: Some((id, to)) })
    }

    /// The call that puts somebody through, as the client would place it by one of its keys: where that may call, what its
    /// TwiML may do and what it costs is as for any. `None`: by none of them.
    async fn leg(
        &self,
        sender: &SenderNumber,
        dialing: &DialingTwiml<'_>,
        id: MessageId,
    ) -> Result<Option<NewMessage>> {
        let messages = &self.asked.messages;
        // the stranger's own number is nobody's to show
        let own = || Some(Address::stored(sender.number.address.as_str()));
        let from = dialing.caller_id.as_deref().map_or_else(own, phone);
        // a number of ours would be answered by us in turn
        let is_ours = |to: &Address| messages.directory.current().sender(to.as_str()).is_some();
        let to = phone(&dialing.to).filter(|to| !is_ours(to));
        let (Some(from), Some(to)) = (from, to) else { return Ok(None) };
        let dial = VoiceDial::number(to.as_str(), None).caller_id(from.as_str());
        let plan = CallPlan { twiml: Some(VoiceResponse::default().dial(dial).to_string()), ..CallPlan::default() };
        let from = Some(SenderChoice::Address(from));
        let order = Order { from, call: Some(plan), ..Order::new(Channel::Voice, to) };
        for consumer in self.clients.by_keys_of(sender.number.client) {
            let draft = match self.asked.sessions.relay().draft(&consumer, order.clone(), None).await {
                Ok(DraftResult::New(draft)) => draft,
                Err(error) if may_pass(&error) => return Err(error),
                // what has no name does not come again
                Ok(DraftResult::Again(_)) | Err(_) => continue,
            };
            let leg = messages.messages.part_of(draft.under(id).placed());
            // a carrier lends nobody a number of somebody else's
            if leg.message.account == sender.number.account {
                return Ok(Some(leg));
            }
        }
        Ok(None)
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
            media_types: &[],
            at_ms: messages.clock.now_ms(),
            last: last.as_ref(),
        };
        Ok(Some((self.asked.hooks.out_of_session(&url, &asked).await?, format)))
    }
}

/// As what a server knows a call: the same within the hour, however often it is asked.
fn call_id(messages: &SessionMessages, call: &InboundCall, sender: &SenderNumber) -> MessageId {
    let name = messages.lanes.of(Channel::Voice, &call.provider_id, &sender.number.account.hex());
    MessageId::hourly(name.bytes(), messages.clock.now_ms())
}
