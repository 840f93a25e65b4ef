//! `/v1/lookup`: what a provider knows of anybody's number.

use ::http::{Method, StatusCode};
use serde::Serialize;
use utoipa::ToSchema;

use super::resource::{HandlerResult, Resource, ResourceRequest, on};
use super::{openapi, reply, written};
use crate::model::Phone;

pub(super) fn resource() -> Resource {
    Resource::of_administrators(openapi::described!(look_up), None)
        .at("lookup/{number}", [on(Method::GET, look_up).asking(whom)])
}

#[derive(Serialize, ToSchema)]
#[schema(as = Lookup)]
struct LookupOut {
    number: String,
    /// Whether its provider takes it for a number that there can be.
    is_valid: bool,
    /// ISO 3166-1 alpha-2, where the number tells it.
    country: Option<String>,
    /// As its country writes it, where the provider says so.
    national_format: Option<String>,
    /// The account whose provider was asked.
    account_id: String,
}

/// Whom to ask.
fn whom() -> Vec<openapi::Parameter> {
    let words = "The account whose provider is asked; else the oldest that can be, loopback last.";
    vec![openapi::optional("account_id", words, openapi::text())]
}

/// `GET /v1/lookup/<number>`: what a provider knows of a number, anybody's. The loopback provider answers from the
/// public numbering plans.
#[utoipa::path(
    get, path = "/v1/lookup/{number}", tag = "numbers", operation_id = "look_up_number",
    params(("number" = String, Path, description = "A phone number as people write it", example = "+14155550100")),
    responses(
        (status = 200, description = "What the provider says.", body = LookupOut),
        (status = 409, description = "The provider refuses, or there is none that looks numbers up."),
        (status = 503, description = "The store or the provider is away; `Retry-After` says how long to wait."),
    ),
)]
async fn look_up(request: ResourceRequest) -> HandlerResult {
    let wrong = |name: &str, reason: &str| reply::bad_field(name, reason);
    let text = super::segment(request.given(0)).ok_or_else(|| wrong("number", "must be text in UTF-8"))?;
    let phone = Phone::read(&text, request.app.country).map_err(|error| wrong("number", &error.to_string()))?;
    let account = request.param("account_id").map(|id| written::account(&id)).transpose()?;
    let (account, said) = request.app.accounts.look_up(account, &phone).await?;
    let (number, account_id) = (phone.as_str().to_owned(), account.to_string());
    let (is_valid, country, national_format) = (said.is_valid, said.country, said.national_format);
    Ok(reply::json(StatusCode::OK, &LookupOut { number, is_valid, country, national_format, account_id }))
}
