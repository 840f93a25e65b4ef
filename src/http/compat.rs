//! The paths and bodies of other systems over the same services: thin adapters, no rules of their own.

mod carried;
pub(super) mod codes;
pub(super) mod key;
mod masked;
mod number_proxy;
mod relay;
pub(super) mod twilio;

use std::sync::Arc;

use ::http::HeaderMap;
use warp::Filter;

pub use self::codes::CodesDoorSettings;
pub(super) use self::masked::signature::SignedFields;
pub use self::masked::{MaskedDoor, MaskedDoorSettings};
use super::auth::Requester;
use super::{App, HttpRoutes};

/// Who makes a request by a login that a door has of its own.
pub(super) fn requester(app: &App, path: &str, headers: &HeaderMap) -> Option<Requester> {
    masked::requester(app, path, headers)
}

/// Whether a carrier posts to a path of these.
pub(super) fn is_carriers(path: &str) -> bool {
    masked::is_carriers(path)
}

/// Grouped by first path segment.
pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    let twilio = warp::path(twilio::VERSION).and(twilio::routes(app)).boxed();
    let relay = warp::path("relay").and(relay::routes(app).or(twilio.clone()).unify());
    let proxy = number_proxy::routes(app).or(codes::routes(app)).unify();
    twilio.or(relay).unify().or(masked::routes(app)).unify().or(proxy).unify().boxed()
}
