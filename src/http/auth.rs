//! The administrator's key: `Authorization: Bearer …`.

use ::http::HeaderMap;
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::reply::{self, Refusal};
use super::{App, Call};
use crate::model::{ClientId, Secret};
use crate::service::client::Consumer;

/// `[admin]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminSettings {
    pub token: Secret,
}

/// The key that a request brings.
pub(super) fn given(headers: &HeaderMap) -> Option<&str> {
    let (scheme, key) = headers.get(::http::header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Whether a key is an administrator's.
pub(super) fn is_good(app: &App, given: &str) -> bool {
    let expected = app.admin_token.expose();
    let fits: bool = given.as_bytes().ct_eq(expected.as_bytes()).into();
    fits && !expected.is_empty() || app.admins.knows(given)
}

/// Lets an administrator pass: the token of the configuration, or a key made by `switchboard admin key`.
pub(super) fn administrator(app: &App, call: &Call) -> Result<(), Refusal> {
    let given = given(&call.headers);
    if given.is_some_and(|given| is_good(app, given)) {
        return Ok(());
    }
    let detail =
        if given.is_some() { "this is not the administrator's key" } else { "this path wants the administrator's key" };
    Err(reply::unauthorized(detail).into())
}

/// For whom a request is made.
pub(super) fn consumer(app: &App, call: &Call) -> Result<Consumer, Refusal> {
    administrator(app, call).map(|()| Consumer::house())
}

/// For whom a caller acts: an administrator for the house.
pub(super) fn client(app: &App, call: &Call) -> Result<ClientId, Refusal> {
    administrator(app, call).map(|()| ClientId::HOUSE)
}
