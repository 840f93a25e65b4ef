//! Whether the ledger is what it promises: read from end to end, in pages, and nothing is changed.

use std::fmt;

use crate::model::{ClientId, EntryId, MessageId, Millis, Money};
use crate::store::ledger::Kind;
use crate::store::ledger::check::{self, Charged, Told};
use crate::store::{Error, Store};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Sum {
        client: ClientId,
        balance: Money,
        entered: Money,
    },
    BelowCredit {
        client: ClientId,
        balance: Money,
        credit: Money,
    },
    NoBalance {
        client: ClientId,
    },
    /// A debit or a refund that names no message, or a debit that is not its message's.
    Stray {
        client: ClientId,
        entry: EntryId,
    },
    NoMessage {
        client: ClientId,
        entry: EntryId,
    },
    OtherCost {
        client: ClientId,
        entry: EntryId,
        entered: Money,
        cost: Option<Money>,
    },
    NoDebit {
        client: ClientId,
        message: MessageId,
        cost: Money,
    },
    RefundWithoutDebit {
        client: ClientId,
        entry: EntryId,
    },
    OtherRefund {
        client: ClientId,
        entry: EntryId,
        refunded: Money,
        debited: Money,
    },
    NotRefunded {
        client: ClientId,
        message: MessageId,
        cost: Money,
    },
    RefundedTwice {
        client: ClientId,
        message: MessageId,
    },
    RefundedUnfailed {
        client: ClientId,
        message: MessageId,
    },
    /// Its row says otherwise of its refund than the ledger does.
    Unmarked {
        client: ClientId,
        message: MessageId,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum { client, balance, entered } => {
                write!(f, "{client}: the balance is {balance}, its entries make {entered}")
            }
            Self::BelowCredit { client, balance, credit } => {
                write!(f, "{client}: the balance is {balance}, below the credit limit of {credit}")
            }
            Self::NoBalance { client } => write!(f, "{client}: has entries and no balance"),
            Self::Stray { client, entry } => write!(f, "{client}: {entry} is of no message"),
            Self::NoMessage { client, entry } => write!(f, "{client}: {entry} is of a message that is not there"),
            Self::OtherCost { client, entry, entered, cost: Some(cost) } => {
                write!(f, "{client}: {entry} took {entered} for a message that cost {cost}")
            }
            Self::OtherCost { client, entry, entered, cost: None } => {
                write!(f, "{client}: {entry} took {entered} for a message that is free, or another client's")
            }
            Self::NoDebit { client, message, cost } => {
                write!(f, "{client}: {message} cost {cost}, and has no debit of that")
            }
            Self::RefundWithoutDebit { client, entry } => write!(f, "{client}: {entry} gives back what nobody took"),
            Self::OtherRefund { client, entry, refunded, debited } => {
                write!(f, "{client}: {entry} gives back {refunded} of {debited}")
            }
            Self::NotRefunded { client, message, cost } => {
                write!(f, "{client}: {message} came to nothing, and its {cost} were not given back")
            }
            Self::RefundedTwice { client, message } => write!(f, "{client}: {message} was given back more than once"),
            Self::RefundedUnfailed { client, message } => {
                write!(f, "{client}: {message} was given back, and has not failed")
            }
            Self::Unmarked { client, message } => {
                write!(f, "{client}: {message} and the ledger differ on whether it was given back")
            }
        }
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    pub clients: usize,
    pub entries: usize,
    pub messages: usize,
    pub faults: usize,
}

/// Reads everything and tells what is wrong. `swept_ms`: messages made before may have been removed.
pub async fn verify(store: &Store, swept_ms: Option<Millis>, mut tell: impl FnMut(Fault)) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    let mut faults = Vec::new();
    seen.clients = sums(store, &mut faults).await?;
    seen.faults += faults.len();
    faults.drain(..).for_each(&mut tell);
    // sixteen bytes for each refund: the one thing that is kept
    let mut refunded: Vec<u128> = Vec::new();
    let mut client = None;
    while let Some(next) = check::next_client(store, client).await? {
        let mut after = None;
        loop {
            let page = check::entries(store, next, after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            seen.entries += page.len();
            for told in &page {
                faults.extend(entry(next, told, swept_ms));
                refunded.extend(told.message.filter(|_| told.kind == Kind::Refund).map(MessageId::bits));
            }
            seen.faults += faults.len();
            faults.drain(..).for_each(&mut tell);
        }
        client = Some(next);
    }
    refunded.sort_unstable();
    let mut after = None;
    loop {
        let (page, next) = check::messages(store, after).await?;
        seen.messages += page.len();
        for charged in &page {
            let bits = charged.id.bits();
            let begin = refunded.partition_point(|one| *one < bits);
            let refunds = refunded[begin..].iter().take_while(|one| **one == bits).count();
            if message(charged, refunds).is_none() {
                continue;
            }
            // it may have changed since its entries were read: once more, all at one moment
            if let Some((charged, refunds)) = check::again(store, charged.client, charged.id).await? {
                faults.extend(message(&charged, refunds));
            }
        }
        seen.faults += faults.len();
        faults.drain(..).for_each(&mut tell);
        after = next;
        if after.is_none() {
            return Ok(seen);
        }
    }
}

/// Balances, each the sum of its entries, and no entries without one.
async fn sums(store: &Store, faults: &mut Vec<Fault>) -> Result<usize, Error> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = check::sums(store, after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.client);
        count += page.len();
        for sum in page {
            let check::Sum { client, balance, credit_limit: credit, entered } = sum;
            if balance != entered {
                faults.push(Fault::Sum { client, balance, entered });
            }
            if balance.plus(credit).is_none_or(Money::is_negative) {
                faults.push(Fault::BelowCredit { client, balance, credit });
            }
        }
    }
    let mut client = None;
    while let Some(next) = check::next_client(store, client).await? {
        if crate::store::ledger::balance(store, next).await?.is_none() {
            faults.push(Fault::NoBalance { client: next });
        }
        client = Some(next);
    }
    Ok(count)
}

fn entry(client: ClientId, told: &Told, swept_ms: Option<Millis>) -> Option<Fault> {
    let entry = told.id;
    let Some(message) = told.message else { return Some(Fault::Stray { client, entry }) };
    let may_be_swept = swept_ms.is_some_and(|before_ms| told.created_ms < before_ms);
    if told.kind == Kind::Refund {
        let Some(debited) = told.debited else { return Some(Fault::RefundWithoutDebit { client, entry }) };
        let (debited, refunded) = (-debited, told.amount);
        return (debited != refunded).then_some(Fault::OtherRefund { client, entry, refunded, debited });
    }
    if message.debit() != entry {
        return Some(Fault::Stray { client, entry });
    }
    let Some((owner, cost)) = told.found else {
        return (!may_be_swept).then_some(Fault::NoMessage { client, entry });
    };
    let (entered, cost) = (-told.amount, cost.filter(|_| owner == client));
    (cost != Some(entered)).then_some(Fault::OtherCost { client, entry, entered, cost })
}

fn message(charged: &Charged, refunds: usize) -> Option<Fault> {
    let Charged { id: message, client, cost, state, .. } = *charged;
    if charged.debited != Some(-cost) {
        return Some(Fault::NoDebit { client, message, cost });
    }
    match (state.is_failure(), refunds) {
        (true, 0) => Some(Fault::NotRefunded { client, message, cost }),
        (true, 1) => charged.refunded_ms.is_none().then_some(Fault::Unmarked { client, message }),
        (false, 0) => charged.refunded_ms.map(|_| Fault::Unmarked { client, message }),
        (false, 1) => Some(Fault::RefundedUnfailed { client, message }),
        (_, _) => Some(Fault::RefundedTwice { client, message }),
    }
}
