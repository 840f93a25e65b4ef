//! `/v1/users/<uid>/devices` and `/v1/devices/<id>`: an administrator's view of paired phones.

use std::sync::Arc;

use ::http::{Method, StatusCode};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::list::{ListOut, PageIn};
use super::{App, Call, auth, list, reply, with};
use crate::model::{DeviceId, UserId, rfc3339};
use crate::service::device::Device;

pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let list = warp::path("users").and(warp::path::param::<String>()).and(warp::path("devices"));
    let list = list.and(warp::path::end()).and(super::call()).and(with(app)).then(list_devices);
    let one = warp::path("devices").and(warp::path::param::<String>()).and(warp::path::end());
    let revoke = one.and(super::call()).and(with(app)).then(revoke_device);
    list.or(revoke).unify().boxed()
}

#[derive(Serialize, ToSchema)]
#[schema(as = Device)]
struct DeviceOut {
    id: String,
    user_id: String,
    /// First 16 hex characters of the shared key's SHA-256.
    fingerprint: String,
    /// `one-step` or `two-step`.
    flavour: &'static str,
    paired_at: String,
    revoked_at: Option<String>,
}

#[derive(OpenApi)]
#[openapi(paths(list_devices, revoke_device))]
pub(super) struct Doc;

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
#[utoipa::path(
    get, path = "/v1/users/{uid}/devices", tag = "devices",
    params(("uid" = String, Path, description = "A user of the backend database."), PageIn),
    responses((status = 200, description = "A page of devices.", body = ListOut<DeviceOut>)),
)]
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
    let (after, limit) = match list::page(&call) {
        Ok(page) => page,
        Err(refusal) => return *refusal,
    };
    match app.devices.list(&user, after, limit).await {
        Ok((devices, more)) => {
            let last = devices.last().map(|device| device.id);
            list::reply(devices.iter().map(out).collect(), last, more)
        }
        Err(error) => reply::device_error(&error),
    }
}

/// `DELETE /v1/devices/<id>`: empties its key and closes its user's open sockets.
#[utoipa::path(
    delete, path = "/v1/devices/{id}", tag = "devices", params(("id" = String, Path, description = "`dev_` and 32 hex digits")),
    responses((status = 204, description = "Revoked.")),
)]
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
