//! Rates as an administrator manages them, one by one.
//!
//! Of one destination those that begin later go before those that began earlier, for as long as they are in force.

use super::{Rate, Tariff};
use crate::model::{Millis, Money, PricedChannel, RateId};
use crate::service::audit::AuditContext;
use crate::service::race::{WriteResultExt as _, settled};
use crate::service::{Error, Result, page};
use crate::store::rate;

pub use crate::store::rate::{Filter as RateFilter, TariffRateKey};

/// Digits of a number at most.
const DIGITS: usize = 15;

pub struct NewRate {
    pub channel: PricedChannel,
    /// Digits, with a plus or without; none: all destinations.
    pub prefix: String,
    pub price: Money,
    /// `None`: from now on.
    pub from_ms: Option<Millis>,
    pub until_ms: Option<Millis>,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct RateChange {
    pub price: Option<Money>,
    pub until_ms: Option<Option<Millis>>,
}

impl NewRate {
    /// The rate itself, or which field is wrong, and how.
    pub(super) fn check(self, now_ms: Millis) -> Result<Rate, (&'static str, String)> {
        let digits = self.prefix.strip_prefix('+').unwrap_or(&self.prefix);
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(("prefix", "is no digits".into()));
        }
        if digits.len() > DIGITS {
            return Err(("prefix", format!("has more than {DIGITS} digits")));
        }
        let rate = Rate {
            id: RateId::new(now_ms),
            channel: self.channel,
            prefix: digits.to_owned(),
            price: self.price,
            from_ms: self.from_ms.unwrap_or(now_ms),
            until_ms: self.until_ms,
        };
        holds(&rate).map(|()| rate)
    }
}

fn holds(rate: &Rate) -> Result<(), (&'static str, String)> {
    if rate.price.is_negative() {
        return Err(("price", "is negative".into()));
    }
    if rate.until_ms.is_some_and(|until_ms| until_ms <= rate.from_ms) {
        return Err(("until", "is not after from".into()));
    }
    Ok(())
}

impl Tariff {
    /// By channel, prefix and time; whether there are more.
    pub async fn list_rates(&self, filter: &RateFilter, limit: usize) -> Result<(Vec<Rate>, bool)> {
        Ok(page(rate::list(&self.store, filter, limit + 1).await?, limit))
    }

    pub async fn find_rate(&self, id: RateId) -> Result<Rate> {
        rate::find(&self.store, id).await?.ok_or_else(|| Error::not_found("rate"))
    }

    pub async fn add_rate(&self, new: NewRate, audit: &AuditContext<'_, Rate>) -> Result<Rate> {
        let now_ms = self.clock.now_ms();
        let rate = new.check(now_ms).map_err(|(field, reason)| Error::invalid(field, reason))?;
        let entry = audit.entry(now_ms, rate.id, None, Some(&rate));
        let taken = "there is a rate of this channel and prefix that begins at this time: change that one";
        rate::insert(&self.store, &rate, entry).await.on_conflict(|| Error::conflict(taken))?;
        self.renew().await;
        Ok(rate)
    }

    /// The rate as it now is.
    pub async fn change_rate(&self, id: RateId, change: RateChange, audit: &AuditContext<'_, Rate>) -> Result<Rate> {
        let rate = settled("this rate", || async {
            let before = self.find_rate(id).await?;
            let mut rate = before.clone();
            rate.price = change.price.unwrap_or(rate.price);
            rate.until_ms = change.until_ms.unwrap_or(rate.until_ms);
            holds(&rate).map_err(|(field, reason)| Error::invalid(field, reason))?;
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), Some(&rate));
            rate::update(&self.store, &before, &rate, entry).await?;
            Ok(rate)
        })
        .await?;
        self.renew().await;
        Ok(rate)
    }

    pub async fn delete_rate(&self, id: RateId, audit: &AuditContext<'_, Rate>) -> Result<()> {
        settled("this rate", || async {
            let before = self.find_rate(id).await?;
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), None);
            Ok(rate::delete(&self.store, &before, entry).await?)
        })
        .await?;
        self.renew().await;
        Ok(())
    }
}
