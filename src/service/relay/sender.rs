//! Through which account a message goes, and from which of its numbers.

use std::sync::Arc;

use super::{Order, Relay, SenderChoice, forbidden};
use crate::crypto::hash;
use crate::model::{AccountId, Channel, ClientId, PoolId, RouteId};
use crate::service::account::AccountHandle;
use crate::service::client::ApiConsumer;
use crate::service::directory::{DirectoryEntries, SenderNumber};
use crate::service::message::ChosenRoute;
use crate::service::number::NumberCapability;
use crate::service::{Error, ErrorKind, Result};

/// What a number needs for a message.
fn wanted(order: &Order) -> NumberCapability {
    match order.channel {
        Channel::Sms if order.media_urls.is_empty() => NumberCapability::Sms,
        Channel::Sms => NumberCapability::Mms,
        Channel::Whatsapp => NumberCapability::Whatsapp,
        Channel::Voice => NumberCapability::Voice,
    }
}

/// What an account on the way came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteVerdict {
    /// The message goes there.
    Wins,
    /// It goes there and waits: none that could send it is up.
    Waits,
    /// It could send this; one before it wins.
    Spare,
    /// It could send this, and rests: its calls fail one after the other, or its carrier refuses it.
    Down,
    NoSender,
    /// There is no such account, or it cannot be used.
    Deleted,
    /// Another rule has led to it before.
    Again,
}

/// An account that was looked at, in the order in which they are asked.
#[derive(Clone, Debug)]
pub struct RouteCandidate {
    /// The rule that leads there; `None`: the key's only account, or that of the number itself.
    pub route: Option<RouteId>,
    pub account: AccountId,
    /// The sender there, if there is one.
    pub from: Option<String>,
    pub verdict: RouteVerdict,
}

/// All that was looked at, and which of it wins.
#[derive(Debug)]
pub(super) struct RouteDecision {
    pub(super) candidates: Vec<RouteCandidate>,
    pub(super) chosen: Result<usize>,
}

impl Relay {
    /// The first account in the order of the routes that is up and has a sender for this; where none is up, the
    /// first that has one, whose messages wait for it.
    pub(super) fn via(&self, consumer: &ApiConsumer, order: &Order) -> Result<ChosenRoute> {
        let RouteDecision { mut candidates, chosen } = self.decide(consumer, order);
        let chosen = candidates.swap_remove(chosen?);
        let price = consumer.client.pays().then(|| self.price(order));
        Ok(ChosenRoute { account: chosen.account, from: chosen.from.unwrap_or_default(), price })
    }

    /// Looks at every account that may carry it, and says what each comes to.
    pub(super) fn decide(&self, consumer: &ApiConsumer, order: &Order) -> RouteDecision {
        let entries = self.directory.current();
        let mut candidates = self.candidates(consumer, order);
        let wanted = wanted(order);
        let mut is_routed = false;
        for candidate in candidates.iter_mut().filter(|candidate| candidate.verdict != RouteVerdict::Again) {
            let Some(handle) = entries.handle(candidate.account) else {
                candidate.verdict = RouteVerdict::Deleted;
                continue;
            };
            is_routed = true;
            candidate.from = choose(&entries, consumer, order, handle, wanted);
            candidate.verdict = match &candidate.from {
                Some(_) if handle.breaker.is_open() => RouteVerdict::Down,
                Some(_) => RouteVerdict::Spare,
                None => RouteVerdict::NoSender,
            };
        }
        if candidates.is_empty()
            && let Some(own) = unrouted(&entries, consumer, order, wanted)
        {
            candidates.push(own);
            let chosen = allowed(consumer, &candidates, candidates.len() - 1);
            return RouteDecision { candidates, chosen };
        }
        if !is_routed {
            // the operator lacks a number, not a route
            let is_bare = consumer.is_operator() && candidates.is_empty();
            let no_route = || Error::new(ErrorKind::NoRoute, "no route leads to this destination");
            let error = if is_bare { no_sender(order) } else { no_route() };
            return RouteDecision { candidates, chosen: Err(error) };
        }
        let first = |verdict| candidates.iter().position(|candidate| candidate.verdict == verdict);
        let found = match (first(RouteVerdict::Spare), first(RouteVerdict::Down)) {
            (Some(up), _) => Some((up, RouteVerdict::Wins)),
            (None, Some(down)) => Some((down, RouteVerdict::Waits)),
            (None, None) => own(&entries, consumer, order, wanted).map(|own| {
                candidates.push(own);
                (candidates.len() - 1, RouteVerdict::Wins)
            }),
        };
        let Some((index, verdict)) = found else { return RouteDecision { candidates, chosen: Err(no_sender(order)) } };
        candidates[index].verdict = verdict;
        let chosen = allowed(consumer, &candidates, index);
        RouteDecision { candidates, chosen }
    }

    /// The accounts that may carry it, the preferred one first.
    fn candidates(&self, consumer: &ApiConsumer, order: &Order) -> Vec<RouteCandidate> {
        let new = |route, account| RouteCandidate { route, account, from: None, verdict: RouteVerdict::NoSender };
        if let Some(forced) = consumer.account() {
            return vec![new(None, forced)];
        }
        let tariff = self.tariff.current();
        let mut candidates: Vec<RouteCandidate> = Vec::new();
        for route in tariff.routes(order.channel, order.to.as_str()) {
            let mut candidate = new(Some(route.id), route.account);
            if candidates.iter().any(|known| known.account == route.account) {
                candidate.verdict = RouteVerdict::Again;
            }
            candidates.push(candidate);
        }
        if candidates.is_empty() && consumer.is_operator() {
            // the operator needs no routes: its numbers lead to their own accounts; so do those that are reserved, as
            // the order may name one
            let entries = self.directory.current();
            let able = entries.senders_of(consumer.client).iter().filter(|sender| sender.can(wanted(order)));
            candidates.extend(able.map(|sender| new(None, sender.number.account)));
        }
        candidates
    }
}

fn allowed(consumer: &ApiConsumer, candidates: &[RouteCandidate], index: usize) -> Result<usize> {
    let may = candidates[index].from.as_ref().is_some_and(|from| consumer.may_send_from(from));
    if may { Ok(index) } else { Err(forbidden("this key may not send from this number")) }
}

/// No account that a route names may send from that.
fn no_sender(order: &Order) -> Error {
    let reason = match order.from {
        Some(SenderChoice::Address(_)) => "is not a number that you may send this from",
        Some(SenderChoice::Pool(_)) => "is no pool with a number for this",
        None => "is missing, and there is no number for this",
    };
    Error::invalid("from", reason)
}

/// Whether it may be chosen for somebody: it is not reserved, and their key allows it.
fn may_be_chosen(consumer: &ApiConsumer, sender: &SenderNumber) -> bool {
    !sender.number.is_reserved && consumer.may_send_from(&sender.number.address)
}

/// The client's own numbers go before those that the operator lends.
fn choose(
    entries: &DirectoryEntries,
    consumer: &ApiConsumer,
    order: &Order,
    handle: &AccountHandle,
    wanted: NumberCapability,
) -> Option<String> {
    let account = handle.account.id;
    let able = |sender: &&Arc<SenderNumber>| sender.number.account == account && sender.can(wanted);
    let fits = |sender: &&Arc<SenderNumber>| able(sender) && may_be_chosen(consumer, sender);
    match &order.from {
        Some(SenderChoice::Address(from)) => match entries.sender(from.as_str()) {
            Some(sender) => Some(sender).filter(|sender| is_theirs(consumer, sender)).filter(able),
            None => return handle.account.any_sender.then(|| from.as_str().to_owned()),
        },
        Some(SenderChoice::Pool(pool)) => sticky(entries, consumer, *pool, order, fits),
        None => {
            let own = entries.senders_of(consumer.client).iter().find(fits);
            own.or_else(|| entries.senders_of(ClientId::OPERATOR).iter().find(fits))
        }
    }
    .map(|sender| sender.number.address.clone())
}

/// A number of the client's own goes through its own account, where no route names another that has it.
fn own(
    entries: &DirectoryEntries,
    consumer: &ApiConsumer,
    order: &Order,
    wanted: NumberCapability,
) -> Option<RouteCandidate> {
    let Some(SenderChoice::Address(from)) = &order.from else { return None };
    if consumer.account().is_some() {
        return None;
    }
    let sender = entries.sender(from.as_str()).filter(|sender| sender.number.client == consumer.client)?;
    let (account, from) = (sender.number.account, Some(sender.number.address.clone()));
    sender.can(wanted).then_some(RouteCandidate { route: None, account, from, verdict: RouteVerdict::Wins })
}

/// Where no rule leads anywhere: a client's own number goes through its own account all the same, named or chosen.
/// Rules say where what the operator lends may go; the operator's own numbers are among the candidates already.
fn unrouted(
    entries: &DirectoryEntries,
    consumer: &ApiConsumer,
    order: &Order,
    wanted: NumberCapability,
) -> Option<RouteCandidate> {
    if consumer.is_operator() || consumer.account().is_some() {
        return None;
    }
    let able = |sender: &&Arc<SenderNumber>| sender.can(wanted) && entries.handle(sender.number.account).is_some();
    let fits = |sender: &&Arc<SenderNumber>| able(sender) && may_be_chosen(consumer, sender);
    let sender = match &order.from {
        Some(SenderChoice::Address(from)) => {
            entries.sender(from.as_str()).filter(|sender| sender.number.client == consumer.client).filter(able)
        }
        Some(SenderChoice::Pool(pool)) => sticky(entries, consumer, *pool, order, fits),
        None => entries.senders_of(consumer.client).iter().find(fits),
    }?;
    let account = sender.number.account;
    let rests = entries.handle(account).is_some_and(|handle| handle.breaker.is_open());
    let verdict = if rests { RouteVerdict::Waits } else { RouteVerdict::Wins };
    Some(RouteCandidate { route: None, account, from: Some(sender.number.address.clone()), verdict })
}

fn is_theirs(consumer: &ApiConsumer, sender: &SenderNumber) -> bool {
    sender.number.client == consumer.client || sender.number.client == ClientId::OPERATOR
}

/// Of a pool's numbers the one that weighs most for this recipient: always the same while it is there, and when
/// one comes or goes, only those recipients move that it takes or leaves.
fn sticky<'a>(
    entries: &'a DirectoryEntries,
    consumer: &ApiConsumer,
    pool: PoolId,
    order: &Order,
    fits: impl Fn(&&Arc<SenderNumber>) -> bool,
) -> Option<&'a Arc<SenderNumber>> {
    let of_pool = |sender: &&Arc<SenderNumber>| sender.number.pool == Some(pool) && fits(sender);
    let weight = |sender: &&Arc<SenderNumber>| {
        hash::sha256_hex(format!("{}\0{}", sender.number.address, order.to.as_str()).as_bytes())
    };
    entries.senders_of(consumer.client).iter().filter(of_pool).max_by_key(weight)
}
