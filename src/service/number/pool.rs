//! Pools: a client's numbers that send together, the same number to the same recipient; and how they are chosen for the
//! people of a session.

mod import;
mod member;

use super::{Error, Number, Numbers, Result, in_no_session};
use crate::model::{
    ClientId, DurationSetting, HookFormat, PoolBound, PoolChoice, PoolId, PoolOrder, PoolSettings, text,
};
use crate::service::audit::AuditContext;
use crate::service::page;
use crate::service::race::{WriteResultExt as _, settled};
use crate::store::pool;

pub use crate::store::pool::{ExclusiveNumber, Pool};

/// A pool with its numbers.
#[derive(Clone, Debug)]
pub struct PoolWithNumbers {
    pub pool: Pool,
    /// Oldest first.
    pub numbers: Vec<Number>,
}

/// Who does something to a pool, for the audit log.
type PoolAudit<'a> = AuditContext<'a, PoolWithNumbers>;

/// What is to hold for a pool; what is not given stays as it is.
#[derive(Clone, Debug, Default)]
pub struct PoolChange {
    pub name: Option<String>,
    /// No other pool of the client's may have the name.
    pub is_named_alone: bool,
    pub settings: PoolSettingsChange,
}

/// How its numbers are to be chosen, and what its sessions are to use by default.
#[derive(Clone, Debug, Default)]
pub struct PoolSettingsChange {
    pub choice: Option<PoolChoice>,
    pub order: Option<PoolOrder>,
    pub bound: Option<PoolBound>,
    pub is_exclusive: Option<bool>,
    pub rest: Option<DurationSetting>,
    pub start_text: Option<Option<String>>,
    pub end_text: Option<Option<String>>,
    pub ttl: Option<Option<DurationSetting>>,
    pub intercept_url: Option<Option<String>>,
    pub out_of_session_url: Option<Option<String>>,
    pub hook_format: Option<HookFormat>,
    pub callback_url: Option<Option<String>>,
}

impl PoolSettingsChange {
    /// What holds from then on.
    fn of(&self, before: &PoolSettings) -> PoolSettings {
        let mut settings = before.clone();
        settings.choice = self.choice.unwrap_or(settings.choice);
        settings.order = self.order.unwrap_or(settings.order);
        settings.bound = self.bound.unwrap_or(settings.bound);
        settings.is_exclusive = self.is_exclusive.unwrap_or(settings.is_exclusive);
        settings.rest = self.rest.unwrap_or(settings.rest);
        settings.start_text = self.start_text.clone().unwrap_or(settings.start_text);
        settings.end_text = self.end_text.clone().unwrap_or(settings.end_text);
        settings.ttl = self.ttl.unwrap_or(settings.ttl);
        settings.intercept_url = self.intercept_url.clone().unwrap_or(settings.intercept_url);
        settings.out_of_session_url = self.out_of_session_url.clone().unwrap_or(settings.out_of_session_url);
        settings.hook_format = self.hook_format.unwrap_or(settings.hook_format);
        settings.callback_url = self.callback_url.clone().unwrap_or(settings.callback_url);
        settings
    }
}

/// Characters of a name at most.
const NAME: usize = 191;
/// Pools that are read at once.
const MOST_POOLS: usize = 100_000;
/// A session lasts at least so long.
const SHORTEST_TTL: DurationSetting = DurationSetting::from_millis(1_000);

fn check_name(name: &str) -> Result<()> {
    let wrong = |reason: String| Err(Error::invalid("name", reason));
    match name.chars().count() {
        0 => wrong("is empty".into()),
        1..=NAME => Ok(()),
        _ => wrong(format!("is longer than {NAME} characters")),
    }
}

fn check_text(field: &'static str, said: Option<&str>, longest: usize) -> Result<()> {
    match said.map(text::units) {
        Some(units) if units == 0 || units > longest => {
            Err(Error::invalid(field, format!("must be 1 to {longest} UTF-16 units long, and is {units}")))
        }
        _ => Ok(()),
    }
}

fn exclusive_only() -> Error {
    Error::invalid("exclusive", "must be true of the number proxy's own pool")
}

impl Numbers {
    /// A URL as it will be called; none that may not be. One that is there already is left as it is.
    fn check_hook(&self, field: &'static str, url: &mut Option<String>, before: Option<&str>) -> Result<()> {
        let Some(given) = url.as_deref().filter(|given| Some(*given) != before) else { return Ok(()) };
        let good = self.events.check_url(given).map_err(|reason| Error::invalid(field, reason.to_string()))?;
        *url = Some(good);
        Ok(())
    }

    fn check_hooks(&self, settings: &mut PoolSettings, before: &PoolSettings) -> Result<()> {
        let PoolSettings { intercept_url, out_of_session_url, callback_url, .. } = settings;
        self.check_hook("intercept_url", intercept_url, before.intercept_url.as_deref())?;
        self.check_hook("out_of_session_url", out_of_session_url, before.out_of_session_url.as_deref())?;
        self.check_hook("callback_url", callback_url, before.callback_url.as_deref())
    }

    /// A text is as long as a message may be.
    fn check_settings(&self, settings: &PoolSettings) -> Result<()> {
        check_text("start_text", settings.start_text.as_deref(), self.longest_text)?;
        check_text("end_text", settings.end_text.as_deref(), self.longest_text)?;
        if settings.ttl.is_some_and(|ttl| ttl < SHORTEST_TTL) {
            return Err(Error::invalid("ttl", format!("must be {SHORTEST_TTL} or more")));
        }
        Ok(())
    }

    /// A pool with open sessions stays what it is.
    async fn pool_must_be_idle(&self, client: ClientId, id: PoolId) -> Result<()> {
        let store = &self.directory.store;
        let (taken, empty) =
            (pool::open_sessions(store, client, id).await?, pool::empty_sessions(store, client, id).await?);
        in_no_session("pool", "its numbers", taken + empty)
    }

    /// Newest first; whether there are more.
    pub async fn list_pools(
        &self,
        client: ClientId,
        after: Option<PoolId>,
        limit: usize,
    ) -> Result<(Vec<PoolWithNumbers>, bool)> {
        let (pools, more) = page(pool::list(&self.directory.store, client, after, limit + 1).await?, limit);
        Ok((pools.into_iter().map(|pool| self.filled(pool)).collect(), more))
    }

    /// All of a client's pools without their numbers, newest first.
    pub async fn pools(&self, client: ClientId) -> Result<Vec<Pool>> {
        Ok(pool::list(&self.directory.store, client, None, MOST_POOLS).await?)
    }

    /// One of them.
    pub async fn pool(&self, client: ClientId, id: PoolId) -> Result<Pool> {
        pool::find(&self.directory.store, client, id).await?.ok_or_else(|| Error::not_found("pool"))
    }

    /// What is about to change: with its numbers as they are, not as they were a second ago.
    async fn pool_now(&self, client: ClientId, id: PoolId) -> Result<PoolWithNumbers> {
        self.directory.refresh().await?;
        self.find_pool(client, id).await
    }

    pub async fn find_pool(&self, client: ClientId, id: PoolId) -> Result<PoolWithNumbers> {
        let found = pool::find(&self.directory.store, client, id).await?;
        found.map(|pool| self.filled(pool)).ok_or_else(|| Error::not_found("pool"))
    }

    fn filled(&self, pool: Pool) -> PoolWithNumbers {
        let entries = self.directory.current();
        let senders = entries.senders_of(pool.client).iter().filter(|sender| sender.number.pool == Some(pool.id));
        let numbers = senders.map(|sender| sender.number.clone()).collect();
        PoolWithNumbers { pool, numbers }
    }

    pub async fn add_pool(
        &self,
        client: ClientId,
        name: String,
        settings: &PoolSettingsChange,
        audit: &PoolAudit<'_>,
    ) -> Result<PoolWithNumbers> {
        self.insert_pool(self.new_pool(client, name, settings)?, audit).await
    }

    /// The same with a name that no other pool of the client's has.
    pub async fn add_pool_named_alone(
        &self,
        client: ClientId,
        name: String,
        settings: &PoolSettingsChange,
        audit: &PoolAudit<'_>,
    ) -> Result<PoolWithNumbers> {
        let pool = self.new_pool(client, name, settings)?;
        settled("the pools of this client", || async {
            self.must_be_named_alone(&pool).await?;
            self.write_pool(pool.clone(), true, audit).await
        })
        .await
    }

    fn new_pool(&self, client: ClientId, name: String, settings: &PoolSettingsChange) -> Result<Pool> {
        let mut settings = settings.of(&PoolSettings::default());
        self.check_hooks(&mut settings, &PoolSettings::default())?;
        let now_ms = self.clock.now_ms();
        Ok(Pool::new(PoolId::new(now_ms), client, name, settings, now_ms)?)
    }

    async fn must_be_named_alone(&self, pool: &Pool) -> Result<()> {
        let is_taken = pool::has_namesake(&self.directory.store, pool).await?;
        if is_taken { Err(Error::conflict("another pool has this name").about("name")) } else { Ok(()) }
    }

    async fn insert_pool(&self, pool: Pool, audit: &PoolAudit<'_>) -> Result<PoolWithNumbers> {
        self.write_pool(pool, false, audit).await
    }

    async fn write_pool(&self, pool: Pool, is_named_alone: bool, audit: &PoolAudit<'_>) -> Result<PoolWithNumbers> {
        check_name(&pool.name)?;
        self.check_settings(&pool.settings)?;
        let now_ms = pool.created_ms;
        let made = PoolWithNumbers { pool, numbers: Vec::new() };
        let entry = audit.entry(now_ms, made.pool.id, None, Some(&made));
        let store = &self.directory.store;
        let inserted = if is_named_alone {
            pool::insert_named_alone(store, &made.pool, entry).await
        } else {
            pool::insert(store, &made.pool, entry).await
        };
        inserted.on_conflict(|| Error::conflict("another client has a pool with this id"))?;
        self.directory.refresh().await?;
        Ok(made)
    }

    /// The pool as it now is. What changes nothing is not written.
    pub async fn change_pool(
        &self,
        client: ClientId,
        id: PoolId,
        change: &PoolChange,
        audit: &PoolAudit<'_>,
    ) -> Result<PoolWithNumbers> {
        let changed = settled("this pool", || async {
            let before = self.pool_now(client, id).await?;
            let mut after = before.clone();
            after.pool.name = change.name.clone().unwrap_or(after.pool.name);
            after.pool.settings = change.settings.of(&before.pool.settings);
            check_name(&after.pool.name)?;
            self.check_settings(&after.pool.settings)?;
            self.check_hooks(&mut after.pool.settings, &before.pool.settings)?;
            if after.pool.name == before.pool.name && after.pool.settings == before.pool.settings {
                return Ok(before);
            }
            if id == PoolId::number_proxy(client) && !after.pool.settings.is_exclusive {
                return Err(exclusive_only());
            }
            if change.is_named_alone {
                self.must_be_named_alone(&after.pool).await?;
            }
            if before.pool.settings.is_exclusive != after.pool.settings.is_exclusive {
                self.pool_must_be_idle(client, id).await?;
            }
            let now_ms = self.clock.now_ms();
            let entry = audit.entry(now_ms, id, Some(&before), Some(&after));
            let both = (&before.pool, &after.pool);
            pool::update(&self.directory.store, both, change.is_named_alone, now_ms, entry).await?;
            Ok(after)
        })
        .await?;
        self.directory.refresh().await?;
        Ok(changed)
    }

    /// Lets its numbers go.
    pub async fn delete_pool(&self, client: ClientId, id: PoolId, audit: &PoolAudit<'_>) -> Result<()> {
        settled("this pool", || async {
            let before = self.pool_now(client, id).await?;
            self.pool_must_be_idle(client, id).await?;
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), None);
            Ok(pool::delete(&self.directory.store, client, id, entry).await?)
        })
        .await?;
        Ok(self.directory.refresh().await?)
    }
}
