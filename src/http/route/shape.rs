//! Routes as administrators write and read them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::http::object::{Maybe, present};
use crate::http::openapi;
use crate::model::{Channel, RouteId, rfc3339};
use crate::service::tariff::Route;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRoute)]
pub(super) struct RouteIn {
    /// Lower ones are asked first.
    pub(super) priority: i32,
    /// A regular expression on the destination, anchored at its start.
    #[schema(example = "\\+237")]
    pub(super) pattern: String,
    pub(super) account_id: String,
    /// The only channel that it is for; without, all are.
    #[schema(schema_with = channels)]
    pub(super) channel: Option<String>,
    #[serde(default)]
    pub(super) name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RouteChange)]
pub(super) struct ChangeIn {
    pub(super) priority: Option<i32>,
    pub(super) pattern: Option<String>,
    pub(super) account_id: Option<String>,
    /// `null`: all channels.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(super) channel: Option<Maybe<String>>,
    pub(super) name: Option<String>,
}

fn channels() -> RefOr<Schema> {
    openapi::one_of(Channel::ALL.map(Channel::name))
}

#[derive(Serialize, ToSchema)]
#[schema(as = Route)]
pub(super) struct RouteOut<'a> {
    id: String,
    priority: i64,
    pattern: &'a str,
    channel: Option<&'static str>,
    account_id: String,
    /// Whether that account is there; a route to one that was deleted is passed over.
    has_account: bool,
    name: &'a str,
    created_at: String,
}

pub(super) fn out(route: &Route, has_account: bool) -> RouteOut<'_> {
    RouteOut {
        id: route.id.to_string(),
        priority: route.priority,
        pattern: &route.pattern,
        channel: route.channel.map(Channel::name),
        account_id: route.account.to_string(),
        has_account,
        name: &route.name,
        created_at: rfc3339(route.created_ms),
    }
}

/// Where a page has ended.
pub(super) fn cursor(route: &Route) -> String {
    format!("{}.{}", route.priority, route.id)
}

pub(super) fn read_cursor(text: &str) -> Option<(i64, RouteId)> {
    let (priority, id) = text.split_once('.')?;
    Some((priority.parse().ok()?, id.parse().ok()?))
}
