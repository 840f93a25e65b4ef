//! `/v1/accounts`: credentials at providers, which the administrator manages.

mod numbers;
mod shape;

use std::collections::BTreeMap;

use ::http::{Method, StatusCode};

use self::shape::{AccountChangeIn, AccountIn, AccountOut, out};
use super::resource::{HandlerResult, ListOut, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{RequestParts, audit, list, object, openapi, reply};
use crate::model::{AccountId, DurationSetting, Secret, WhatsappTemplates};
use crate::service::account::{Account, AccountChange, CarrierKind, Credentials, NewAccount, UncertainPolicy};
use crate::service::audit::AuditContext;

pub(super) fn resource() -> Resource {
    Resource::of_administrators(
        openapi::described!(add, list, fetch, change, delete, check_account, numbers::list, numbers::add),
        ("accounts", "acc"),
    )
    .at("accounts", [on(Method::GET, list), with_body(Method::POST, add)])
    .at("accounts/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)])
    .at("accounts/{id}/check", [on(Method::POST, check_account)])
    .at("accounts/{id}/numbers", [on(Method::GET, numbers::list), with_body(Method::POST, numbers::add)])
}

fn provider(name: &str) -> Result<CarrierKind, Refusal> {
    let [others @ .., last] = CarrierKind::ALL.map(CarrierKind::name);
    let expected = || format!("is {} or {last}", others.join(", "));
    CarrierKind::parse(name).ok_or_else(|| reply::bad_field("provider", &expected()))
}

fn uncertain(name: Option<&str>) -> Result<Option<UncertainPolicy>, Refusal> {
    let parse = |name| {
        UncertainPolicy::parse(name).ok_or_else(|| reply::bad_field("uncertain", "is reconcile, resend or fail"))
    };
    name.map(parse).transpose()
}

fn span(text: Option<&str>) -> Result<Option<DurationSetting>, Refusal> {
    let wrong = |_| reply::bad_field("previous_valid_for", "must be a span from 0s to 24h, such as 15m");
    text.map(|text| text.parse::<DurationSetting>().map_err(wrong)).transpose()
}

fn templates(written: BTreeMap<String, String>) -> Result<WhatsappTemplates, Refusal> {
    WhatsappTemplates::read(written).map_err(|error| reply::bad_field("whatsapp_templates", &error.to_string()))
}

fn name(text: &str) -> Result<(), Refusal> {
    if text.chars().count() <= 128 { Ok(()) } else { Err(reply::bad_field("name", "is longer than 128")) }
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, Account> {
    audit::context(request, action, |account: &Account| audit::json(&out(account)))
}

/// `POST /v1/accounts`: adds an account after asking its provider; the credentials are sealed and never shown.
#[utoipa::path(
    post, path = "/v1/accounts", tag = "accounts", operation_id = "add_account", request_body = AccountIn,
    responses(
        (status = 201, description = "Added.", body = AccountOut),
        (status = 409, description = "This account is known already."),
    ),
)]
async fn add(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let posted: AccountIn = object::read(&request, posted).await?;
    let kind = provider(&posted.provider)?;
    let credentials = Credentials::from_json(kind, posted.credentials.to_string().as_bytes())
        .map_err(|error| reply::bad_field("credentials", &error.to_string()))?;
    name(&posted.name)?;
    let new = NewAccount {
        name: posted.name,
        credentials,
        rate: posted.rate.map(i64::from),
        uncertain: uncertain(posted.uncertain.as_deref())?,
        replies_to_keywords: posted.replies_to_keywords,
        any_sender: posted.any_sender,
        whatsapp_templates: templates(posted.whatsapp_templates)?,
        is_checked: posted.check,
    };
    let account = request.app.accounts.add(new, &context(&request, "account.add")).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&account)))
}

/// `GET /v1/accounts`: all accounts, oldest first.
#[utoipa::path(
    get, path = "/v1/accounts", tag = "accounts", operation_id = "list_accounts",
    responses((status = 200, description = "All accounts.", body = ListOut<AccountOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let accounts = request.app.accounts.list().await?;
    Ok(list::reply(accounts.iter().map(out).collect(), None::<AccountId>, false))
}

/// `GET /v1/accounts/<id>`: one account, all but its credentials.
#[utoipa::path(
    get, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "fetch_account",
    responses((status = 200, description = "The account.", body = AccountOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let account = request.app.accounts.find(request.id("account")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&account)))
}

/// `PATCH /v1/accounts/<id>`: changes its name, rate, how it is used, and its credentials. What its carrier signs with
/// the token before is believed for a while, and with the next one ahead.
#[utoipa::path(
    patch, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "change_account",
    request_body = AccountChangeIn,
    responses(
        (status = 200, description = "The account as it now is.", body = AccountOut),
        (status = 409, description = "Its new credentials are those of another account here."),
    ),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let id = request.id("account")?;
    let posted: AccountChangeIn = object::read(&request, posted).await?;
    name(posted.name.as_deref().unwrap_or_default())?;
    let change = AccountChange {
        name: posted.name,
        rate: posted.rate.map(i64::from),
        uncertain: uncertain(posted.uncertain.as_deref())?,
        replies_to_keywords: posted.replies_to_keywords,
        any_sender: posted.any_sender,
        whatsapp_templates: posted.whatsapp_templates.map(templates).transpose()?,
        credentials: posted.credentials.map(|credentials| Secret::new(credentials.to_string())),
        previous_valid_for: span(posted.previous_valid_for.as_deref())?,
        next_token: posted.next_token,
        is_promoted: posted.promote,
        is_checked: posted.check,
    };
    let is_of_tokens = change.previous_valid_for.is_some() || change.next_token.is_some() || change.is_promoted;
    let is_of_credentials = change.credentials.is_some() || is_of_tokens;
    let action = if is_of_credentials { "account.credentials" } else { "account.change" };
    let account = request.app.accounts.change(id, change, &context(&request, action)).await?;
    Ok(reply::json(StatusCode::OK, &out(&account)))
}

/// `DELETE /v1/accounts/<id>`: forgets it with its credentials, unless it has numbers.
#[utoipa::path(
    delete, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "delete_account",
    responses(
        (status = 204, description = "Forgotten."),
        (status = 409, description = "It has numbers: move or delete them first."),
    ),
)]
async fn delete(request: ResourceRequest) -> HandlerResult {
    request.app.accounts.delete(request.id("account")?, &context(&request, "account.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `POST /v1/accounts/<id>/check`: asks the provider whether the credentials still hold. If they do, an account that
/// rests is used again at once.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/check", tag = "accounts", operation_id = "check_account",
    responses(
        (status = 204, description = "They hold."),
        (status = 400, description = "The provider did not take them, or gave no answer."),
    ),
)]
async fn check_account(request: ResourceRequest) -> HandlerResult {
    request.app.accounts.check(request.id("account")?, &context(&request, "account.check")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
