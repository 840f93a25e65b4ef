//! `/v1/clients/<id>/keys`: what clients show to be known, and what each may do.

mod shape;

use ::http::{Method, StatusCode};
use utoipa::OpenApi;

use self::shape::{ChangeIn, KeyIn, KeyOut, out};
use super::resource::{Answer, ListOut, PageIn, Posted, Request, Resource, on, with_body};
use super::{RequestParts, audit, list, object, reply};
use crate::model::Secret;
use crate::service::audit::AuditContext;
use crate::service::client::KeyRow;

pub(super) fn resource() -> Resource {
    Resource::of_administrators(Doc::openapi)
        .at("clients/{id}/keys", [on(Method::GET, list), with_body(Method::POST, issue)])
        .at(
            "clients/{id}/keys/{key}",
            [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, revoke)],
        )
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, KeyRow> {
    audit::context(request, action, |key: &KeyRow| audit::json(&out(key, None)))
}

#[derive(OpenApi)]
#[openapi(paths(issue, list, fetch, change, revoke))]
struct Doc;

/// `POST /v1/clients/<id>/keys`: makes a key, which stands in this answer and never again; or, with `sha256`, takes
/// one over that was made elsewhere.
#[utoipa::path(
    post, path = "/v1/clients/{id}/keys", tag = "keys", operation_id = "create_key", request_body = Option<KeyIn>,
    responses(
        (status = 201, description = "In force from now on.", body = KeyOut),
        (status = 409, description = "This key is known already, or its client is not active."),
    ),
)]
async fn issue(request: Request, posted: Posted) -> Answer {
    let client = request.id("client")?;
    let posted: KeyIn = object::read_or_default(&request, posted, &request.app).await?;
    let (terms, origin) = posted.read()?;
    let (key, made) = request.app.clients.issue(client, terms, origin, &context(&request, "key.create")).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&key, made.as_ref().map(Secret::expose))))
}

/// `GET /v1/clients/<id>/keys`: a client's keys, newest first, revoked ones too.
#[utoipa::path(
    get, path = "/v1/clients/{id}/keys", tag = "keys", operation_id = "list_keys",
    params(PageIn),
    responses((status = 200, description = "A page of keys.", body = ListOut<KeyOut>)),
)]
async fn list(request: Request) -> Answer {
    let (after, limit) = list::page(&request)?;
    let (keys, more) = request.app.clients.keys(request.id("client")?, after, limit).await?;
    let last = keys.last().map(|key| key.id);
    Ok(list::reply(keys.iter().map(|key| out(key, None)).collect(), last, more))
}

/// `GET /v1/clients/<id>/keys/<key>`: one key, all but itself.
#[utoipa::path(
    get, path = "/v1/clients/{id}/keys/{key}", tag = "keys", operation_id = "fetch_key",
    responses((status = 200, description = "The key.", body = KeyOut)),
)]
async fn fetch(request: Request) -> Answer {
    let key = request.app.clients.key(request.id("client")?, request.nth_id(1, "key")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&key, None)))
}

/// `PATCH /v1/clients/<id>/keys/<key>`: changes what it is called and may do, from now on.
#[utoipa::path(
    patch, path = "/v1/clients/{id}/keys/{key}", tag = "keys", operation_id = "change_key", request_body = ChangeIn,
    responses((status = 200, description = "The key as it now is.", body = KeyOut)),
)]
async fn change(request: Request, posted: Posted) -> Answer {
    let (client, id) = (request.id("client")?, request.nth_id(1, "key")?);
    let posted: ChangeIn = object::read(&request, posted, &request.app).await?;
    let key = request.app.clients.change_key(client, id, posted.read()?, &context(&request, "key.change")).await?;
    Ok(reply::json(StatusCode::OK, &out(&key, None)))
}

/// `DELETE /v1/clients/<id>/keys/<key>`: revokes it, for good: at once on this node, within two seconds on others.
#[utoipa::path(
    delete, path = "/v1/clients/{id}/keys/{key}", tag = "keys", operation_id = "revoke_key",
    responses((status = 204, description = "Revoked.")),
)]
async fn revoke(request: Request) -> Answer {
    let (client, id) = (request.id("client")?, request.nth_id(1, "key")?);
    request.app.clients.revoke(client, id, &context(&request, "key.revoke")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
