//! `/v1/accounts/<id>/numbers`: what the provider says that an account has, and how that is taken into use.

use ::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::body::UnreadBody;
use crate::http::number::import::{ImportedNumbersOut, context, imported};
use crate::http::reply::{self, HandlerResult};
use crate::http::resource::{ListOut, ResourceRequest};
use crate::http::{auth, list, object, openapi, written};
use crate::model::AccountId;
use crate::service::number::NumberCapability;
use crate::service::number::import::CarriedNumber;

#[derive(Serialize, ToSchema)]
#[schema(as = AccountNumber)]
struct AccountNumberOut<'a> {
    number: &'a str,
    country: Option<&'a str>,
    /// What its provider says that it can do; where it does not say, `sms`.
    #[schema(schema_with = capabilities)]
    capabilities: Vec<&'static str>,
    /// Whether somebody here has it already.
    in_use: bool,
}

fn capabilities() -> openapi::SchemaOrRef {
    openapi::list_of(openapi::one_of(NumberCapability::ALL.map(NumberCapability::name)))
}

fn out(number: &CarriedNumber) -> AccountNumberOut<'_> {
    AccountNumberOut {
        number: number.address.as_str(),
        country: number.country.as_deref(),
        capabilities: number.capabilities.iter().map(|one| one.name()).collect(),
        in_use: number.is_known,
    }
}

/// `GET /v1/accounts/<id>/numbers`: asks the provider which numbers the account has that text or call.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/numbers", tag = "accounts", operation_id = "list_account_numbers",
    responses(
        (status = 200, description = "All of them.", body = ListOut<AccountNumberOut>),
        (status = 409, description = "The provider refuses, or lists no numbers."),
        (status = 503, description = "The store or the provider is away; `Retry-After` says how long to wait."),
    ),
)]
pub(super) async fn list(request: ResourceRequest) -> HandlerResult {
    let numbers = request.app.number_imports.carried(request.id("account")?).await?;
    Ok(list::reply(numbers.iter().map(out).collect(), None::<AccountId>, false))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
#[schema(as = NewAccountNumbers)]
struct AccountNumbersIn {
    /// The pool that they go into.
    pool_id: Option<String>,
}

/// `POST /v1/accounts/<id>/numbers`: asks the provider which numbers the account has, and takes those into use that
/// nobody here has, all or none.
#[utoipa::path(
    post, path = "/v1/accounts/{id}/numbers", tag = "accounts", operation_id = "add_account_numbers",
    request_body = AccountNumbersIn,
    responses(
        (status = 200, description = "They are in use from now on.", body = ImportedNumbersOut),
        (status = 409, description = "The provider refuses, or lists no numbers; or others took one of them."),
        (status = 503, description = "The store or the provider is away; `Retry-After` says how long to wait."),
    ),
)]
pub(super) async fn add(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let account = request.id("account")?;
    let posted: AccountNumbersIn = object::read_or_default(&request, posted).await?;
    let pool = posted.pool_id.as_deref().map(written::pool).transpose()?;
    let done = request.app.number_imports.from_carrier(client, account, pool, context(&request)).await?;
    Ok(reply::json(StatusCode::OK, &imported(&done)))
}
