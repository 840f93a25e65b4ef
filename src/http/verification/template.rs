//! `/v1/verification-templates`: how codes are told, by name and language.

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, UnreadBody, on, with_body};
use crate::http::{RequestParts, audit, auth, list, object, openapi, reply};
use crate::model::{ClientId, rfc3339};
use crate::service::audit::AuditContext;
use crate::service::verification::template::{
    NewVerificationTemplate, VerificationTemplate, VerificationTemplateChange,
};

/// Whose a template may be, as the API says it.
const OWN: &str = "own";
const OPERATORS: &str = "operator";
const SHIPPED: &str = "shipped";

pub(in crate::http) fn resource() -> Resource {
    let description = openapi::described!(list_templates, add, fetch, change, delete);
    Resource::new(description, ("verification-templates", "vtp"))
        .at("verification-templates", [on(Method::GET, list_templates), with_body(Method::POST, add)])
        .at(
            "verification-templates/{id}",
            [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)],
        )
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewVerificationTemplate)]
struct VerificationTemplateIn {
    /// Templates of one name are one text in several languages. At most 64 characters.
    #[schema(example = "sign-in")]
    name: String,
    /// The language of the text (BCP 47).
    #[schema(example = "pt-BR")]
    locale: String,
    /// What is sent, at most 1000 UTF-16 units, with places in braces: `{code}`, which must be there, `{name}` (who
    /// asks for the code), `{minutes}` (for how many whole minutes it opens), and places of your own, which
    /// `substitutions` of a verification fill.
    #[schema(example = "{code} is your {name} code. It opens for {minutes} minutes.")]
    body: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerificationTemplateChange)]
struct VerificationTemplateChangeIn {
    name: Option<String>,
    locale: Option<String>,
    /// Codes that are sent again from then on are told so, too.
    body: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = VerificationTemplate)]
struct VerificationTemplateOut {
    id: String,
    name: String,
    locale: String,
    body: String,
    /// Whose it is: `own`, the `operator`'s for all clients, or `shipped` with the server. Only one's own can be
    /// changed.
    #[schema(schema_with = owners)]
    owner: &'static str,
    /// Null of one that comes with the server.
    created_at: Option<String>,
    changed_at: Option<String>,
}

fn owners() -> openapi::SchemaOrRef {
    openapi::one_of([OWN, OPERATORS, SHIPPED])
}

/// As this client sees it.
fn out(client: ClientId, template: &VerificationTemplate) -> VerificationTemplateOut {
    let at = |at_ms| template.client.map(|_| rfc3339(at_ms));
    VerificationTemplateOut {
        id: template.id.to_string(),
        name: template.name.clone(),
        locale: template.locale.clone(),
        body: template.body.clone(),
        owner: match template.client {
            None => SHIPPED,
            Some(owner) if owner == client => OWN,
            Some(_) => OPERATORS,
        },
        created_at: at(template.created_ms),
        changed_at: at(template.changed_ms),
    }
}

fn context(
    request: &RequestParts,
    action: &'static str,
    client: ClientId,
) -> AuditContext<'static, VerificationTemplate> {
    audit::context(request, action, move |template: &VerificationTemplate| audit::json(&out(client, template)))
}

/// `GET /v1/verification-templates`: your templates and the operator's, newest first, then those that come with the
/// server.
#[utoipa::path(
    get, path = "/v1/verification-templates", tag = "verification-templates",
    operation_id = "list_verification_templates", params(PageIn),
    responses((status = 200, description = "A page of templates.", body = ListOut<VerificationTemplateOut>)),
)]
async fn list_templates(request: ResourceRequest) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let (after, limit) = list::page(&request)?;
    let (templates, more) = request.app.templates.list(client, (after, None), limit).await?;
    let last = templates.last().map(|template| template.id);
    Ok(list::reply(templates.iter().map(|template| out(client, template)).collect(), last, more))
}

/// `POST /v1/verification-templates`: makes a template. One that the operator makes is there for all clients.
#[utoipa::path(
    post, path = "/v1/verification-templates", tag = "verification-templates",
    operation_id = "add_verification_template", request_body = VerificationTemplateIn,
    responses(
        (status = 201, description = "Made.", body = VerificationTemplateOut),
        (status = 409, description = "There is one of this name in this language."),
    ),
)]
async fn add(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let VerificationTemplateIn { name, locale, body } = object::read(&request, posted).await?;
    let new = NewVerificationTemplate { name, locale, body };
    let context = context(&request, "verification_template.create", client);
    let made = request.app.templates.create(client, new, &context).await?;
    Ok(reply::json(StatusCode::CREATED, &out(client, &made)))
}

/// `GET /v1/verification-templates/<id>`: one template.
#[utoipa::path(
    get, path = "/v1/verification-templates/{id}", tag = "verification-templates",
    operation_id = "fetch_verification_template",
    responses((status = 200, description = "The template.", body = VerificationTemplateOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let found = request.app.templates.find(client, request.id("template")?).await?;
    Ok(reply::json(StatusCode::OK, &out(client, &found)))
}

/// `PATCH /v1/verification-templates/<id>`: changes what is given of a template of your own.
#[utoipa::path(
    patch, path = "/v1/verification-templates/{id}", tag = "verification-templates",
    operation_id = "change_verification_template", request_body = VerificationTemplateChangeIn,
    responses(
        (status = 200, description = "The template as it now is.", body = VerificationTemplateOut),
        (status = 409, description = "It is not yours to change, or there is another of this name in this language."),
    ),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let id = request.id("template")?;
    let VerificationTemplateChangeIn { name, locale, body } = object::read(&request, posted).await?;
    let change = VerificationTemplateChange { name, locale, body };
    let context = context(&request, "verification_template.change", client);
    let changed = request.app.templates.change(client, id, &change, &context).await?;
    Ok(reply::json(StatusCode::OK, &out(client, &changed)))
}

/// `DELETE /v1/verification-templates/<id>`: removes a template of your own. Codes that went out by it still open; sent
/// again, they are told in the words that come with the server.
#[utoipa::path(
    delete, path = "/v1/verification-templates/{id}", tag = "verification-templates",
    operation_id = "delete_verification_template",
    responses(
        (status = 204, description = "Removed."),
        (status = 409, description = "It is not yours to remove."),
    ),
)]
async fn delete(request: ResourceRequest) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let context = context(&request, "verification_template.delete", client);
    request.app.templates.remove(client, request.id("template")?, &context).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
