//! The administrator's key: `Authorization: Bearer …`.

use serde::Deserialize;
use subtle::ConstantTimeEq;
use warp::reply::Response;

use super::{App, Call, reply};
use crate::model::{ClientId, Secret};

/// `[admin]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminSettings {
    pub token: Secret,
}

/// Lets an administrator pass: the token of the configuration, or a key made by `switchboard admin key`.
pub(super) fn administrator(app: &App, call: &Call) -> Result<(), Box<Response>> {
    let given = call.header(::http::header::AUTHORIZATION).and_then(|value| value.split_once(' '));
    let given = given.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    let expected = app.admin_token.expose();
    let fits = given.is_some_and(|given| given.as_bytes().ct_eq(expected.as_bytes()).into());
    if fits && !expected.is_empty() || given.is_some_and(|given| app.admins.knows(given)) {
        return Ok(());
    }
    let detail =
        if given.is_some() { "this is not the administrator's key" } else { "this path wants the administrator's key" };
    Err(Box::new(reply::unauthorized(detail)))
}

/// For whom a caller acts: an administrator for the house.
pub(super) fn client(app: &App, call: &Call) -> Result<ClientId, Box<Response>> {
    administrator(app, call).map(|()| ClientId::HOUSE)
}
