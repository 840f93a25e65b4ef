//! Whether the ledger is what it promises: read from end to end, in pages, and nothing is changed.

mod fault;

pub use fault::LedgerFault;

use crate::model::{ClientId, Clock, MessageId, Millis, Money};
use crate::store::ledger::LedgerEntryKind;
use crate::store::ledger::check::{self, ChargedMessage, MessageLedgerEntry};
use crate::store::{Result, Store};

/// How far the clocks of whoever sweeps and of whoever looks may differ.
const SLACK_MS: Millis = 300_000;

/// How long messages are kept before they are swept; at most that.
#[derive(Clone, Debug)]
pub struct RetentionWindow {
    pub clock: Clock,
    /// `None`: for ever.
    pub keep_ms: Option<Millis>,
}

impl RetentionWindow {
    /// Whether a message may have been swept by now.
    fn may_be_swept(&self, message: MessageId) -> bool {
        self.keep_ms.is_some_and(|keep_ms| message.made_ms() < self.clock.now_ms() - keep_ms + SLACK_MS)
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LedgerCheckSummary {
    pub clients: usize,
    pub entries: usize,
    pub messages: usize,
    pub faults: usize,
}

/// Reads everything and tells what is wrong.
pub async fn verify(
    store: &Store,
    keep: &RetentionWindow,
    mut tell: impl FnMut(LedgerFault),
) -> Result<LedgerCheckSummary> {
    let store = &check::patient(store);
    let (mut seen, mut faults) = (LedgerCheckSummary::default(), 0);
    let mut tell = |fault| {
        faults += 1;
        tell(fault);
    };
    seen.clients = sums(store, &mut tell).await?;
    // sixteen bytes for each refund: the one thing that is kept
    let mut refunded: Vec<MessageId> = Vec::new();
    let mut client = None;
    while let Some(next) = check::next_client(store, client).await? {
        let (mut after, begin) = (None, refunded.len());
        loop {
            let page = check::entries(store, next, after).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.id);
            seen.entries += page.len();
            for told in &page {
                entry(next, told, keep).into_iter().for_each(&mut tell);
                refunded.extend(told.message.filter(|_| told.kind == LedgerEntryKind::Refund));
            }
        }
        // told here and not with their messages, which may have been swept
        twice(next, &mut refunded[begin..]).into_iter().for_each(&mut tell);
        client = Some(next);
    }
    refunded.sort_unstable();
    let mut after = None;
    loop {
        let (page, next) = check::messages(store, after).await?;
        seen.messages += page.len();
        for charged in &page {
            let begin = refunded.partition_point(|one| *one < charged.id);
            let refunds = refunded[begin..].iter().take_while(|one| **one == charged.id).count();
            if refunds > 1 || message(charged, refunds).is_none() {
                continue;
            }
            // it may have changed since its entries were read: once more, all at one moment
            if let Some((charged, refunds)) = check::again(store, charged.client, charged.id).await? {
                message(&charged, refunds).into_iter().for_each(&mut tell);
            }
        }
        after = next;
        if after.is_none() {
            return Ok(LedgerCheckSummary { faults, ..seen });
        }
    }
}

/// Balances, each the sum of its entries, and no entries without one.
async fn sums(store: &Store, tell: &mut impl FnMut(LedgerFault)) -> Result<usize> {
    let (mut count, mut after) = (0, None);
    loop {
        let page = check::sums(store, after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.client);
        count += page.len();
        for sum in page {
            let check::LedgerBalanceCheck { client, balance, credit_limit: credit, entered } = sum;
            if balance != entered {
                tell(LedgerFault::Sum { client, balance, entered });
            }
            if balance.plus(credit).is_none_or(Money::is_negative) {
                tell(LedgerFault::BelowCredit { client, balance, credit });
            }
        }
    }
    let mut client = None;
    while let Some(next) = check::next_client(store, client).await? {
        if crate::store::ledger::balance(store, next).await?.is_none() {
            tell(LedgerFault::NoBalance { client: next });
        }
        client = Some(next);
    }
    Ok(count)
}

/// Messages of a client that were given back more than once.
fn twice(client: ClientId, refunded: &mut [MessageId]) -> Vec<LedgerFault> {
    refunded.sort_unstable();
    let more = refunded.chunk_by(|one, next| one == next).filter(|same| same.len() > 1);
    more.filter_map(|same| same.first())
        .map(|message| LedgerFault::RefundedTwice { client, message: *message })
        .collect()
}

fn entry(client: ClientId, told: &MessageLedgerEntry, keep: &RetentionWindow) -> Option<LedgerFault> {
    let entry = told.id;
    let Some(message) = told.message else { return Some(LedgerFault::Stray { client, entry }) };
    if told.kind == LedgerEntryKind::Refund {
        let Some(debited) = told.debited else { return Some(LedgerFault::RefundWithoutDebit { client, entry }) };
        let (debited, refunded) = (-debited, told.amount);
        return (debited != refunded).then_some(LedgerFault::OtherRefund { client, entry, refunded, debited });
    }
    if message.debit() != entry {
        return Some(LedgerFault::Stray { client, entry });
    }
    let Some((owner, cost)) = told.found else {
        return (!keep.may_be_swept(message)).then_some(LedgerFault::NoMessage { client, entry });
    };
    let (entered, cost) = (-told.amount, cost.filter(|_| owner == client));
    (cost != Some(entered)).then_some(LedgerFault::OtherCost { client, entry, entered, cost })
}

fn message(charged: &ChargedMessage, refunds: usize) -> Option<LedgerFault> {
    let ChargedMessage { id: message, client, cost, state, .. } = *charged;
    if charged.debited != Some(-cost) {
        return Some(LedgerFault::NoDebit { client, message, cost });
    }
    match (state.is_failure(), refunds) {
        (true, 0) => Some(LedgerFault::NotRefunded { client, message, cost }),
        (true, 1) => charged.refunded_ms.is_none().then_some(LedgerFault::Unmarked { client, message }),
        (false, 0) => charged.refunded_ms.map(|_| LedgerFault::Unmarked { client, message }),
        (false, 1) => Some(LedgerFault::RefundedUnfailed { client, message }),
        (_, _) => Some(LedgerFault::RefundedTwice { client, message }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_may_be_swept_a_little_before_its_time() {
        let clock = Clock::default();
        let aged = |age_ms: Millis| MessageId::first_of(clock.now_ms() - age_ms);
        let keep = RetentionWindow { clock: clock.clone(), keep_ms: Some(86_400_000) };
        assert!(keep.may_be_swept(aged(86_400_000)) && keep.may_be_swept(aged(86_400_000 - SLACK_MS + 1_000)));
        assert!(!keep.may_be_swept(aged(86_400_000 - SLACK_MS - 60_000)));
        assert!(!RetentionWindow { clock: clock.clone(), keep_ms: None }.may_be_swept(aged(86_400_000)));
    }

    #[test]
    fn equal_refunds_are_told_once_each() {
        let client = ClientId::new(1);
        let [one, two, three] = [1, 2, 3].map(MessageId::first_of);
        let mut refunded = [two, one, three, two, three, three];
        let wanted = [two, three].map(|message| LedgerFault::RefundedTwice { client, message });
        assert_eq!(twice(client, &mut refunded), wanted);
    }
}
