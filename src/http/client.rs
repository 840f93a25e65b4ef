//! `/v1/clients`: consumers of the API, whom the administrator manages.

mod shape;

use std::sync::Arc;

use ::http::{Method, StatusCode};
use utoipa::OpenApi;

use self::shape::{ChangeIn, ClientIn, ClientOut, out};
use super::audit::{self, json};
use super::body::Posted;
use super::list::{self, ListOut, PageIn};
use super::reply::{self, Answer};
use super::resource::{Request, Resource, on, with_body};
use super::{App, RequestParts, auth, object};
use crate::service::audit::AuditContext;
use crate::service::client::Client;

pub(super) fn resource() -> Resource {
    Resource::new(Doc::openapi)
        .at("clients", [on(Method::GET, list), with_body(Method::POST, create)])
        .at("clients/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)])
        .at("clients/{id}/token", [on(Method::POST, rotate_token)])
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, Client> {
    audit::context(request, action, |client: &Client| json(&out(client, None)))
}

#[derive(OpenApi)]
#[openapi(paths(create, list, fetch, change, delete, rotate_token))]
struct Doc;

/// `POST /v1/clients`: makes a client with its balance. Its auth token stands in this answer and never again.
#[utoipa::path(
    post, path = "/v1/clients", tag = "clients", operation_id = "create_client", request_body = ClientIn,
    responses((status = 201, description = "Made, with its auth token.", body = ClientOut)),
)]
async fn create(request: Request, posted: Posted, app: Arc<App>) -> Answer {
    auth::administrator(&app, &request)?;
    let posted: ClientIn = object::read(&request, posted, &app).await?;
    let (client, token) = app.clients.create(posted.into(), &context(&request, "client.create")).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&client, Some(token.expose()))))
}

/// `GET /v1/clients`: all clients, newest first; the operator is none.
#[utoipa::path(
    get, path = "/v1/clients", tag = "clients", operation_id = "list_clients", params(PageIn),
    responses((status = 200, description = "A page of clients.", body = ListOut<ClientOut>)),
)]
async fn list(request: Request, app: Arc<App>) -> Answer {
    auth::administrator(&app, &request)?;
    let (after, limit) = list::page(&request)?;
    let (clients, more) = app.clients.list(after, limit).await?;
    let last = clients.last().map(|client| client.id);
    Ok(list::reply(clients.iter().map(|client| out(client, None)).collect(), last, more))
}

/// `GET /v1/clients/<id>`: one client with its balance, all but its auth token.
#[utoipa::path(
    get, path = "/v1/clients/{id}", tag = "clients", operation_id = "fetch_client",
    responses((status = 200, description = "The client.", body = ClientOut)),
)]
async fn fetch(request: Request, app: Arc<App>) -> Answer {
    auth::administrator(&app, &request)?;
    let client = app.clients.find(request.id("client")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&client, None)))
}

/// `PATCH /v1/clients/<id>`: changes what is given; its balance changes through the ledger alone.
#[utoipa::path(
    patch, path = "/v1/clients/{id}", tag = "clients", operation_id = "change_client", request_body = ChangeIn,
    responses(
        (status = 200, description = "The client as it now is.", body = ClientOut),
        (status = 409, description = "It owes more than its new credit limit."),
    ),
)]
async fn change(request: Request, posted: Posted, app: Arc<App>) -> Answer {
    auth::administrator(&app, &request)?;
    let id = request.id("client")?;
    let posted: ChangeIn = object::read(&request, posted, &app).await?;
    let client = app.clients.change(id, posted.into(), &context(&request, "client.change")).await?;
    Ok(reply::json(StatusCode::OK, &out(&client, None)))
}

/// `DELETE /v1/clients/<id>`: deactivates it. Its keys and its token no longer work; messages under way finish, and
/// are refunded where they fail.
#[utoipa::path(
    delete, path = "/v1/clients/{id}", tag = "clients", operation_id = "delete_client",
    responses((status = 204, description = "Deactivated.")),
)]
async fn delete(request: Request, app: Arc<App>) -> Answer {
    auth::administrator(&app, &request)?;
    app.clients.deactivate(request.id("client")?, &context(&request, "client.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `POST /v1/clients/<id>/token`: makes a new auth token, shown once; the old one ends at once.
#[utoipa::path(
    post, path = "/v1/clients/{id}/token", tag = "clients", operation_id = "rotate_client_token",
    responses((status = 200, description = "The client with its new auth token.", body = ClientOut)),
)]
async fn rotate_token(request: Request, app: Arc<App>) -> Answer {
    auth::administrator(&app, &request)?;
    let (client, token) = app.clients.rotate(request.id("client")?, &context(&request, "client.token")).await?;
    Ok(reply::json(StatusCode::OK, &out(&client, Some(token.expose()))))
}
