//! `/v1/verification-rate-limits/<id>/buckets`: how many sends a limit lets through within how long.

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::context;
use crate::http::object;
use crate::http::resource::{HandlerResult, ListOut, Resource, ResourceRequest, UnreadBody, on, with_body};
use crate::http::{auth, list, openapi, reply};
use crate::model::{DurationSetting, LimitBucketId, rfc3339};
use crate::service::verification::limit::{LimitBucket, NewLimitBucket};

pub(in crate::http) fn resource() -> Resource {
    let description = openapi::described!(add, list_buckets, fetch, change, delete);
    Resource::new(description, ("buckets", "vrb"))
        .at("verification-rate-limits/{id}/buckets", [on(Method::GET, list_buckets), with_body(Method::POST, add)])
        .at(
            "verification-rate-limits/{id}/buckets/{bucket_id}",
            [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)],
        )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRateLimitBucket)]
pub(super) struct LimitBucketIn {
    /// So many sends of one value: 1 to 1,000,000,
    #[schema(example = 4)]
    max: u32,
    /// within so long: `1s` to `31d`.
    #[schema(value_type = String, example = "10m")]
    interval: DurationSetting,
}

impl From<LimitBucketIn> for NewLimitBucket {
    fn from(LimitBucketIn { max, interval }: LimitBucketIn) -> Self {
        Self { most: max, interval }
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RateLimitBucketChange)]
struct LimitBucketChangeIn {
    max: Option<u32>,
    /// Another length begins to count anew.
    #[schema(value_type = Option<String>)]
    interval: Option<DurationSetting>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = RateLimitBucket)]
pub(super) struct LimitBucketOut {
    id: String,
    max: u32,
    interval: String,
    created_at: String,
    changed_at: String,
}

pub(super) fn out(bucket: &LimitBucket) -> LimitBucketOut {
    LimitBucketOut {
        id: bucket.id.to_string(),
        max: bucket.most,
        interval: DurationSetting::from_millis(bucket.interval_ms.unsigned_abs()).to_string(),
        created_at: rfc3339(bucket.created_ms),
        changed_at: rfc3339(bucket.changed_ms),
    }
}

/// `POST /v1/verification-rate-limits/<id>/buckets`: adds a bucket to a limit.
#[utoipa::path(
    post, path = "/v1/verification-rate-limits/{id}/buckets", tag = "verification-rate-limits",
    operation_id = "add_rate_limit_bucket", request_body = LimitBucketIn,
    responses(
        (status = 201, description = "Added.", body = LimitBucketOut),
        (status = 409, description = "There are 10, or one of this length."),
    ),
)]
async fn add(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let id = request.id("rate limit")?;
    let posted: LimitBucketIn = object::read(&request, posted).await?;
    let context = context(&request, "verification_limit.add_bucket");
    let bucket = request.app.verification_limits.add_bucket(client, id, posted.into(), &context).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&bucket)))
}

/// `GET /v1/verification-rate-limits/<id>/buckets`: all buckets of a limit, in the order in which they came.
#[utoipa::path(
    get, path = "/v1/verification-rate-limits/{id}/buckets", tag = "verification-rate-limits",
    operation_id = "list_rate_limit_buckets",
    responses((status = 200, description = "All of them, on one page.", body = ListOut<LimitBucketOut>)),
)]
async fn list_buckets(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let limit = request.app.verification_limits.find(client, request.id("rate limit")?).await?;
    Ok(list::reply(limit.buckets.iter().map(out).collect(), None::<LimitBucketId>, false))
}

/// `GET /v1/verification-rate-limits/<id>/buckets/<bucket_id>`: one bucket.
#[utoipa::path(
    get, path = "/v1/verification-rate-limits/{id}/buckets/{bucket_id}", tag = "verification-rate-limits",
    operation_id = "fetch_rate_limit_bucket",
    responses((status = 200, description = "The bucket.", body = LimitBucketOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let (id, bucket) = (request.id("rate limit")?, request.nth_id(1, "bucket")?);
    let bucket = request.app.verification_limits.find_bucket(client, id, bucket).await?;
    Ok(reply::json(StatusCode::OK, &out(&bucket)))
}

/// `PATCH /v1/verification-rate-limits/<id>/buckets/<bucket_id>`: changes what is given.
#[utoipa::path(
    patch, path = "/v1/verification-rate-limits/{id}/buckets/{bucket_id}", tag = "verification-rate-limits",
    operation_id = "change_rate_limit_bucket", request_body = LimitBucketChangeIn,
    responses(
        (status = 200, description = "The bucket as it now is.", body = LimitBucketOut),
        (status = 409, description = "There is another of this length."),
    ),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let place = (request.id("rate limit")?, request.nth_id(1, "bucket")?);
    let LimitBucketChangeIn { max, interval } = object::read(&request, posted).await?;
    let context = context(&request, "verification_limit.change_bucket");
    let bucket = request.app.verification_limits.change_bucket(client, place, (max, interval), &context).await?;
    Ok(reply::json(StatusCode::OK, &out(&bucket)))
}

/// `DELETE /v1/verification-rate-limits/<id>/buckets/<bucket_id>`: takes it out of its limit.
#[utoipa::path(
    delete, path = "/v1/verification-rate-limits/{id}/buckets/{bucket_id}", tag = "verification-rate-limits",
    operation_id = "remove_rate_limit_bucket",
    responses((status = 204, description = "Taken out.")),
)]
async fn delete(request: ResourceRequest) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let place = (request.id("rate limit")?, request.nth_id(1, "bucket")?);
    let context = context(&request, "verification_limit.remove_bucket");
    request.app.verification_limits.remove_bucket(client, place, &context).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
