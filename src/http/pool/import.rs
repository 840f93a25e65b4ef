//! `/v1/pools/import`: pools of older systems, taken over with their ids and all of their settings.

use ::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{PoolOut, context, out};
use crate::http::resource::{HandlerResult, ResourceRequest, UnreadBody};
use crate::http::{auth, object, reply};
use crate::model::{PoolId, PoolSettings};

/// A pool of an older system.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ImportedPool)]
struct PoolImportIn {
    /// Its id there, 32 hex digits: it keeps it, and is taken over once.
    #[schema(example = "5f64ad9e0f2b4c0c8a3a4f6a3a1d2c3b")]
    id: String,
    name: String,
    /// As a pool has them, and besides those that only the doors of older systems set, such as `bound` (`none`,
    /// `country`, `area_code`, `overlay` or `radius`); what is left out is as in any new pool.
    #[serde(default)]
    #[schema(value_type = Object)]
    settings: PoolSettings,
}

/// `POST /v1/pools/import`: takes a pool over from an older system, without its numbers. One that was taken over before
/// is answered as it is by now, and left so.
#[utoipa::path(
    post, path = "/v1/pools/import", tag = "pools", operation_id = "import_pool", request_body = PoolImportIn,
    responses(
        (status = 200, description = "It was taken over before; as it is now.", body = PoolOut),
        (status = 201, description = "It is here from now on.", body = PoolOut),
        (status = 409, description = "Another client has it."),
    ),
)]
pub(super) async fn import_pool(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let posted: PoolImportIn = object::read(&request, posted).await?;
    let id = PoolId::from_hex(&posted.id);
    let id = id.map_err(|_| reply::bad_field("id", "must be 32 hex digits, in lower case"))?;
    let context = context(&request, "pool.import");
    let (pool, is_new) = request.app.numbers.import_pool(client, id, posted.name, posted.settings, &context).await?;
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok(reply::json(status, &out(&pool)))
}
