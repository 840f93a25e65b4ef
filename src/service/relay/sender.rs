//! Through which account a message goes, and from which of its numbers.

use std::sync::Arc;

use super::{Error, From, Order, Relay};
use crate::crypto::hash;
use crate::model::{AccountId, Channel, PoolId};
use crate::service::account::Line;
use crate::service::book::{Page, Sender};
use crate::service::client::Consumer;
use crate::service::number::Capability;
use crate::service::outbound::Via;

/// What a number needs for a message.
fn wanted(order: &Order) -> Capability {
    match order.channel {
        Channel::Sms if order.media_urls.is_empty() => Capability::Sms,
        Channel::Sms => Capability::Mms,
        Channel::Whatsapp => Capability::Whatsapp,
        Channel::Voice => Capability::Voice,
    }
}

impl Relay {
    /// The first account in the order of the routes that is up and has a sender for this; where none is up, the
    /// first that has one, whose messages wait for it.
    pub(super) fn via(&self, consumer: &Consumer, order: &Order) -> Result<(Via, Option<PoolId>), Error> {
        let page = self.book.page();
        let accounts = self.accounts(consumer, order);
        if accounts.is_empty() {
            // the house lacks a number, not a route
            return Err(if consumer.is_house() { no_sender(order) } else { Error::NoRoute });
        }
        let lines: Vec<&Arc<Line>> = accounts.iter().filter_map(|id| page.line(*id)).collect();
        if lines.is_empty() {
            return Err(Error::NoRoute);
        }
        let found = sender(&page, consumer, order, &lines)?;
        let (line, from) = found;
        if !consumer.may_send_from(&from) {
            return Err(Error::Forbidden("this key may not send from this number"));
        }
        let price = (!consumer.is_house()).then(|| self.price(order.channel, &order.to));
        let pool = match order.from {
            Some(From::Pool(pool)) => Some(pool),
            Some(From::Address(_)) | None => None,
        };
        Ok((Via { account: line, from, price }, pool))
    }

    /// The accounts that may carry it, the preferred one first.
    fn accounts(&self, consumer: &Consumer, order: &Order) -> Vec<AccountId> {
        if let Some(forced) = consumer.account() {
            return vec![forced];
        }
        let tariff = self.tariff.page();
        let mut accounts = Vec::new();
        for route in tariff.routes(order.channel, order.to.as_str()) {
            if !accounts.contains(&route.account) {
                accounts.push(route.account);
            }
        }
        if accounts.is_empty() && consumer.is_house() {
            // the house needs no routes: its numbers lead to their own accounts
            let page = self.book.page();
            let able = page.senders_of(consumer.client).iter().filter(|sender| sender.can(wanted(order)));
            accounts.extend(able.map(|sender| sender.number.account));
        }
        accounts
    }
}

fn sender(page: &Page, consumer: &Consumer, order: &Order, lines: &[&Arc<Line>]) -> Result<(AccountId, String), Error> {
    let wanted = wanted(order);
    let of = |line: &Line| choose(page, consumer, order, line, wanted);
    let usable: Vec<(AccountId, String, bool)> =
        lines.iter().filter_map(|line| Some((line.account.id, of(line)?, line.breaker.is_open()))).collect();
    let up = usable.iter().find(|(_, _, is_down)| !is_down).or_else(|| usable.first());
    match up {
        Some((account, from, _)) => Ok((*account, from.clone())),
        None => own(page, consumer, order, wanted).ok_or_else(|| no_sender(order)),
    }
}

fn no_sender(order: &Order) -> Error {
    Error::Sender(match order.from {
        Some(From::Address(_)) => "is not a number that you may send this from",
        Some(From::Pool(_)) => "is no pool with a number for this",
        None => "is missing, and there is no number for this",
    })
}

/// The client's own numbers go before those that the house lends.
fn choose(page: &Page, consumer: &Consumer, order: &Order, line: &Line, wanted: Capability) -> Option<String> {
    let account = line.account.id;
    let fits = |sender: &&Arc<Sender>| sender.number.account == account && sender.can(wanted);
    match &order.from {
        Some(From::Address(from)) => match page.sender(from.as_str()) {
            Some(sender) => Some(sender).filter(|sender| is_theirs(consumer, sender)).filter(fits),
            None => return line.account.any_sender.then(|| from.as_str().to_owned()),
        },
        Some(From::Pool(pool)) => sticky(page, consumer, *pool, order, fits),
        None => {
            let own = page.senders_of(consumer.client).iter().find(fits);
            own.or_else(|| page.senders_of(crate::model::ClientId::HOUSE).iter().find(fits))
        }
    }
    .map(|sender| sender.number.address.clone())
}

/// A number of the client's own goes through its own account, where no route names another that has it.
fn own(page: &Page, consumer: &Consumer, order: &Order, wanted: Capability) -> Option<(AccountId, String)> {
    let Some(From::Address(from)) = &order.from else { return None };
    if consumer.account().is_some() {
        return None;
    }
    let sender = page.sender(from.as_str()).filter(|sender| sender.number.client == consumer.client)?;
    sender.can(wanted).then(|| (sender.number.account, sender.number.address.clone()))
}

fn is_theirs(consumer: &Consumer, sender: &Sender) -> bool {
    sender.number.client == consumer.client || sender.number.client == crate::model::ClientId::HOUSE
}

/// Of a pool's numbers the one that weighs most for this recipient: always the same while it is there, and when
/// one comes or goes, only those recipients move that it takes or leaves.
fn sticky<'a>(
    page: &'a Page,
    consumer: &Consumer,
    pool: PoolId,
    order: &Order,
    fits: impl Fn(&&Arc<Sender>) -> bool,
) -> Option<&'a Arc<Sender>> {
    let of_pool = |sender: &&Arc<Sender>| sender.number.pool == Some(pool) && fits(sender);
    let weight = |sender: &&Arc<Sender>| {
        hash::sha256_hex(format!("{}\0{}", sender.number.address, order.to.as_str()).as_bytes())
    };
    page.senders_of(consumer.client).iter().filter(of_pool).max_by_key(weight)
}
