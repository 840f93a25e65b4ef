//! How many codes may be sent: to one number, for one device's address, by one client, and by the limits of a client's
//! own.
//!
//! Counted in memory on one node; where several share a Redis, in that, by one script for all that a send is counted
//! in, and beside it in memory, so that a node knows where it was when Redis goes. What was sent is read at the start:
//! a restart forgets nothing of it.

mod named;
mod recall;
mod recent;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use serde::Deserialize;

pub use named::{LimitBucket, LimitChange, LimitFilter, NamedLimit, NamedLimits, NewLimit, NewLimitBucket};

use self::recent::RecentSends;
use crate::crypto::HashKey;
use crate::model::lock::lock;
use crate::model::network::device_network;
use crate::model::window::WindowLimit;
use crate::model::{Address, ClientId, DurationSetting, Id as _, Millis, VerificationRefusal, VerificationServiceId};
use crate::service::{Error, Result};
use crate::signal::{SharedCounter, SharedWindow};

const HOUR_MS: Millis = 3_600_000;
const DAY_MS: Millis = 24 * HOUR_MS;
/// Limits of a client's own that a send may name, and bytes of the values that it names them with.
const NAMED: usize = 10;
const VALUE: usize = 256;

/// `[verification.limits]`: zero is no limit.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// Codes of one client to one number in an hour, over all doors,
    pub recipient_per_hour: u32,
    /// and in a day.
    pub recipient_per_day: u32,
    /// Codes of one client for one device's address in an hour.
    pub address_per_hour: u32,
    /// Codes of one client in an hour.
    pub client_per_hour: u32,
}

/// A code that is about to be sent.
pub struct LimitedSend<'a> {
    pub client: ClientId,
    pub service: Option<VerificationServiceId>,
    pub to: &'a Address,
    pub device_ip: Option<IpAddr>,
    /// Limits of the client's own, each with the value that it is counted by.
    pub named: &'a BTreeMap<String, String>,
    pub at_ms: Millis,
}

/// One count that a send is part of.
#[derive(Clone, Debug)]
struct CountedWindow {
    shared: SharedWindow,
    why: VerificationRefusal,
    /// Of a limit of the client's own.
    name: Option<String>,
}

/// What a send has taken of its limits; it is counted unless it is given back.
#[derive(Debug)]
#[must_use = "what is not sent is given back"]
pub struct LimitReservation {
    windows: Vec<SharedWindow>,
    at_ms: Millis,
    /// When that was by Redis's clock, where that has counted it.
    shared_ms: Option<Millis>,
}

/// Holds what is sent to its limits.
pub struct SendLimits {
    settings: LimitSettings,
    named: Arc<NamedLimits>,
    counter: SharedCounter,
    /// What counts are named by: no number stands in Redis.
    key: HashKey,
    recent: Mutex<RecentSends>,
}

impl SendLimits {
    pub fn new(settings: LimitSettings, named: Arc<NamedLimits>, counter: SharedCounter, key: HashKey) -> Self {
        Self { settings, named, counter, key, recent: Mutex::new(RecentSends::default()) }
    }

    /// Takes one off each limit, or off none where one is used up. Of test numbers nobody asks.
    pub async fn take(&self, send: &LimitedSend<'_>) -> Result<LimitReservation> {
        let windows = self.windows(send)?;
        let shared: Vec<SharedWindow> = windows.iter().map(|window| window.shared).collect();
        let (taken, shared_ms) = match self.counter.count(&shared).await {
            Some(Ok(shared_ms)) => {
                lock(&self.recent).add(&shared, send.at_ms);
                (Ok(()), Some(shared_ms))
            }
            Some(Err(full)) => (Err(full), None),
            None => (lock(&self.recent).take(&shared, send.at_ms), None),
        };
        match taken {
            Ok(()) => Ok(LimitReservation { windows: shared, at_ms: send.at_ms, shared_ms }),
            Err(full) => Err(windows.get(full.nth).map_or_else(
                || Error::verification(VerificationRefusal::ClientLimit, "a limit of sends is used up"),
                |window| window.refusal(full.wait_ms),
            )),
        }
    }

    /// What was taken was not sent after all.
    pub async fn give_back(&self, reservation: LimitReservation) {
        let LimitReservation { windows, at_ms, shared_ms } = reservation;
        lock(&self.recent).remove(&windows, at_ms);
        if let Some(shared_ms) = shared_ms {
            self.counter.uncount(&windows, shared_ms).await;
        }
    }

    /// Forgets how many codes of this client went to a number. Other nodes forget it where they share a Redis.
    pub async fn reset(&self, client: ClientId, to: &Address) {
        let windows: Vec<SharedWindow> = self.recipient(client, to).map(|window| window.shared).collect();
        lock(&self.recent).forget(&windows);
        self.counter.forget(&windows).await;
    }

    /// Whether a code may have gone to a number within a day; where nothing counts that, it may.
    pub fn may_have_sent(&self, client: ClientId, to: &Address) -> bool {
        let most = self.settings.recipient_per_day;
        let window = self.of_recipient(client, &to.folded(), (most, DAY_MS));
        most == 0 || lock(&self.recent).has(&window.shared)
    }

    /// All that a send is counted in: what it is refused for first stands first.
    fn windows(&self, send: &LimitedSend<'_>) -> Result<Vec<CountedWindow>> {
        let mut windows: Vec<CountedWindow> = self.recipient(send.client, send.to).collect();
        windows.extend(send.device_ip.and_then(|address| self.address(send.client, address)));
        windows.extend(self.client(send.client));
        if send.named.len() > NAMED {
            return Err(Error::invalid("rate_limits", format!("must be {NAMED} at most")));
        }
        for (name, value) in send.named {
            if value.is_empty() || value.len() > VALUE {
                return Err(Error::invalid("rate_limits", format!("must each have a value of 1 to {VALUE} bytes")));
            }
            let named = self.named(send.client, send.service, (name, value));
            windows.extend(named.ok_or_else(|| Error::invalid("rate_limits", "must name rate limits that there are"))?);
        }
        Ok(windows)
    }

    /// Those of a limit of the client's own. `None`: there is none of this name.
    fn named(
        &self,
        client: ClientId,
        service: Option<VerificationServiceId>,
        (name, value): (&str, &str),
    ) -> Option<Vec<CountedWindow>> {
        let known = self.named.named(client, service, name)?;
        let window = |bucket: &LimitBucket| {
            let parts = [&known.id.bytes()[..], &bucket.id.bytes(), value.as_bytes()];
            let window = self.window("named", &parts, bucket.limit(), VerificationRefusal::NamedLimit);
            CountedWindow { name: Some(known.name.clone()), ..window }
        };
        Some(known.buckets.iter().map(window).collect())
    }

    /// Carriers write some people's numbers in two forms: they count as one.
    fn recipient(&self, client: ClientId, to: &Address) -> impl Iterator<Item = CountedWindow> {
        let person = to.folded().into_owned();
        let spans = [(self.settings.recipient_per_hour, HOUR_MS), (self.settings.recipient_per_day, DAY_MS)];
        spans.into_iter().filter(|(most, _)| *most > 0).map(move |span| self.of_recipient(client, &person, span))
    }

    fn of_recipient(&self, client: ClientId, person: &str, (most, within_ms): (u32, Millis)) -> CountedWindow {
        let parts = [&client.bytes()[..], person.as_bytes()];
        self.window("recipient", &parts, WindowLimit { most, within_ms }, VerificationRefusal::RecipientLimit)
    }

    fn address(&self, client: ClientId, address: IpAddr) -> Option<CountedWindow> {
        let limit = WindowLimit { most: self.settings.address_per_hour, within_ms: HOUR_MS };
        let network = device_network(address).to_string();
        let parts = [&client.bytes()[..], network.as_bytes()];
        (limit.most > 0).then(|| self.window("address", &parts, limit, VerificationRefusal::AddressLimit))
    }

    fn client(&self, client: ClientId) -> Option<CountedWindow> {
        let limit = WindowLimit { most: self.settings.client_per_hour, within_ms: HOUR_MS };
        let parts = [&client.bytes()[..]];
        (limit.most > 0).then(|| self.window("client", &parts, limit, VerificationRefusal::ClientLimit))
    }

    /// One count: another span is another.
    fn window(&self, kind: &str, parts: &[&[u8]], limit: WindowLimit, why: VerificationRefusal) -> CountedWindow {
        let span = limit.within_ms.to_be_bytes();
        let all = [kind.as_bytes(), &span].into_iter().chain(parts.iter().copied());
        let mac = self.key.mac_all(all);
        let key = std::array::from_fn(|nth| mac[nth]);
        CountedWindow { shared: SharedWindow { key, limit }, why, name: None }
    }
}

impl CountedWindow {
    fn refusal(&self, wait_ms: Millis) -> Error {
        let WindowLimit { most, within_ms } = self.shared.limit;
        let span = DurationSetting::from_millis(within_ms.unsigned_abs());
        let whose = match (self.why, &self.name) {
            (_, Some(name)) => format!("by the rate limit {name}"),
            (VerificationRefusal::AddressLimit, None) => "for one device's address".to_owned(),
            (VerificationRefusal::ClientLimit, None) => "for this client".to_owned(),
            _ => "to one number".to_owned(),
        };
        let codes = if most == 1 { "code is" } else { "codes are" };
        let seconds = u32::try_from(wait_ms.max(1).unsigned_abs().div_ceil(1_000)).unwrap_or(u32::MAX);
        Error::verification(self.why, format!("only {most} {codes} sent {whose} within {span}")).retry_after(seconds)
    }
}
