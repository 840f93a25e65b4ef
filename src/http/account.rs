//! `/v1/accounts`: credentials at providers, which the administrator manages.

use std::sync::Arc;

use ::http::{Method, StatusCode};
use bytes::Buf;
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;
use utoipa::{OpenApi, ToSchema};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::list::ListOut;
use super::object::{self, Refusal};
use super::{App, Call, auth, openapi, reply, with};
use crate::model::{AccountId, Secret, rfc3339};
use crate::service::account::{Account, AccountChange, Credentials, Error, Kind, NewAccount, Uncertain};

pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let posted = || super::call().and(warp::body::stream()).and(with(app));
    let all = warp::path("accounts").and(warp::path::end()).and(posted()).then(accounts);
    let one = warp::path("accounts").and(warp::path::param::<String>()).and(warp::path::end());
    let one = one.and(posted()).then(account);
    let check = warp::path("accounts").and(warp::path::param::<String>()).and(warp::path("check"));
    let check = check.and(warp::path::end()).and(super::call()).and(with(app)).then(check_account);
    all.or(one).unify().or(check).unify().boxed()
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAccount)]
struct AccountIn {
    #[schema(schema_with = providers)]
    provider: String,
    #[serde(default)]
    name: String,
    /// What the provider gave you: `account_sid` and `auth_token` (or, besides, `api_key` and `api_secret`) of Twilio;
    /// `access_key`, `secret_key` and a `webhook_token` of your own for Flowroute; nothing for loopback.
    #[schema(value_type = Object)]
    credentials: serde_json::Value,
    /// Segments a second that each node sends at most; 0: no limit. Unless given: 5 for Flowroute, else 0.
    rate: Option<u32>,
    /// What to do when a send got no answer.
    #[schema(schema_with = ways)]
    uncertain: Option<String>,
    #[serde(default)]
    replies_to_keywords: bool,
    /// Asks the provider first.
    #[serde(default = "yes")]
    check: bool,
}

fn providers() -> RefOr<Schema> {
    openapi::one_of(Kind::ALL.map(Kind::name))
}

fn ways() -> RefOr<Schema> {
    openapi::one_of(Uncertain::ALL.map(Uncertain::name))
}

fn yes() -> bool {
    true
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = AccountChange)]
struct ChangeIn {
    name: Option<String>,
    rate: Option<u32>,
    /// What to do when a send got no answer.
    #[schema(schema_with = ways)]
    uncertain: Option<String>,
    replies_to_keywords: Option<bool>,
    /// New ones, all of them, for the same account at the same provider.
    #[schema(value_type = Option<Object>)]
    credentials: Option<serde_json::Value>,
    /// Asks the provider about new credentials first.
    #[serde(default = "yes")]
    check: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
struct AccountOut<'a> {
    id: String,
    provider: &'a str,
    name: &'a str,
    rate: i64,
    uncertain: &'static str,
    replies_to_keywords: bool,
    created_at: String,
}

fn out(account: &Account) -> AccountOut<'_> {
    AccountOut {
        id: account.id.to_string(),
        provider: &account.provider,
        name: &account.name,
        rate: account.rate,
        uncertain: account.uncertain.name(),
        replies_to_keywords: account.replies_to_keywords,
        created_at: rfc3339(account.created_ms),
    }
}

fn refusal(error: Error) -> Refusal {
    Box::new(reply::account_error(&error))
}

fn uncertain(name: Option<&str>) -> Result<Option<Uncertain>, Refusal> {
    let parse =
        |name| Uncertain::parse(name).ok_or_else(|| reply::bad_field("uncertain", "is reconcile, resend or fail"));
    name.map(parse).transpose()
}

fn name(text: &str) -> Result<(), Refusal> {
    if text.chars().count() <= 128 { Ok(()) } else { Err(reply::bad_field("name", "is longer than 128")) }
}

#[derive(OpenApi)]
#[openapi(paths(add, list, fetch, change, delete, check_account))]
pub(super) struct Doc;

async fn accounts<B: Buf, E>(call: Call, body: impl Stream<Item = Result<B, E>>, app: Arc<App>) -> Response {
    let done = match call.method {
        Method::POST => add(&call, body, &app).await,
        Method::GET => list(&call, &app).await,
        _ => return reply::method_not_allowed("GET, POST"),
    };
    done.unwrap_or_else(|refusal| *refusal)
}

/// `POST /v1/accounts`: adds an account after asking its provider; the credentials are sealed and never shown.
#[utoipa::path(
    post, path = "/v1/accounts", tag = "accounts", operation_id = "add_account", request_body = AccountIn,
    responses(
        (status = 201, description = "Added.", body = AccountOut),
        (status = 409, description = "This account is known already."),
    ),
)]
async fn add<B: Buf, E>(call: &Call, body: impl Stream<Item = Result<B, E>>, app: &App) -> Result<Response, Refusal> {
    auth::administrator(app, call)?;
    let posted: AccountIn = object::read(call, body, app).await?;
    let kind = Kind::parse(&posted.provider)
        .ok_or_else(|| reply::bad_field("provider", "is twilio, flowroute or loopback"))?;
    let credentials = Credentials::from_json(kind, posted.credentials.to_string().as_bytes())
        .map_err(|error| reply::bad_field("credentials", &error.to_string()))?;
    name(&posted.name)?;
    let new = NewAccount {
        name: posted.name,
        credentials,
        rate: posted.rate.map(i64::from),
        uncertain: uncertain(posted.uncertain.as_deref())?,
        replies_to_keywords: posted.replies_to_keywords,
        is_checked: posted.check,
    };
    let account = app.accounts.add(new).await.map_err(refusal)?;
    Ok(reply::json(StatusCode::CREATED, &out(&account)))
}

/// `GET /v1/accounts`: all accounts, oldest first.
#[utoipa::path(
    get, path = "/v1/accounts", tag = "accounts", operation_id = "list_accounts",
    responses((status = 200, description = "All accounts.", body = ListOut<AccountOut>)),
)]
async fn list(call: &Call, app: &App) -> Result<Response, Refusal> {
    auth::administrator(app, call)?;
    let accounts = app.accounts.list().await.map_err(refusal)?;
    let data: Vec<_> = accounts.iter().map(out).collect();
    Ok(super::list::reply(data, None::<AccountId>, false))
}

async fn account<B: Buf, E>(id: String, call: Call, body: impl Stream<Item = Result<B, E>>, app: Arc<App>) -> Response {
    let done = match call.method {
        Method::GET => fetch(&id, &call, &app).await,
        Method::PATCH => change(&id, &call, body, &app).await,
        Method::DELETE => delete(&id, &call, &app).await,
        _ => return reply::method_not_allowed("GET, PATCH, DELETE"),
    };
    done.unwrap_or_else(|refusal| *refusal)
}

fn id_of(text: &str) -> Result<AccountId, Refusal> {
    text.parse().map_err(|_| refusal(Error::NotFound))
}

/// `GET /v1/accounts/<id>`: one account, all but its credentials.
#[utoipa::path(
    get, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "fetch_account", params(("id" = String, Path, description = "`acc_` and 32 hex digits")),
    responses((status = 200, description = "The account.", body = AccountOut)),
)]
async fn fetch(id: &str, call: &Call, app: &App) -> Result<Response, Refusal> {
    auth::administrator(app, call)?;
    let account = app.accounts.find(id_of(id)?).await.map_err(refusal)?;
    Ok(reply::json(StatusCode::OK, &out(&account)))
}

/// `PATCH /v1/accounts/<id>`: changes its name, rate, how it is used, and its credentials.
#[utoipa::path(
    patch, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "change_account", request_body = ChangeIn,
    params(("id" = String, Path, description = "`acc_` and 32 hex digits")),
    responses(
        (status = 200, description = "The account as it now is.", body = AccountOut),
        (status = 409, description = "Its new credentials are those of another account here."),
    ),
)]
async fn change<B: Buf, E>(
    id: &str,
    call: &Call,
    body: impl Stream<Item = Result<B, E>>,
    app: &App,
) -> Result<Response, Refusal> {
    auth::administrator(app, call)?;
    let id = id_of(id)?;
    let posted: ChangeIn = object::read(call, body, app).await?;
    name(posted.name.as_deref().unwrap_or_default())?;
    let change = AccountChange {
        name: posted.name,
        rate: posted.rate.map(i64::from),
        uncertain: uncertain(posted.uncertain.as_deref())?,
        replies_to_keywords: posted.replies_to_keywords,
        credentials: posted.credentials.map(|credentials| Secret::new(credentials.to_string())),
        is_checked: posted.check,
    };
    let account = app.accounts.change(id, change).await.map_err(refusal)?;
    Ok(reply::json(StatusCode::OK, &out(&account)))
}

/// `DELETE /v1/accounts/<id>`: forgets it with its credentials, unless it has numbers.
#[utoipa::path(
    delete, path = "/v1/accounts/{id}", tag = "accounts", operation_id = "delete_account", params(("id" = String, Path, description = "`acc_` and 32 hex digits")),
    responses(
        (status = 204, description = "Forgotten."),
        (status = 409, description = "It has numbers: move or delete them first."),
    ),
)]
async fn delete(id: &str, call: &Call, app: &App) -> Result<Response, Refusal> {
    auth::administrator(app, call)?;
    app.accounts.delete(id_of(id)?).await.map_err(refusal)?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}

/// `POST /v1/accounts/<id>/check`: asks the provider whether the credentials still hold.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/check", tag = "accounts", operation_id = "check_account", params(("id" = String, Path, description = "`acc_` and 32 hex digits")),
    responses(
        (status = 204, description = "They hold."),
        (status = 400, description = "The provider did not take them, or gave no answer."),
    ),
)]
async fn check_account(id: String, call: Call, app: Arc<App>) -> Response {
    if call.method != Method::POST {
        return reply::method_not_allowed("POST");
    }
    let checked = async {
        auth::administrator(&app, &call)?;
        app.accounts.check(id_of(&id)?).await.map_err(refusal)?;
        Ok::<_, Refusal>(reply::empty(StatusCode::NO_CONTENT))
    };
    checked.await.unwrap_or_else(|refusal| *refusal)
}
