//! Clients' money, moved by hand and looked at: entries, statements, what is low.

mod low;
mod statement;
pub mod verify;

use std::sync::Arc;

pub use statement::LedgerStatement;

pub use crate::store::ledger::{ClientBalance, Filter, LedgerEntry, LedgerEntryKind, LedgerPage};

use crate::model::{ClientId, Clock, EntryId, Millis, Money};
use crate::service::audit::AuditContext;
use crate::service::event::Events;
use crate::service::idempotency::{self, IdempotencyFingerprint};
use crate::service::race::settled;
use crate::service::{Error, Result};
use crate::store::ledger::{self, LedgerMovement};
use crate::store::{self, Store};

/// Characters of a reason at most.
const REASON: usize = 255;

/// What is to be done to a balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerPosting {
    /// The client has paid in.
    Credit(Money),
    /// Somebody sets things right, either way.
    Adjustment(Money),
    /// The balance is to be this: whatever is missing, or too much, is an adjustment.
    Set(Money),
}

impl LedgerPosting {
    /// What is compared of two requests under one name.
    pub fn canonical(self, reason: Option<String>) -> Vec<u8> {
        let (word, amount) = match self {
            Self::Credit(amount) => ("credit", amount),
            Self::Adjustment(amount) => ("adjustment", amount),
            Self::Set(balance) => ("set", balance),
        };
        format!("{word}\0{}\0{}", amount.micros(), said(reason).unwrap_or_default()).into_bytes()
    }
}

/// What was entered.
#[derive(Clone, Debug)]
pub struct PostedEntry {
    pub entry: LedgerEntry,
    /// After it.
    pub balance: Money,
    /// The same request had entered it before.
    pub is_repeated: bool,
}

pub struct Ledger {
    pub store: Store,
    pub events: Arc<Events>,
    pub clock: Clock,
}

impl Ledger {
    pub async fn balance(&self, client: ClientId) -> Result<ClientBalance> {
        ledger::balance(&self.store, client).await?.ok_or_else(|| Error::not_found("client"))
    }

    /// Newest first.
    pub async fn list(
        &self,
        client: ClientId,
        filter: &Filter,
        after: Option<EntryId>,
        limit: usize,
    ) -> Result<LedgerPage> {
        self.balance(client).await?;
        Ok(ledger::list(&self.store, client, filter, after, limit).await?)
    }

    /// Moves money by hand, once for each key.
    pub async fn post(
        &self,
        client: ClientId,
        posting: LedgerPosting,
        reason: Option<String>,
        kept: Option<IdempotencyFingerprint>,
        audit: &AuditContext<'_, LedgerEntry>,
    ) -> Result<PostedEntry> {
        let reason = said(reason);
        check(posting, reason.as_deref())?;
        let (entry, after, is_repeated) = settled("this balance", || async {
            if let Some(entry) = self.posted(client, kept.as_ref()).await? {
                return Ok((entry, None, true));
            }
            let before = self.balance(client).await?;
            let (kind, amount, expected) = match posting {
                LedgerPosting::Credit(amount) => (LedgerEntryKind::Credit, amount, None),
                LedgerPosting::Adjustment(amount) => (LedgerEntryKind::Adjustment, amount, None),
                LedgerPosting::Set(target) => {
                    let amount = target.minus(before.balance).ok_or_else(|| Error::invalid("set", "is too much"))?;
                    (LedgerEntryKind::Adjustment, amount, Some(before.balance))
                }
            };
            let at_ms = self.clock.now_ms();
            let movement =
                LedgerMovement { id: EntryId::new(at_ms), client, kind, amount, reason: reason.clone(), at_ms };
            let entry = entry(&movement);
            let audited = audit.entry(at_ms, client, None, Some(&entry));
            let after = ledger::post(&self.store, &movement, expected, kept.as_ref(), audited).await;
            // or the same request was quicker
            if matches!(after, Err(store::Error::Guard(_))) {
                self.blame(client, posting, amount).await?;
            }
            Ok((entry, after?, false))
        })
        .await?;
        // after the commit: whatever fails here, nothing is entered twice
        if !is_repeated
            && entry.amount.is_negative()
            && let Err(error) = self.tell_low(client).await
        {
            tracing::warn!(%error, %client, "a low balance was not told of; trying again in a minute");
        }
        let balance = match after {
            Some(after) => after,
            None => self.balance(client).await?.balance,
        };
        Ok(PostedEntry { entry, balance, is_repeated })
    }

    /// What the same request has entered before.
    async fn posted(&self, client: ClientId, kept: Option<&IdempotencyFingerprint>) -> Result<Option<LedgerEntry>> {
        let Some(reply) = idempotency::replayed(&self.store, kept).await? else { return Ok(None) };
        let id = EntryId::from_hex(&reply.text).map_err(|_| store::Error::Data("kept entry id".into()))?;
        let entry = ledger::find(&self.store, client, id).await?;
        Ok(Some(entry.ok_or_else(|| store::Error::Data("a kept entry is not there".into()))?))
    }

    /// Why money was not moved; nothing where it may be tried again.
    async fn blame(&self, client: ClientId, posting: LedgerPosting, amount: Money) -> Result<()> {
        let now = self.balance(client).await?;
        let after = now.balance.plus(amount).ok_or_else(|| Error::invalid("amount", "is too much"))?;
        // what the balance would have been when it was read may be another by now
        if matches!(posting, LedgerPosting::Set(target) if Some(target) != now.balance.plus(amount)) {
            return Ok(());
        }
        if amount.is_negative() && after.plus(now.credit_limit).is_none_or(Money::is_negative) {
            let (balance, credit) = (now.balance, now.credit_limit);
            return Err(Error::conflict(format!(
                "the balance would fall below the credit limit: it is {balance}, with credit of {credit}"
            )));
        }
        if after > Money::MOST {
            return Err(Error::invalid("amount", format!("makes the balance more than {}", Money::MOST)));
        }
        Ok(())
    }

    /// Opens a statement of a period.
    pub async fn statement(&self, client: ClientId, from_ms: Millis, before_ms: Millis) -> Result<LedgerStatement> {
        self.balance(client).await?;
        if before_ms <= from_ms {
            return Err(Error::invalid("to", "is not after from"));
        }
        Ok(LedgerStatement::open(self.store.clone(), client, from_ms, before_ms).await?)
    }
}

fn said(reason: Option<String>) -> Option<String> {
    reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty())
}

fn check(posting: LedgerPosting, reason: Option<&str>) -> Result<()> {
    match posting {
        LedgerPosting::Credit(amount) if amount <= Money::ZERO => {
            return Err(Error::invalid("amount", "is not above zero"));
        }
        LedgerPosting::Adjustment(Money::ZERO) => return Err(Error::invalid("amount", "is zero")),
        LedgerPosting::Credit(_) | LedgerPosting::Adjustment(_) | LedgerPosting::Set(_) => {}
    }
    match reason {
        None if !matches!(posting, LedgerPosting::Credit(_)) => {
            Err(Error::invalid("reason", "is missing: an adjustment needs one"))
        }
        Some(reason) if reason.chars().count() > REASON => {
            Err(Error::invalid("reason", format!("is longer than {REASON} characters")))
        }
        Some(_) | None => Ok(()),
    }
}

fn entry(movement: &LedgerMovement) -> LedgerEntry {
    let LedgerMovement { id, client: _, kind, amount, reason, at_ms } = movement.clone();
    LedgerEntry { id, kind, amount, message: None, reason, created_ms: at_ms }
}
