//! `/v1/users/<uid>/devices` and `/v1/devices/<id>`: an administrator's view of paired phones.

use ::http::{Method, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, on};
use super::{audit, list, openapi, reply};
use crate::model::{UserId, rfc3339};
use crate::service::device::Device;

pub(super) fn resource() -> Resource {
    Resource::of_administrators(openapi::described!(list_devices, revoke_device), ("devices", "dev"))
        .at("users/{uid}/devices", [on(Method::GET, list_devices)])
        .at("devices/{id}", [on(Method::DELETE, revoke_device)])
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

/// `GET /v1/users/<uid>/devices`: a user's paired phones, newest first, revoked ones too.
#[utoipa::path(
    get, path = "/v1/users/{uid}/devices", tag = "devices",
    params(("uid" = String, Path, description = "A user of the backend database."), PageIn),
    responses((status = 200, description = "A page of devices.", body = ListOut<DeviceOut>)),
)]
async fn list_devices(request: ResourceRequest) -> HandlerResult {
    let user = UserId::from_segment(request.given(0));
    let user = user.map_err(|_| reply::problem(StatusCode::BAD_REQUEST, "the path holds no user id"))?;
    let (after, limit) = list::page(&request)?;
    let (devices, more) = request.app.devices.list(&user, after, limit).await?;
    Ok(list::reply(devices.iter().map(out).collect(), devices.last().map(|device| device.id), more))
}

/// `DELETE /v1/devices/<id>`: revokes a device: empties its key and closes its user's open sockets.
#[utoipa::path(
    delete, path = "/v1/devices/{id}", tag = "devices",
    responses((status = 204, description = "Revoked.")),
)]
async fn revoke_device(request: ResourceRequest) -> HandlerResult {
    let context = audit::context(&request, "device.revoke", |device: &Device| audit::json(&out(device)));
    request.app.devices.revoke(request.id("device")?, &context).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
