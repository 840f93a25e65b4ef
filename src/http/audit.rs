//! `/v1/audit`: what administrators did; and how handlers say who does something.

use ::http::Method;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, on};
use super::{RequestParts, auth, filter, list, openapi};
use crate::model::address::blank_as_plus;
use crate::model::rfc3339;
use crate::service::audit::{Actor, AuditContext, AuditEntry, Filter as Wanted};

/// What an administrator does who was let in: the service writes it down with what it was done to, before and after, as `show` has
/// it. What a client does for itself is not written.
pub(super) fn context<'a, T>(
    request: &RequestParts,
    action: &'static str,
    show: impl Fn(&T) -> Option<String> + Send + Sync + 'a,
) -> AuditContext<'a, T> {
    AuditContext::new(by(request), action, show)
}

/// The same of what is sent: written where an administrator names the client that it is for. What the operator sends for
/// itself is its daily work, and not written: its messages say what became of them.
pub(super) fn context_for_client<'a, T>(
    request: &RequestParts,
    action: &'static str,
    show: impl Fn(&T) -> Option<String> + Send + Sync + 'a,
) -> AuditContext<'a, T> {
    AuditContext::new(if auth::names_client(request) { by(request) } else { None }, action, show)
}

fn by(request: &RequestParts) -> Option<Actor> {
    Some(Actor { who: auth::administrator_name(request)?, address: Some(request.caller.address.to_string()) })
}

/// As the API shows it. Never pass a shape that holds a secret, or what somebody has said.
pub(super) fn json(shown: &impl Serialize) -> Option<String> {
    serde_json::to_string(shown).ok()
}

pub(super) fn resource() -> Resource {
    Resource::of_administrators(openapi::described!(list_audit), None)
        .at("audit", [on(Method::GET, list_audit).asking(filters)])
}

#[derive(Serialize, ToSchema)]
#[schema(as = AuditEntry)]
struct AuditEntryOut {
    id: String,
    at: String,
    /// `config token`, the id and the name of the administrator's key, or `console` and the user of the system.
    who: String,
    /// What was done.
    #[schema(example = "client.create")]
    action: String,
    /// The id of what it was done to.
    object: String,
    /// As the API shows it, without secrets; null where there was nothing.
    #[schema(value_type = Option<Object>)]
    before: Value,
    #[schema(value_type = Option<Object>)]
    after: Value,
    /// From where.
    address: Option<String>,
}

fn out(entry: AuditEntry) -> AuditEntryOut {
    let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
    AuditEntryOut {
        id: entry.id.to_string(),
        at: rfc3339(entry.at_ms),
        who: entry.who,
        action: entry.action,
        object: entry.object,
        before: json(entry.before),
        after: json(entry.after),
        address: entry.address,
    }
}

/// What a list may be narrowed by.
fn filters() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("object", "Done to the thing with this id.", openapi::text()),
        openapi::optional("from", "Done at this time or later: RFC 3339, or a day.", openapi::text()),
        openapi::optional("before", "Done before this time: RFC 3339, or a day.", openapi::text()),
    ]
}

/// `GET /v1/audit`: what administrators did, newest first. It is only ever added to.
#[utoipa::path(
    get, path = "/v1/audit", tag = "audit", operation_id = "list_audit", params(PageIn),
    responses((status = 200, description = "A page of the audit log.", body = ListOut<AuditEntryOut>)),
)]
async fn list_audit(request: ResourceRequest) -> HandlerResult {
    let (after, limit) = list::page(&request)?;
    let (from_ms, before_ms) = (filter::time(&request, "from")?, filter::time(&request, "before")?);
    // it may be a pair of numbers
    let object = request.param("object").map(|text| blank_as_plus(&text).into_owned());
    let wanted = Wanted { object, from_ms, before_ms, after };
    let (entries, more) = request.app.audit.list(&wanted, limit).await?;
    let last = entries.last().map(|entry| entry.id);
    Ok(list::reply(entries.into_iter().map(out).collect(), last, more))
}
