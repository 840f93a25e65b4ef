//! `/v1/guard`: how the guard against pumping is set, what it decides, and how a number stands.

pub(super) mod country;
mod safe;
mod shape;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ::http::{Method, StatusCode};

pub(super) use self::safe::resource as safe_list;
use self::shape::{
    GuardDecisionOut, GuardRatiosIn, GuardResetIn, GuardRulesIn, GuardRulesOut, GuardStandingOut, decision_out,
    rule_names, rules_out, standing_out,
};
use super::resource::{HandlerResult, ListOut, PageIn, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{RequestParts, audit, auth, filter, list, object, openapi, reply};
use crate::model::address::{AddressRole, blank_as_plus};
use crate::model::{Address, AddressKind, ClientId, VerificationId};
use crate::service::audit::AuditContext;
use crate::service::guard::{GuardDecisionFilter, GuardMode, GuardRatios, GuardRule, GuardRules, GuardRulesChange};

pub(super) fn resource() -> Resource {
    Resource::of_administrators(openapi::described!(rules, change_rules, decisions, standing, reset), None)
        .at("guard", [on(Method::GET, rules), with_body(Method::PATCH, change_rules)])
        .at("guard/decisions", [on(Method::GET, decisions).asking(filters)])
        .at("guard/thresholds", [on(Method::GET, standing).asking(whom)])
        .at("guard/reset", [with_body(Method::POST, reset)])
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, GuardRules> {
    audit::context(request, action, |rules: &GuardRules| audit::json(&rules_out(rules)))
}

fn number(request: &ResourceRequest, client: ClientId, text: &str) -> Result<Address, Refusal> {
    let read = Address::read(&blank_as_plus(text), AddressRole::Recipient, request.app.country(client)).ok();
    let number = read.map(|(_, number)| number).filter(|number| number.kind() == AddressKind::Phone);
    number.ok_or_else(|| reply::bad_field("to", "must be a phone number, such as +12065550110"))
}

fn ip(text: &str) -> Result<IpAddr, Refusal> {
    text.parse().map_err(|_| reply::bad_field("device_ip", "must be an IP address, such as 192.0.2.7"))
}

/// What the list of decisions may be narrowed by.
fn filters() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("verification_id", "Of this verification.", openapi::text()),
        openapi::optional("rule", "Those that broke this rule.", rule_names()),
        openapi::optional("allowed", "`true`: those that went out; `false`: those that did not.", openapi::text()),
        openapi::optional("from", "Decided at this time or later: RFC 3339, or a day.", openapi::text()),
        openapi::optional("before", "Decided before this time: RFC 3339, or a day.", openapi::text()),
    ]
}

/// Whose thresholds are shown.
fn whom() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("to", "The number; it has to be given.", openapi::text()),
        openapi::optional("device_ip", "From where the code would be asked for.", openapi::text()),
    ]
}

/// `GET /v1/guard`: how the guard is set; of a client that is named (`Switchboard-Client`) and has no settings of its
/// own, as it is for all.
#[utoipa::path(
    get, path = "/v1/guard", tag = "guard", operation_id = "fetch_guard",
    responses((status = 200, description = "Its settings.", body = GuardRulesOut)),
)]
async fn rules(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let (rules, _) = request.app.guard.rules(client);
    Ok(reply::json(StatusCode::OK, &rules_out(&rules)))
}

/// `PATCH /v1/guard`: sets the guard for all clients, or for the one that is named (`Switchboard-Client`), which has
/// settings of its own from then on.
#[utoipa::path(
    patch, path = "/v1/guard", tag = "guard", operation_id = "change_guard", request_body = GuardRulesIn,
    responses((status = 200, description = "Its settings as they now are.", body = GuardRulesOut)),
)]
async fn change_rules(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let posted: GuardRulesIn = object::read(&request, posted).await?;
    let wrong = || reply::bad_field("mode", "must be record_only or enforce");
    let mode = posted.mode.map(|name| GuardMode::parse(&name).ok_or_else(wrong)).transpose()?;
    let countries = |given: BTreeMap<String, GuardRatiosIn>| {
        given.into_iter().map(|(name, ratios)| (name, ratios.into())).collect::<BTreeMap<_, GuardRatios>>()
    };
    let change = GuardRulesChange {
        mode,
        ratios: posted.ratios.map(GuardRatios::from),
        countries: posted.countries.map(countries),
    };
    let rules = request.app.guard.change_rules(client, change, &context(&request, "guard.change")).await?;
    Ok(reply::json(StatusCode::OK, &rules_out(&rules)))
}

/// `GET /v1/guard/decisions`: what the guard made of each send, newest first, of all clients or of the one that is named
/// (`Switchboard-Client`); a decision is here a second after it was made.
#[utoipa::path(
    get, path = "/v1/guard/decisions", tag = "guard", operation_id = "list_guard_decisions", params(PageIn),
    responses((status = 200, description = "A page of decisions.", body = ListOut<GuardDecisionOut>)),
)]
async fn decisions(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let (after, limit) = list::page(&request)?;
    let wrong = || reply::bad_field("rule", "must be the name of a rule, such as prefix_day");
    let rule = request.param("rule").map(|name| GuardRule::parse(&name).ok_or_else(wrong)).transpose()?;
    let wrong = || reply::bad_field("verification_id", "must be the id of a verification");
    let verification =
        request.param("verification_id").map(|id| id.parse::<VerificationId>().map_err(|_| wrong())).transpose()?;
    let wrong = || reply::bad_field("allowed", "must be true or false");
    let is_allowed = request.param("allowed").map(|text| text.parse::<bool>().map_err(|_| wrong())).transpose()?;
    let wanted = GuardDecisionFilter {
        client: auth::names_client(&request).then_some(client),
        verification,
        rule,
        is_allowed,
        from_ms: filter::time(&request, "from")?,
        before_ms: filter::time(&request, "before")?,
        after,
    };
    let (decisions, more) = request.app.guard.decisions(&wanted, limit).await?;
    let last = decisions.last().map(|decision| decision.id);
    Ok(list::reply(decisions.into_iter().map(decision_out).collect(), last, more))
}

/// `GET /v1/guard/thresholds`: by what one more text to a number would be judged now.
#[utoipa::path(
    get, path = "/v1/guard/thresholds", tag = "guard", operation_id = "fetch_guard_thresholds",
    responses((status = 200, description = "Levels and thresholds.", body = GuardStandingOut)),
)]
async fn standing(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let to = number(&request, client, &request.param("to").unwrap_or_default())?;
    let device_ip = request.param("device_ip").map(|text| ip(&text)).transpose()?;
    let standing = request.app.guard.standing(client, &to, device_ip).await;
    Ok(reply::json(StatusCode::OK, &standing_out(standing, request.app.guard.is_degraded())))
}

/// `POST /v1/guard/reset`: empties levels of the operator's own, or of the client that is named (`Switchboard-Client`):
/// all, or those that a number counts in. Codes for such a number are looked at again, however many were wrong, and its
/// limits begin anew.
#[utoipa::path(
    post, path = "/v1/guard/reset", tag = "guard", operation_id = "reset_guard", request_body = GuardResetIn,
    responses((status = 204, description = "Emptied.")),
)]
async fn reset(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let posted: GuardResetIn = object::read_or_default(&request, posted).await?;
    let to = posted.to.map(|text| number(&request, client, &text)).transpose()?;
    let device_ip = posted.device_ip.map(|text| ip(&text)).transpose()?;
    let audit = context(&request, "guard.reset");
    request.app.guard.reset(client, to.as_ref(), device_ip, &audit).await?;
    if let Some(to) = &to {
        request.app.verifications.reset(client, to).await?;
    }
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
