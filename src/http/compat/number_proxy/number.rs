//! `/tn`: the numbers that sessions get, one each.

use std::sync::Arc;

use ::http::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::refusal::{because, failed, invalid, method_not_allowed};
use super::{NumberProxyResult, consumer, fields, phone};
use crate::http::body::UnreadBody;
use crate::http::{App, RequestParts, number, pool, reply};
use crate::model::{ClientId, SessionId};
use crate::service::ErrorKind;
use crate::service::number::{ExclusiveNumber, NumberProxyAudit};

pub(super) async fn answer(request: RequestParts, posted: UnreadBody, app: Arc<App>) -> NumberProxyResult {
    let client = consumer(&app, &request)?.client;
    match request.method.as_str() {
        "GET" => list(client, &app).await,
        "POST" => add(client, &request, posted, &app).await,
        "DELETE" => remove(client, &request, posted, &app).await,
        _ => Err(method_not_allowed()),
    }
}

#[derive(Serialize)]
struct VirtualNumberOut<'a> {
    value: &'a str,
    session_id: Option<String>,
}

/// As it was posted; a number that came otherwise as the older system writes them.
pub(super) fn shown(number: &ExclusiveNumber) -> &str {
    number.written.as_deref().unwrap_or_else(|| bare(&number.address))
}

/// A number without its plus.
pub(super) fn bare(address: &str) -> &str {
    address.strip_prefix('+').unwrap_or(address)
}

fn out(number: &ExclusiveNumber) -> VirtualNumberOut<'_> {
    VirtualNumberOut { value: shown(number), session_id: number.session.map(SessionId::hex) }
}

async fn list(client: ClientId, app: &App) -> NumberProxyResult {
    let all = app.numbers.all_proxied(client).await?;
    let numbers: Vec<VirtualNumberOut<'_>> = all.iter().map(out).collect();
    let available = all.iter().filter(|one| one.free_ms.is_some()).count();
    let in_use = all.iter().filter(|one| one.session.is_some()).count();
    let body = json!({"virtual_tns": numbers, "pool_size": all.len(), "available": available, "in_use": in_use});
    Ok(reply::json(StatusCode::OK, &body))
}

async fn add(client: ClientId, request: &RequestParts, posted: UnreadBody, app: &App) -> NumberProxyResult {
    let (value, address) = phone(&fields(posted, app).await?, "value")?;
    let audit = NumberProxyAudit {
        number: number::context(request, "number.add"),
        pool: pool::context(request, "pool.create"),
        put: number::context(request, "pool.put"),
    };
    let added = app.numbers.proxy(client, (&address, &value), app.number_proxy_account, &audit).await;
    added.map_err(|error| match &error.kind {
        // nothing more is said of somebody else's number
        ErrorKind::Conflict => {
            because(StatusCode::BAD_REQUEST, "This number cannot be added to the pool.", "duplicate virtual TN")
        }
        ErrorKind::Invalid => invalid(&error.to_string()),
        _ => error.into(),
    })?;
    Ok(reply::json(StatusCode::OK, &json!({"message": "The number was added to the pool.", "value": value})))
}

async fn remove(client: ClientId, request: &RequestParts, posted: UnreadBody, app: &App) -> NumberProxyResult {
    let (value, address) = phone(&fields(posted, app).await?, "value")?;
    let missing = || because(StatusCode::NOT_FOUND, "This number is not in the pool.", "virtual TN not found");
    if let Err(error) = app.numbers.unproxy(client, &address, &number::context(request, "pool.take_out")).await {
        return Err(match error.kind {
            ErrorKind::NotFound => missing(),
            ErrorKind::Conflict => {
                let number = app.numbers.proxied(client, &address).await.map_err(|_| missing())?;
                let found = app.numbers.exclusive_of(&[number]).await?;
                match found.iter().find_map(|one| one.session) {
                    Some(session) => failed(&format!("The session {} uses this number: end it first.", session.hex())),
                    None => failed("A session has just used this number: try again."),
                }
            }
            _ => error.into(),
        });
    }
    let message = "The number was removed from the pool.";
    let body = json!({"message": message, "value": value, "status": "succeeded"});
    Ok(reply::json(StatusCode::OK, &body))
}
