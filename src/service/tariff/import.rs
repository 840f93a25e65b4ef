//! The whole card of rates out and in: a file is taken as a whole or not at all.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::{Rate, Tariff, TariffRateKey, sheet};
use crate::model::{PricedChannel, RateId};
use crate::service::audit::AuditContext;
use crate::service::race::{RACES, won};
use crate::service::{Error, ErrorKind, Result};
use crate::store::rate;

/// What an import has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedRates {
    pub added: usize,
    /// Had a price already: that of the file stands.
    pub replaced: usize,
    /// Were not in a file that replaces the card.
    pub removed: usize,
    /// The lines that were taken, of every channel.
    pub channels: BTreeMap<&'static str, usize>,
}

/// A fault of ours.
fn broken(reason: String) -> Error {
    Error::new(ErrorKind::Internal, format!("the card was not read or written: {reason}"))
}

impl Tariff {
    /// All rates as CSV.
    pub async fn export(&self) -> Result<Vec<u8>> {
        let mut rates = rate::all(&self.store).await?;
        let written = tokio::task::spawn_blocking(move || {
            rates.sort_by_cached_key(Rate::slot);
            sheet::write(&rates).map_err(|error| error.to_string())
        });
        written.await.map_err(|error| error.to_string()).flatten().map_err(broken)
    }

    /// Takes a card from CSV, beside the rates that there are or, where it `replaces`, instead of them.
    pub async fn import(
        &self,
        text: Bytes,
        replaces: bool,
        audit: &AuditContext<'_, ImportedRates>,
    ) -> Result<ImportedRates> {
        let now_ms = self.clock.now_ms();
        let read = tokio::task::spawn_blocking(move || sheet::read(&text, now_ms));
        let mut card = read.await.map_err(|error| broken(error.to_string()))?.map_err(Error::lines)?;
        let lines = |channel| card.iter().filter(|rate| rate.channel == channel).count();
        let channels: BTreeMap<_, _> = PricedChannel::ALL.map(|channel| (channel.name(), lines(channel))).into();
        for _ in 0..RACES {
            let known: HashMap<TariffRateKey, RateId> =
                rate::all(&self.store).await?.into_iter().map(|rate| (rate.slot(), rate.id)).collect();
            let mut gone = Vec::new();
            for rate in &mut card {
                match known.get(&rate.slot()) {
                    Some(id) => {
                        rate.id = *id;
                        gone.push(*id);
                    }
                    // its id may have been that of one that is gone by now
                    None => rate.id = RateId::new(now_ms),
                }
            }
            let removed = if replaces { known.len() - gone.len() } else { 0 };
            let added = card.len() - gone.len();
            let done = ImportedRates { added, replaced: gone.len(), removed, channels: channels.clone() };
            let object = if replaces { "card" } else { "rates" };
            let entry = audit.entry(now_ms, object, None, Some(&done));
            if won(rate::write_card(&self.store, &card, replaces, &gone, entry).await)?.is_some() {
                self.renew().await;
                return Ok(done);
            }
        }
        Err(Error::busy("others keep changing the rates"))
    }
}
