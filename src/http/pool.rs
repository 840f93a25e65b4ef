//! `/v1/pools`: a client's numbers that send together, the same number to the same recipient.

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{RequestParts, audit, auth, list, object, openapi, reply};
use crate::model::rfc3339;
use crate::service::audit::AuditContext;
use crate::service::number::{Number, PoolWithNumbers};

pub(super) fn resource() -> Resource {
    Resource::new(openapi::described!(add, list, fetch, change, delete, put, take_out), ("pools", "pool"))
        .at("pools", [on(Method::GET, list), with_body(Method::POST, add)])
        .at("pools/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)])
        .at("pools/{id}/numbers/{number_id}", [on(Method::PUT, put), on(Method::DELETE, take_out)])
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPool)]
struct PoolIn {
    name: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = PoolChange)]
struct PoolChangeIn {
    name: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Pool)]
struct PoolOut {
    id: String,
    name: String,
    numbers: Vec<PoolNumberOut>,
    created_at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PoolNumber)]
struct PoolNumberOut {
    id: String,
    number: String,
}

fn out(PoolWithNumbers { pool, numbers }: &PoolWithNumbers) -> PoolOut {
    let member = |number: &Number| PoolNumberOut { id: number.id.to_string(), number: number.address.clone() };
    PoolOut {
        id: pool.id.to_string(),
        name: pool.name.clone(),
        numbers: numbers.iter().map(member).collect(),
        created_at: rfc3339(pool.created_ms),
    }
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, PoolWithNumbers> {
    audit::context(request, action, |pool: &PoolWithNumbers| audit::json(&out(pool)))
}

/// `POST /v1/pools`: makes a pool without numbers.
#[utoipa::path(
    post, path = "/v1/pools", tag = "pools", operation_id = "add_pool", request_body = PoolIn,
    responses((status = 201, description = "Made.", body = PoolOut)),
)]
async fn add(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let posted: PoolIn = object::read(&request, posted).await?;
    let pool = request.app.numbers.add_pool(client, posted.name, &context(&request, "pool.create")).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&pool)))
}

/// `GET /v1/pools`: all pools with their numbers, newest first.
#[utoipa::path(
    get, path = "/v1/pools", tag = "pools", operation_id = "list_pools", params(PageIn),
    responses((status = 200, description = "A page of pools.", body = ListOut<PoolOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let acting = auth::reader(&request.app, &request)?;
    let (after, limit) = list::page(&request)?;
    let (pools, more) = request.app.numbers.list_pools(acting.client, after, limit).await?;
    Ok(list::reply(pools.iter().map(out).collect(), pools.last().map(|filled| filled.pool.id), more))
}

/// `GET /v1/pools/<id>`: one pool with its numbers.
#[utoipa::path(
    get, path = "/v1/pools/{id}", tag = "pools", operation_id = "fetch_pool",
    responses((status = 200, description = "The pool.", body = PoolOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let acting = auth::reader(&request.app, &request)?;
    let pool = request.app.numbers.find_pool(acting.client, request.id("pool")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&pool)))
}

/// `PATCH /v1/pools/<id>`: gives it another name.
#[utoipa::path(
    patch, path = "/v1/pools/{id}", tag = "pools", operation_id = "change_pool", request_body = PoolChangeIn,
    responses((status = 200, description = "The pool as it now is.", body = PoolOut)),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let id = request.id("pool")?;
    let posted: PoolChangeIn = object::read(&request, posted).await?;
    let pool = match &posted.name {
        Some(name) => request.app.numbers.rename_pool(client, id, name, &context(&request, "pool.change")).await?,
        None => request.app.numbers.find_pool(client, id).await?,
    };
    Ok(reply::json(StatusCode::OK, &out(&pool)))
}

/// `DELETE /v1/pools/<id>`: lets its numbers go; they stay the client's.
#[utoipa::path(
    delete, path = "/v1/pools/{id}", tag = "pools", operation_id = "delete_pool",
    responses((status = 204, description = "Let go.")),
)]
async fn delete(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    request.app.numbers.delete_pool(client, request.id("pool")?, &context(&request, "pool.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `PUT /v1/pools/<id>/numbers/<number_id>`: puts a number of the same client into it, out of any other pool.
#[utoipa::path(
    put, path = "/v1/pools/{id}/numbers/{number_id}", tag = "pools", operation_id = "put_into_pool",
    responses((status = 200, description = "The pool as it now is.", body = PoolOut)),
)]
async fn put(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let (id, number) = (request.id("pool")?, request.nth_id(1, "number")?);
    let pool = request.app.numbers.put_into_pool(client, id, number, &context(&request, "pool.put")).await?;
    Ok(reply::json(StatusCode::OK, &out(&pool)))
}

/// `DELETE /v1/pools/<id>/numbers/<number_id>`: takes a number out; it stays the client's.
#[utoipa::path(
    delete, path = "/v1/pools/{id}/numbers/{number_id}", tag = "pools", operation_id = "take_out_of_pool",
    responses((status = 204, description = "Taken out.")),
)]
async fn take_out(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let (id, number) = (request.id("pool")?, request.nth_id(1, "number")?);
    request.app.numbers.take_out_of_pool(client, id, number, &context(&request, "pool.take_out")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
