//! `/v1/clients`: consumers of the API, whom the administrator manages.

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::object::{self, nullable};
use super::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{RequestParts, audit, list, openapi, reply};
use crate::model::{Country, Money, rfc3339};
use crate::service::audit::AuditContext;
use crate::service::client::{Client, ClientChange, ClientProfile, ClientProfileChange, NewClient};

pub(super) fn resource() -> Resource {
    Resource::of_administrators(
        openapi::described!(create, list, fetch, change, delete, rotate_token),
        ("clients", "cli"),
    )
    .at("clients", [on(Method::GET, list), with_body(Method::POST, create)])
    .at("clients/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)])
    .at("clients/{id}/token", [on(Method::POST, rotate_token)])
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, Client> {
    audit::context(request, action, |client: &Client| audit::json(&out(client, None)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewClient)]
struct ClientIn {
    #[schema(example = "Example Ltd")]
    name: String,
    email: Option<String>,
    company: Option<String>,
    phone: Option<String>,
    address: Option<String>,
    site: Option<String>,
    notes: Option<String>,
    /// The country in which this client's numbers without a country code are read: two letters (ISO 3166-1). Default:
    /// `number.country`.
    #[schema(value_type = Option<String>, example = "GB")]
    country: Option<Country>,
    /// How far below zero its balance may fall.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "0")]
    credit_limit: Money,
    /// Below what balance a `balance.low` event is told.
    #[schema(value_type = Option<String>, example = "10.00")]
    low_at: Option<Money>,
    /// What it has paid in already.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "100.00")]
    balance: Money,
}

impl From<ClientIn> for NewClient {
    fn from(posted: ClientIn) -> Self {
        let ClientIn { name, email, company, phone, address, site, notes, country, credit_limit, low_at, balance } =
            posted;
        let profile = ClientProfile { email, company, phone, address, site, notes };
        Self { name, profile, country, credit_limit, low_at, balance }
    }
}

/// `null` takes a field away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClientChange)]
#[expect(clippy::option_option, reason = "left out, null, and given are three things")]
struct ClientChangeIn {
    name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    email: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    company: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    phone: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    address: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    site: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    notes: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    country: Option<Option<Country>>,
    /// `true` takes a deactivated client back.
    is_active: Option<bool>,
    #[schema(value_type = Option<String>)]
    credit_limit: Option<Money>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    low_at: Option<Option<Money>>,
}

impl From<ClientChangeIn> for ClientChange {
    fn from(posted: ClientChangeIn) -> Self {
        let ClientChangeIn { email, company, phone, address, site, notes, .. } = posted;
        let profile = ClientProfileChange { email, company, phone, address, site, notes };
        let ClientChangeIn { name, is_active, country, credit_limit, low_at, .. } = posted;
        Self { name, profile, is_active, country, credit_limit, low_at }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Client)]
struct ClientOut<'a> {
    id: String,
    /// By what Twilio's libraries call it: `AC` and 32 hex digits.
    sid: String,
    name: &'a str,
    email: Option<String>,
    company: Option<String>,
    phone: Option<String>,
    address: Option<String>,
    site: Option<String>,
    notes: Option<String>,
    country: Option<String>,
    is_active: bool,
    #[schema(value_type = String)]
    balance: Money,
    #[schema(value_type = String)]
    credit_limit: Money,
    #[schema(value_type = Option<String>)]
    low_at: Option<Money>,
    created_at: String,
    /// Only where it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_token: Option<&'a str>,
}

fn out<'a>(client: &'a Client, auth_token: Option<&'a str>) -> ClientOut<'a> {
    let ClientProfile { email, company, phone, address, site, notes } = ClientProfile::parse(client.profile.as_deref());
    ClientOut {
        id: client.id.to_string(),
        sid: format!("AC{}", client.id.hex()),
        name: &client.name,
        email,
        company,
        phone,
        address,
        site,
        notes,
        country: client.country.map(|country| country.to_string()),
        is_active: client.is_active,
        balance: client.balance,
        credit_limit: client.credit_limit,
        low_at: client.low_at,
        created_at: rfc3339(client.created_ms),
        auth_token,
    }
}

/// `POST /v1/clients`: makes a client with its balance. Its auth token stands in this answer and never again.
#[utoipa::path(
    post, path = "/v1/clients", tag = "clients", operation_id = "create_client", request_body = ClientIn,
    responses((status = 201, description = "Made, with its auth token.", body = ClientOut)),
)]
async fn create(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let posted: ClientIn = object::read(&request, posted).await?;
    let (client, token) = request.app.clients.create(posted.into(), &context(&request, "client.create")).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&client, Some(token.expose()))))
}

/// `GET /v1/clients`: all clients, newest first; the operator is none.
#[utoipa::path(
    get, path = "/v1/clients", tag = "clients", operation_id = "list_clients", params(PageIn),
    responses((status = 200, description = "A page of clients.", body = ListOut<ClientOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let (after, limit) = list::page(&request)?;
    let (clients, more) = request.app.clients.list(after, limit).await?;
    let last = clients.last().map(|client| client.id);
    Ok(list::reply(clients.iter().map(|client| out(client, None)).collect(), last, more))
}

/// `GET /v1/clients/<id>`: one client with its balance, all but its auth token.
#[utoipa::path(
    get, path = "/v1/clients/{id}", tag = "clients", operation_id = "fetch_client",
    responses((status = 200, description = "The client.", body = ClientOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let client = request.app.clients.find(request.id("client")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&client, None)))
}

/// `PATCH /v1/clients/<id>`: changes what is given; its balance changes through the ledger alone.
#[utoipa::path(
    patch, path = "/v1/clients/{id}", tag = "clients", operation_id = "change_client", request_body = ClientChangeIn,
    responses(
        (status = 200, description = "The client as it now is.", body = ClientOut),
        (status = 409, description = "It owes more than its new credit limit."),
    ),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let id = request.id("client")?;
    let posted: ClientChangeIn = object::read(&request, posted).await?;
    let client = request.app.clients.change(id, posted.into(), &context(&request, "client.change")).await?;
    Ok(reply::json(StatusCode::OK, &out(&client, None)))
}

/// `DELETE /v1/clients/<id>`: deactivates it. Its keys and its token no longer work; messages under way finish, and
/// are refunded where they fail.
#[utoipa::path(
    delete, path = "/v1/clients/{id}", tag = "clients", operation_id = "delete_client",
    responses((status = 204, description = "Deactivated.")),
)]
async fn delete(request: ResourceRequest) -> HandlerResult {
    request.app.clients.deactivate(request.id("client")?, &context(&request, "client.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `POST /v1/clients/<id>/token`: makes a new auth token, shown once; the old one ends at once.
#[utoipa::path(
    post, path = "/v1/clients/{id}/token", tag = "clients", operation_id = "rotate_client_token",
    responses((status = 200, description = "The client with its new auth token.", body = ClientOut)),
)]
async fn rotate_token(request: ResourceRequest) -> HandlerResult {
    let (client, token) = request.app.clients.rotate(request.id("client")?, &context(&request, "client.token")).await?;
    Ok(reply::json(StatusCode::OK, &out(&client, Some(token.expose()))))
}
