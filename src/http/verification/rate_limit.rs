//! `/v1/verification-rate-limits`: limits of a client's own, which its verifications name with what is counted.

pub(in crate::http) mod bucket;

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::bucket::{LimitBucketIn, LimitBucketOut};
use crate::http::object;
use crate::http::resource::{
    HandlerResult, ListOut, PageIn, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body,
};
use crate::http::{RequestParts, audit, auth, list, openapi, reply};
use crate::model::{VerificationServiceId, rfc3339};
use crate::service::audit::AuditContext;
use crate::service::verification::limit::{LimitChange, LimitFilter, NamedLimit, NewLimit};

pub(in crate::http) fn resource() -> Resource {
    let description = openapi::described!(create, list_limits, fetch, change, delete);
    Resource::new(description, ("verification-rate-limits", "vrl"))
        .at("verification-rate-limits", [on(Method::GET, list_limits).asking(filters), with_body(Method::POST, create)])
        .at(
            "verification-rate-limits/{id}",
            [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)],
        )
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, NamedLimit> {
    audit::context(request, action, |limit: &NamedLimit| audit::json(&out(limit)))
}

/// What a list may be narrowed by.
fn filters() -> Vec<openapi::Parameter> {
    vec![openapi::optional("service", "Only those of this service.", openapi::text())]
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewVerificationRateLimit)]
struct RateLimitIn {
    /// 1 to 64 letters, digits, and any of `_ - .`; no other limit of the service has it.
    #[schema(example = "end_user_ip")]
    name: String,
    #[serde(default)]
    description: String,
    /// The only service whose verifications may name it. Left out: all of the client's may.
    service: Option<String>,
    /// How many sends each value may have within how long; 10 at most, each of another length.
    #[serde(default)]
    buckets: Vec<LimitBucketIn>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerificationRateLimitChange)]
struct RateLimitChangeIn {
    name: Option<String>,
    description: Option<String>,
    /// In the place of all that there are: they count anew.
    buckets: Option<Vec<LimitBucketIn>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = VerificationRateLimit)]
struct RateLimitOut<'a> {
    id: String,
    service: Option<String>,
    name: &'a str,
    description: &'a str,
    buckets: Vec<LimitBucketOut>,
    created_at: String,
    changed_at: String,
}

fn out(limit: &NamedLimit) -> RateLimitOut<'_> {
    RateLimitOut {
        id: limit.id.to_string(),
        service: limit.service.map(|service| service.to_string()),
        name: &limit.name,
        description: &limit.description,
        buckets: limit.buckets.iter().map(bucket::out).collect(),
        created_at: rfc3339(limit.created_ms),
        changed_at: rfc3339(limit.changed_ms),
    }
}

/// The service that a field or a parameter names.
fn service(id: &str) -> Result<VerificationServiceId, Refusal> {
    id.parse().map_err(|_| reply::bad_field("service", "no such service"))
}

/// `POST /v1/verification-rate-limits`: makes a limit, which verifications name in `rate_limits` from now on.
#[utoipa::path(
    post, path = "/v1/verification-rate-limits", tag = "verification-rate-limits",
    operation_id = "create_verification_rate_limit", request_body = RateLimitIn,
    responses(
        (status = 201, description = "Made.", body = RateLimitOut),
        (status = 409, description = "There are 10, or one of this name, or two buckets of one length."),
    ),
)]
async fn create(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let posted: RateLimitIn = object::read(&request, posted).await?;
    let new = NewLimit {
        service: posted.service.as_deref().map(service).transpose()?,
        name: posted.name,
        description: posted.description,
        buckets: posted.buckets.into_iter().map(Into::into).collect(),
    };
    let limit =
        request.app.verification_limits.create(client, new, &context(&request, "verification_limit.create")).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&limit)))
}

/// `GET /v1/verification-rate-limits`: a client's limits, newest first.
#[utoipa::path(
    get, path = "/v1/verification-rate-limits", tag = "verification-rate-limits",
    operation_id = "list_verification_rate_limits", params(PageIn),
    responses((status = 200, description = "A page of limits.", body = ListOut<RateLimitOut>)),
)]
async fn list_limits(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let (after, limit) = list::page(&request)?;
    let named = request.param("service").map(|id| service(&id)).transpose()?;
    let filter = LimitFilter { service: named, after, before: None };
    let (limits, more) = request.app.verification_limits.list(client, filter, limit).await?;
    Ok(list::reply(limits.iter().map(out).collect(), limits.last().map(|limit| limit.id), more))
}

/// `GET /v1/verification-rate-limits/<id>`: one limit with its buckets.
#[utoipa::path(
    get, path = "/v1/verification-rate-limits/{id}", tag = "verification-rate-limits",
    operation_id = "fetch_verification_rate_limit",
    responses((status = 200, description = "The limit.", body = RateLimitOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let limit = request.app.verification_limits.find(client, request.id("rate limit")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&limit)))
}

/// `PATCH /v1/verification-rate-limits/<id>`: changes what is given.
#[utoipa::path(
    patch, path = "/v1/verification-rate-limits/{id}", tag = "verification-rate-limits",
    operation_id = "change_verification_rate_limit", request_body = RateLimitChangeIn,
    responses(
        (status = 200, description = "The limit as it now is.", body = RateLimitOut),
        (status = 409, description = "There is one of this name, or two buckets of one length."),
    ),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let id = request.id("rate limit")?;
    let RateLimitChangeIn { name, description, buckets } = object::read(&request, posted).await?;
    let buckets = buckets.map(|all| all.into_iter().map(Into::into).collect());
    let change = LimitChange { name, description, buckets };
    let limit = request
        .app
        .verification_limits
        .change(client, id, change, &context(&request, "verification_limit.change"))
        .await?;
    Ok(reply::json(StatusCode::OK, &out(&limit)))
}

/// `DELETE /v1/verification-rate-limits/<id>`: takes it away with its buckets; who still names it is refused.
#[utoipa::path(
    delete, path = "/v1/verification-rate-limits/{id}", tag = "verification-rate-limits",
    operation_id = "delete_verification_rate_limit",
    responses((status = 204, description = "Taken away.")),
)]
async fn delete(request: ResourceRequest) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let id = request.id("rate limit")?;
    request.app.verification_limits.delete(client, id, &context(&request, "verification_limit.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
