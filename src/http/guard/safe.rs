//! `/v1/guard/safe-list`: whom the guard never blocks.

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, UnreadBody, on, with_body};
use crate::http::{RequestParts, audit, auth, list, object, openapi, reply};
use crate::model::rfc3339;
use crate::service::audit::AuditContext;
use crate::service::guard::{NewSafeListEntry, SafeKind, SafeListEntry};

const ENTRY: &str = "entry of the safe list";

pub(in crate::http) fn resource() -> Resource {
    Resource::of_administrators(openapi::described!(safe_list, add_safe, find_safe, remove_safe), ("safe-list", "gsl"))
        .at("guard/safe-list", [on(Method::GET, safe_list), with_body(Method::POST, add_safe)])
        .at("guard/safe-list/{id}", [on(Method::GET, find_safe), on(Method::DELETE, remove_safe)])
}

fn kinds() -> openapi::SchemaOrRef {
    openapi::one_of(SafeKind::ALL.map(SafeKind::name))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewSafeListEntry)]
struct SafeListEntryIn {
    /// What of: a number, all numbers with a prefix, all of a country, or all that is asked for from a network.
    #[schema(schema_with = kinds)]
    kind: String,
    /// A number, such as `+12065550110`; first digits, such as `+1206`; two letters; an address or a network, such as
    /// `192.0.2.0/24`.
    #[schema(example = "+12065550110")]
    value: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = SafeListEntry)]
struct SafeListEntryOut {
    id: String,
    #[schema(schema_with = kinds)]
    kind: &'static str,
    value: String,
    created_at: String,
}

fn out(entry: &SafeListEntry) -> SafeListEntryOut {
    SafeListEntryOut {
        id: entry.id.to_string(),
        kind: entry.kind.name(),
        value: entry.value.clone(),
        created_at: rfc3339(entry.created_ms),
    }
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, SafeListEntry> {
    audit::context(request, action, |entry: &SafeListEntry| audit::json(&out(entry)))
}

/// `GET /v1/guard/safe-list`: whom the guard never blocks, whatever the client, or whom not for the client that is named
/// (`Switchboard-Client`); newest first.
#[utoipa::path(
    get, path = "/v1/guard/safe-list", tag = "guard", operation_id = "list_safe", params(PageIn),
    responses((status = 200, description = "A page of the list.", body = ListOut<SafeListEntryOut>)),
)]
async fn safe_list(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let (after, limit) = list::page(&request)?;
    let (entries, more) = request.app.guard.safe_list(client, after, limit).await?;
    Ok(list::reply(entries.iter().map(out).collect(), entries.last().map(|entry| entry.id), more))
}

/// `POST /v1/guard/safe-list`: puts somebody on it. What is on it is not counted either, and no country's permission is
/// asked.
#[utoipa::path(
    post, path = "/v1/guard/safe-list", tag = "guard", operation_id = "add_safe", request_body = SafeListEntryIn,
    responses(
        (status = 201, description = "Added.", body = SafeListEntryOut),
        (status = 409, description = "It is on the list already."),
    ),
)]
async fn add_safe(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let posted: SafeListEntryIn = object::read(&request, posted).await?;
    let wrong = || reply::bad_field("kind", "must be number, prefix, country or network");
    let kind = SafeKind::parse(&posted.kind).ok_or_else(wrong)?;
    let new = NewSafeListEntry { kind, value: posted.value };
    let entry = request.app.guard.add_safe(client, new, &context(&request, "guard.add_safe")).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&entry)))
}

/// `GET /v1/guard/safe-list/<id>`: one entry of the safe list.
#[utoipa::path(
    get, path = "/v1/guard/safe-list/{id}", tag = "guard", operation_id = "fetch_safe",
    responses((status = 200, description = "The entry.", body = SafeListEntryOut)),
)]
async fn find_safe(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let entry = request.app.guard.find_safe(client, request.id(ENTRY)?).await?;
    Ok(reply::json(StatusCode::OK, &out(&entry)))
}

/// `DELETE /v1/guard/safe-list/<id>`: takes it off.
#[utoipa::path(
    delete, path = "/v1/guard/safe-list/{id}", tag = "guard", operation_id = "remove_safe",
    responses((status = 204, description = "Taken off.")),
)]
async fn remove_safe(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let id = request.id(ENTRY)?;
    request.app.guard.remove_safe(client, id, &context(&request, "guard.remove_safe")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
