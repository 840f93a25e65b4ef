//! `/v1/guard/countries`: the countries, prefixes and dear numbers that may be sent to: the operator's rules, which are
//! everybody's, and what each client narrows them to.

use std::collections::BTreeSet;

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::object;
use crate::http::resource::{HandlerResult, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body};
use crate::http::{audit, auth, openapi, reply};
use crate::model::{ClientId, Country, NumberType, PermissionRules};

pub(in crate::http) fn resource() -> Resource {
    Resource::new(openapi::described!(fetch, put), None)
        .at("guard/countries", [on(Method::GET, fetch), with_body(Method::PUT, put)])
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewPermissions)]
struct PermissionsIn {
    /// The only countries that may be sent to, by their two letters (ISO 3166-1). Null or left out: all.
    #[schema(value_type = Option<Vec<String>>, example = json!(["US", "CA"]))]
    countries: Option<Vec<Country>>,
    /// Numbers that begin with one of these may be sent to, whatever their country and whatever they cost.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["+447400"]))]
    prefixes: BTreeSet<String>,
    /// Numbers that begin with one of these may not. Of one in each list the longer decides.
    #[serde(default)]
    #[schema(value_type = Vec<String>, example = json!(["+1242"]))]
    refused_prefixes: BTreeSet<String>,
    /// The kinds of dear numbers that may be sent to. Null or left out: none; of a client's own rules, those that the
    /// operator's allow.
    #[schema(schema_with = kinds)]
    premium: Option<Vec<String>>,
    /// All this holds for the client's plain messages and calls too, not for its codes alone.
    #[serde(default)]
    messages: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Permissions)]
struct PermissionsOut<'a> {
    #[schema(value_type = Option<Vec<String>>)]
    countries: Option<&'a BTreeSet<String>>,
    #[schema(value_type = Vec<String>)]
    prefixes: &'a BTreeSet<String>,
    #[schema(value_type = Vec<String>)]
    refused_prefixes: &'a BTreeSet<String>,
    #[schema(value_type = Option<Vec<String>>)]
    premium: Option<&'a BTreeSet<String>>,
    messages: bool,
}

fn kinds() -> openapi::SchemaOrRef {
    openapi::list_of(openapi::one_of(NumberType::PREMIUM.map(NumberType::name)))
}

fn kind(name: String) -> Result<String, Refusal> {
    let is_known = NumberType::parse(&name).is_some_and(NumberType::is_premium);
    let all = NumberType::PREMIUM.map(NumberType::name).join(", ");
    if is_known { Ok(name) } else { Err(reply::bad_field("premium", &format!("must be of {all}"))) }
}

impl PermissionsIn {
    fn read(self) -> Result<PermissionRules, Refusal> {
        let Self { countries, prefixes, refused_prefixes, premium, messages } = self;
        let countries = countries.map(|all| all.iter().map(Country::to_string).collect());
        let premium = premium.map(|kinds| kinds.into_iter().map(kind).collect()).transpose()?;
        Ok(PermissionRules { countries, prefixes, refused_prefixes, premium, messages })
    }
}

fn out(rules: &PermissionRules) -> PermissionsOut<'_> {
    PermissionsOut {
        countries: rules.countries.as_ref(),
        prefixes: &rules.prefixes,
        refused_prefixes: &rules.refused_prefixes,
        premium: rules.premium.as_ref(),
        messages: rules.messages,
    }
}

/// `GET /v1/guard/countries`: a client's own rules, or, for an administrator who names no client, everybody's.
#[utoipa::path(
    get, path = "/v1/guard/countries", tag = "guard", operation_id = "fetch_permissions",
    responses((status = 200, description = "The rules.", body = PermissionsOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let acting = auth::reader(&request.app, &request)?;
    let rules = request.app.permissions.find(acting.client).await?;
    Ok(reply::json(StatusCode::OK, &out(&rules)))
}

/// `PUT /v1/guard/countries`: puts other rules in their place; what is left out is as it was at first. A client's own
/// can only narrow everybody's.
#[utoipa::path(
    put, path = "/v1/guard/countries", tag = "guard", operation_id = "put_permissions", request_body = PermissionsIn,
    responses((status = 200, description = "The rules as they now are.", body = PermissionsOut)),
)]
async fn put(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client: ClientId = auth::owner(&request.app, &request)?;
    let posted: PermissionsIn = object::read(&request, posted).await?;
    let context = audit::context(&request, "guard.countries", |rules: &PermissionRules| audit::json(&out(rules)));
    let rules = request.app.permissions.put(client, &posted.read()?, &context).await?;
    Ok(reply::json(StatusCode::OK, &out(&rules)))
}
