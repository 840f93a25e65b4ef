//! The directory of accounts, numbers, pools and administrators' keys, in memory: every message asks, and the store is
//! asked only when they have changed. It holds accounts as the handles by which they are used.

mod blame;
mod breaker;
mod calls;
mod handle;
mod pool_index;
mod proof;
mod rate_limiter;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::crypto::MasterKey;
use crate::model::{AccountId, ClientId, Millis, PoolId, Secret};
use crate::provider::{CarrierConnectorFactory, CarrierKind};
use crate::service::snapshot::Snapshot;
use crate::store::account::Account;
use crate::store::account::token::place as token_place;
use crate::store::number::{Number, NumberCapability};
use crate::store::pool::{self, Pool};
use crate::store::version::CachedDataset;
use crate::store::{CorePace, Result, Store, account, admin, blocking, number, version};

pub use blame::BlamedSend;
pub use breaker::{BreakerChange, BreakerRequestOutcome};
pub use calls::AccountCall;
pub use handle::{AccountHandle, RestPeriod};
pub use pool_index::PoolIndex;
pub use proof::{ExtraWebhookToken, MatchedWebhookToken};
pub use rate_limiter::{RateLimiter, RateReservation};

/// For how long sessions avoid a number that its carrier has refused to send from.
const AVOIDED_MS: Millis = 60 * 60 * 1_000;

/// A number in use, with its own limiter.
pub struct SenderNumber {
    pub number: Number,
    pub limiter: Arc<RateLimiter>,
    /// When its carrier said that the account has no such number; 0: it has not, or has sent from it since.
    pub refused_ms: Arc<AtomicI64>,
}

impl SenderNumber {
    /// A number, in the place of the one that was known by its address: what it knows besides its row is that one's.
    fn in_place_of(known: Option<&Arc<Self>>, number: Number) -> Arc<Self> {
        // of many, few have changed
        if let Some(same) = known.filter(|known| known.number == number) {
            return same.clone();
        }
        let kept = known.filter(|known| known.number.rate == number.rate);
        // shared, not copied: some wait in it
        let limiter = kept.map_or_else(|| Arc::new(RateLimiter::new(number.rate)), |kept| kept.limiter.clone());
        // what the carrier of another account has said is nothing to this one's
        let kept = known.filter(|known| known.number.account == number.account);
        let refused_ms = kept.map(|kept| kept.refused_ms.clone()).unwrap_or_default();
        Arc::new(Self { number, limiter, refused_ms })
    }

    /// Its carrier says that the account has no such number. Whether that is news.
    pub fn refuse(&self, now_ms: Millis) -> bool {
        self.refused_ms.swap(now_ms, Ordering::Relaxed) == 0
    }

    /// Its carrier has taken a message from it.
    pub fn accept(&self) {
        // every message comes by here, and hardly any has something to forget
        if self.refused_ms.load(Ordering::Relaxed) != 0 {
            self.refused_ms.store(0, Ordering::Relaxed);
        }
    }

    /// Whether its carrier has said so lately, as far as this node knows.
    pub fn is_refused(&self, now_ms: Millis) -> bool {
        let refused_ms = self.refused_ms.load(Ordering::Relaxed);
        refused_ms != 0 && now_ms.saturating_sub(refused_ms) < AVOIDED_MS
    }

    pub fn can(&self, what: NumberCapability) -> bool {
        self.number.capabilities.contains(&what)
    }
}

/// What the directory holds at one moment.
#[derive(Default)]
pub struct DirectoryEntries {
    handles: HashMap<AccountId, Arc<AccountHandle>>,
    accounts: HashSet<AccountId>,
    senders: HashMap<String, Arc<SenderNumber>>,
    by_client: HashMap<ClientId, Vec<Arc<SenderNumber>>>,
    pools: HashMap<PoolId, Arc<PoolIndex>>,
    admins: HashMap<[u8; 32], String>,
}

impl DirectoryEntries {
    pub fn handle(&self, id: AccountId) -> Option<&Arc<AccountHandle>> {
        self.handles.get(&id)
    }

    /// Whether an account is there that cannot be used now: it cannot be read, or not with our keys.
    pub fn is_unusable(&self, id: AccountId) -> bool {
        !self.handles.contains_key(&id) && self.accounts.contains(&id)
    }

    pub fn handles(&self) -> impl Iterator<Item = &Arc<AccountHandle>> {
        self.handles.values()
    }

    /// The account that a webhook means.
    pub fn handle_of(&self, kind: CarrierKind, external_id: &str) -> Option<&Arc<AccountHandle>> {
        self.handles
            .values()
            .find(|handle| handle.connector.kind() == kind && handle.account.external_id == external_id)
    }

    /// Whose an administrator's key with this hash is, if one is in force: its id and its name.
    pub fn admin(&self, hash: &[u8; 32]) -> Option<&str> {
        self.admins.get(hash).map(String::as_str)
    }

    /// The number with this address, whoever's it is.
    pub fn sender(&self, address: &str) -> Option<&Arc<SenderNumber>> {
        self.senders.get(address)
    }

    /// A client's numbers, oldest first.
    pub fn senders_of(&self, client: ClientId) -> &[Arc<SenderNumber>] {
        self.by_client.get(&client).map_or(&[], Vec::as_slice)
    }

    /// The numbers of a pool that may be chosen for sessions, whoever's it is.
    pub fn pool(&self, id: PoolId) -> Option<&Arc<PoolIndex>> {
        self.pools.get(&id)
    }

    /// Takes all pools and numbers, on a thread that serves nobody.
    fn fill(&mut self, pools: Vec<Pool>, numbers: Vec<Number>, old: &Self) {
        let pools = pools.into_iter();
        let mut pools: HashMap<PoolId, PoolIndex> =
            pools.map(|pool| (pool.id, PoolIndex::new(pool.client, pool.settings))).collect();
        let mut pace = CorePace::default();
        // to make room while it fills would hold a core
        self.senders.reserve(numbers.len());
        for number in numbers {
            pace.step();
            let sender = SenderNumber::in_place_of(old.senders.get(&number.address), number);
            let (address, client) = (sender.number.address.clone(), sender.number.client);
            if let Some(index) = sender.number.pool.and_then(|pool| pools.get_mut(&pool)) {
                index.add(&sender);
            }
            self.by_client.entry(client).or_default().push(sender.clone());
            self.senders.insert(address, sender);
        }
        self.pools = pools.into_iter().map(|(id, index)| (id, Arc::new(index))).collect();
    }
}

pub struct Directory {
    pub store: Store,
    pub master: Arc<MasterKey>,
    pub connectors: CarrierConnectorFactory,
    /// Calls of one account at once.
    calls: usize,
    resting: RestPeriod,
    entries: Snapshot<DirectoryEntries>,
}

impl Directory {
    /// `calls`: of one account at once.
    pub fn new(
        store: Store,
        master: Arc<MasterKey>,
        connectors: CarrierConnectorFactory,
        calls: usize,
        resting: RestPeriod,
    ) -> Self {
        Self { store, master, connectors, calls, resting, entries: Snapshot::default() }
    }

    pub fn current(&self) -> Arc<DirectoryEntries> {
        self.entries.current()
    }

    /// Reads what has changed since it was read last.
    pub async fn refresh(&self) -> Result<()> {
        self.entries.refresh(version::current(&self.store, CachedDataset::Directory), |old| self.read(old)).await
    }

    async fn read(&self, old: Arc<DirectoryEntries>) -> Result<DirectoryEntries> {
        let accounts = account::ids(&self.store).await?;
        let mut fresh = DirectoryEntries { accounts, ..DirectoryEntries::default() };
        for account in account::all(&self.store).await? {
            let id = account.id;
            match self.handle(old.handles.get(&id), account) {
                Ok(handle) => drop(fresh.handles.insert(id, handle)),
                Err(reason) => tracing::error!(account = %id, reason, "an account cannot be used"),
            }
        }
        let (pools, numbers) = (pool::all(&self.store).await?, number::all(&self.store).await?);
        fresh.admins = admin::hashes(&self.store).await?.into_iter().collect();
        // many numbers take longer than a thread may that serves
        let work = move || {
            fresh.fill(pools, numbers, &old);
            fresh
        };
        blocking(work).await
    }

    /// What a handle knows of its provider outlives all changes but that of its credentials.
    fn handle(&self, known: Option<&Arc<AccountHandle>>, account: Account) -> Result<Arc<AccountHandle>, String> {
        match known {
            Some(handle) if handle.serves(&account) => Ok(handle.clone()),
            known => {
                let changed = known.and_then(|handle| handle.changed(&account, self.resting));
                let proofs = self.proofs(&account, known.map(Arc::as_ref));
                let handle = changed.map_or_else(|| self.open(account), Ok)?.with(proofs);
                Ok(Arc::new(handle.in_place_of(known.map(Arc::as_ref))))
            }
        }
    }

    /// The tokens that are believed besides the account's own.
    fn proofs(&self, account: &Account, known: Option<&AccountHandle>) -> Vec<ExtraWebhookToken> {
        let open = |token: &account::AccountWebhookToken| {
            let plain = self.master.open(token_place(&token.id.hex()), &token.token);
            let failed = |error: &crate::crypto::Error| tracing::error!(account = %account.id, %error, "a token of it cannot be used");
            let secret = Secret::new(String::from_utf8_lossy(&plain.inspect_err(failed).ok()?).into_owned());
            let known = known.and_then(|handle| handle.proofs.iter().find(|proof| proof.id == token.id));
            Some(ExtraWebhookToken::new(token.id, token.role, secret, token.until_ms, known))
        };
        account.tokens.iter().filter_map(open).collect()
    }

    fn open(&self, account: Account) -> Result<AccountHandle, String> {
        let kind = CarrierKind::parse(&account.provider).ok_or("no such provider")?;
        let row = account.id.hex();
        let plain = self.master.open(account::place(&row), &account.credentials).map_err(|error| error.to_string())?;
        let connector = self.connectors.open(kind, &plain).map_err(|error| error.to_string())?;
        Ok(AccountHandle::new(account, connector, self.calls, self.resting))
    }
}
