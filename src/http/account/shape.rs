//! Accounts as clients write and read them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::http::openapi;
use crate::model::rfc3339;
use crate::service::account::{Account, Kind, Uncertain};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewAccount)]
pub(super) struct AccountIn {
    #[schema(schema_with = providers)]
    pub(super) provider: String,
    #[serde(default)]
    pub(super) name: String,
    /// What the provider gave you: `account_sid` and `auth_token` (or, besides, `api_key` and `api_secret`) of Twilio;
    /// `access_key`, `secret_key` and a `webhook_token` of your own for Flowroute; nothing for loopback.
    #[schema(value_type = Object)]
    pub(super) credentials: serde_json::Value,
    /// Segments a second that each node sends at most; 0: no limit. Unless given: 5 for Flowroute, else 0.
    pub(super) rate: Option<u32>,
    /// What to do when a send got no answer.
    #[schema(schema_with = ways)]
    pub(super) uncertain: Option<String>,
    #[serde(default)]
    pub(super) replies_to_keywords: bool,
    /// Clients may send from what is no number of ours: the carrier says what it takes.
    #[serde(default)]
    pub(super) any_sender: bool,
    /// Asks the provider first.
    #[serde(default = "yes")]
    pub(super) check: bool,
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
pub(super) struct ChangeIn {
    pub(super) name: Option<String>,
    pub(super) rate: Option<u32>,
    /// What to do when a send got no answer.
    #[schema(schema_with = ways)]
    pub(super) uncertain: Option<String>,
    pub(super) replies_to_keywords: Option<bool>,
    pub(super) any_sender: Option<bool>,
    /// New ones, all of them, for the same account at the same provider.
    #[schema(value_type = Option<Object>)]
    pub(super) credentials: Option<serde_json::Value>,
    /// Asks the provider about new credentials first.
    #[serde(default = "yes")]
    pub(super) check: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Account)]
pub(super) struct AccountOut<'a> {
    pub(super) id: String,
    pub(super) provider: &'a str,
    pub(super) name: &'a str,
    pub(super) rate: i64,
    pub(super) uncertain: &'static str,
    pub(super) replies_to_keywords: bool,
    pub(super) any_sender: bool,
    pub(super) created_at: String,
    /// Why its carrier refuses it, whatever is sent: its messages wait, or take the next route. Null: it is in use.
    pub(super) resting: Option<RestingOut<'a>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = AccountResting)]
pub(super) struct RestingOut<'a> {
    pub(super) since: String,
    /// The carrier's.
    pub(super) code: Option<i64>,
    pub(super) reason: &'a str,
}

pub(super) fn out(account: &Account) -> AccountOut<'_> {
    AccountOut {
        id: account.id.to_string(),
        provider: &account.provider,
        name: &account.name,
        rate: account.rate,
        uncertain: account.uncertain.name(),
        replies_to_keywords: account.replies_to_keywords,
        any_sender: account.any_sender,
        created_at: rfc3339(account.created_ms),
        resting: account.rest.as_ref().map(|rest| RestingOut {
            since: rfc3339(rest.since_ms),
            code: rest.code,
            reason: &rest.reason,
        }),
    }
}
