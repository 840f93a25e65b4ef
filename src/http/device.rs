//! `/v1/users/<uid>/devices` and `/v1/devices/<id>`: an administrator's view of paired phones.

use std::sync::Arc;

use ::http::{Method, StatusCode};
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::{App, Call, auth, reply, with};
use crate::model::{DeviceId, UserId, rfc3339};
use crate::service::device::Device;

/// Devices in one page unless `?limit=` says otherwise, and at most.
const PAGE: usize = 50;
const LARGEST_PAGE: usize = 200;

pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let list = warp::path("users").and(warp::path::param::<String>()).and(warp::path("devices"));
    let list = list.and(warp::path::end()).and(super::call()).and(with(app)).then(list_devices);
    let one = warp::path("devices").and(warp::path::param::<String>()).and(warp::path::end());
    let revoke = one.and(super::call()).and(with(app)).then(revoke_device);
    list.or(revoke).unify().boxed()
}

#[derive(Serialize)]
struct DeviceOut {
    id: String,
    user_id: String,
    /// First 16 hex characters of the shared key's SHA-256.
    fingerprint: String,
    flavour: &'static str,
    paired_at: String,
    revoked_at: Option<String>,
}

#[derive(Serialize)]
struct DevicesOut {
    data: Vec<DeviceOut>,
    next_cursor: Option<String>,
}

fn out(device: &Device) -> DeviceOut {
    DeviceOut {
        id: device.id.to_string(),
        user_id: device.user.to_string(),
        fingerprint: device.fingerprint.clone(),
        flavour: if device.flavour == "one" { "one-step" } else { "two-step" },
        paired_at: rfc3339(device.paired_ms),
        revoked_at: device.revoked_ms.map(rfc3339),
    }
}

/// `GET /v1/users/<uid>/devices`: newest first, revoked ones too.
async fn list_devices(uid: String, call: Call, app: Arc<App>) -> Response {
    if call.method != Method::GET {
        return reply::method_not_allowed("GET");
    }
    if let Err(refusal) = auth::administrator(&app, &call) {
        return *refusal;
    }
    let Ok(user) = UserId::from_segment(&uid) else {
        return reply::problem(StatusCode::BAD_REQUEST, "the path holds no user id");
    };
    let (after, limit) = match page(&call) {
        Ok(page) => page,
        Err(detail) => return reply::problem(StatusCode::BAD_REQUEST, detail),
    };
    match app.devices.list(&user, after, limit).await {
        Ok((devices, more)) => {
            let next_cursor = devices.last().filter(|_| more).map(|device| device.id.to_string());
            reply::json(StatusCode::OK, &DevicesOut { data: devices.iter().map(out).collect(), next_cursor })
        }
        Err(error) => reply::device_error(&error),
    }
}

fn page(call: &Call) -> Result<(Option<DeviceId>, usize), &'static str> {
    let after = call.param("cursor").map(str::parse).transpose().map_err(|_| "cursor: not one of ours")?;
    let limit = call.param("limit").map_or(Ok(PAGE), |limit| match limit.parse() {
        Ok(limit @ 1..=LARGEST_PAGE) => Ok(limit),
        _ => Err("limit: a number from 1 to 200"),
    })?;
    Ok((after, limit))
}

/// `DELETE /v1/devices/<id>`: empties its key and closes its user's open sockets.
async fn revoke_device(id: String, call: Call, app: Arc<App>) -> Response {
    if call.method != Method::DELETE {
        return reply::method_not_allowed("DELETE");
    }
    if let Err(refusal) = auth::administrator(&app, &call) {
        return *refusal;
    }
    let Ok(id) = id.parse::<DeviceId>() else {
        return reply::problem(StatusCode::NOT_FOUND, "no such device");
    };
    match app.devices.revoke(id).await {
        Ok(()) => reply::empty(StatusCode::NO_CONTENT),
        Err(error) => reply::device_error(&error),
    }
}
