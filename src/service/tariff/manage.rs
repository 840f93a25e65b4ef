//! Routes as an administrator manages them.

use super::{Route, Tariff, compile};
use crate::model::{AccountId, Channel, RouteId};
use crate::service::audit::AuditContext;
use crate::service::race::{WriteResultExt as _, settled};
use crate::service::{Error, Result, page};
use crate::store::{account, route};

/// Characters of a pattern, and of a name, at most.
const PATTERN: usize = 255;
const NAME: usize = 128;

pub struct NewRoute {
    pub priority: i64,
    pub pattern: String,
    pub channel: Option<Channel>,
    pub account: AccountId,
    pub name: String,
}

/// What may be changed: all of it.
#[derive(Clone, Debug, Default)]
pub struct RouteChange {
    pub priority: Option<i64>,
    pub pattern: Option<String>,
    pub channel: Option<Option<Channel>>,
    pub account: Option<AccountId>,
    pub name: Option<String>,
}

impl Tariff {
    /// In the order in which they are asked; whether there are more.
    pub async fn list_routes(&self, after: Option<(i64, RouteId)>, limit: usize) -> Result<(Vec<Route>, bool)> {
        Ok(page(route::list(&self.store, after, limit + 1).await?, limit))
    }

    pub async fn find_route(&self, id: RouteId) -> Result<Route> {
        route::find(&self.store, id).await?.ok_or_else(|| Error::not_found("route"))
    }

    pub async fn add_route(&self, new: NewRoute, audit: &AuditContext<'_, Route>) -> Result<Route> {
        let now_ms = self.clock.now_ms();
        let route = Route {
            id: RouteId::new(now_ms),
            priority: new.priority,
            pattern: new.pattern,
            channel: new.channel,
            account: new.account,
            name: new.name,
            created_ms: now_ms,
        };
        holds(&route)?;
        let entry = audit.entry(now_ms, route.id, None, Some(&route));
        route::insert(&self.store, &route, entry).await.on_guard(Error::no_account)?;
        self.renew().await;
        Ok(route)
    }

    /// The route as it now is.
    pub async fn change_route(
        &self,
        id: RouteId,
        change: RouteChange,
        audit: &AuditContext<'_, Route>,
    ) -> Result<Route> {
        let route = settled("this route", || async {
            let before = self.find_route(id).await?;
            let mut route = before.clone();
            if let Some(account) = change.account {
                let known = account::all(&self.store).await?;
                known.iter().find(|known| known.id == account).ok_or_else(Error::no_account)?;
                route.account = account;
            }
            route.priority = change.priority.unwrap_or(route.priority);
            route.pattern = change.pattern.clone().unwrap_or(route.pattern);
            route.channel = change.channel.unwrap_or(route.channel);
            route.name = change.name.clone().unwrap_or(route.name);
            holds(&route)?;
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), Some(&route));
            route::update(&self.store, &before, &route, entry).await?;
            Ok(route)
        })
        .await?;
        self.renew().await;
        Ok(route)
    }

    pub async fn delete_route(&self, id: RouteId, audit: &AuditContext<'_, Route>) -> Result<()> {
        settled("this route", || async {
            let before = self.find_route(id).await?;
            let entry = audit.entry(self.clock.now_ms(), id, Some(&before), None);
            Ok(route::delete(&self.store, &before, entry).await?)
        })
        .await?;
        self.renew().await;
        Ok(())
    }
}

fn holds(route: &Route) -> Result<()> {
    if route.pattern.chars().count() > PATTERN {
        return Err(Error::invalid("pattern", format!("is longer than {PATTERN} characters")));
    }
    if route.name.chars().count() > NAME {
        return Err(Error::invalid("name", format!("is longer than {NAME} characters")));
    }
    compile(&route.pattern).map(drop).map_err(|error| Error::invalid("pattern", error.to_string()))
}
