//! Entries and balances as they are written and read.

use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::Schema;
use utoipa::{IntoParams, ToSchema};

use crate::http::openapi;
use crate::model::{ClientId, MessageId, Money, rfc3339};
use crate::service::ledger::{Balance, Entry, Kind};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewEntry)]
pub(super) struct EntryIn {
    /// `credit` or `adjustment`; not needed with `set`.
    #[schema(schema_with = posted_kinds)]
    pub(super) kind: Option<String>,
    /// A decimal with up to six places; an adjustment may be negative.
    #[schema(value_type = Option<String>, example = "25.00")]
    pub(super) amount: Option<Money>,
    /// What the balance is to be.
    #[schema(value_type = Option<String>)]
    pub(super) set: Option<Money>,
    /// An adjustment needs one.
    pub(super) reason: Option<String>,
}

fn posted_kinds() -> RefOr<Schema> {
    openapi::one_of([Kind::Credit.name(), Kind::Adjustment.name()])
}

fn kinds() -> RefOr<Schema> {
    openapi::one_of(Kind::ALL.map(Kind::name))
}

/// What a list may be narrowed by.
pub(super) struct FilterIn;

impl IntoParams for FilterIn {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            openapi::optional("kind", "Of this kind.", kinds()),
            openapi::optional("from", "Made at this time or later: RFC 3339, or a day.", openapi::text()),
            openapi::optional("to", "Made before this time: RFC 3339, or a day.", openapi::text()),
        ]
    }
}

/// The period of a statement.
pub(super) struct PeriodIn;

impl IntoParams for PeriodIn {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let mut from = openapi::optional("from", "Its begin: RFC 3339, or a day.", openapi::text());
        from.required = utoipa::openapi::Required::True;
        vec![from, openapi::optional("to", "Its end, which is not part of it; without one, now.", openapi::text())]
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Entry)]
pub(super) struct EntryOut<'a> {
    id: String,
    /// `credit`: paid in. `debit`: of a message. `refund`: of a message that came to nothing. `adjustment`: by hand.
    #[schema(schema_with = kinds)]
    kind: &'static str,
    amount: String,
    message_id: Option<String>,
    reason: Option<&'a str>,
    created_at: String,
}

pub(super) fn out(entry: &Entry) -> EntryOut<'_> {
    EntryOut {
        id: entry.id.to_string(),
        kind: entry.kind.name(),
        amount: entry.amount.to_string(),
        message_id: entry.message.map(|id: MessageId| id.to_string()),
        reason: entry.reason.as_deref(),
        created_at: rfc3339(entry.created_ms),
    }
}

/// An entry with what it has led to.
#[derive(Serialize, ToSchema)]
#[schema(as = PostedEntry)]
pub(super) struct PostedOut<'a> {
    #[serde(flatten)]
    entry: EntryOut<'a>,
    /// After it.
    balance: String,
}

pub(super) fn posted_out(entry: &Entry, balance: Money) -> PostedOut<'_> {
    PostedOut { entry: out(entry), balance: balance.to_string() }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Balance)]
pub(super) struct BalanceOut {
    client_id: String,
    balance: Option<String>,
    credit_limit: Option<String>,
    /// Below what the client is told that it is low.
    low_at: Option<String>,
}

pub(super) fn balance_out(client: ClientId, found: Option<Balance>) -> BalanceOut {
    BalanceOut {
        client_id: client.to_string(),
        balance: found.map(|found| found.balance.to_string()),
        credit_limit: found.map(|found| found.credit_limit.to_string()),
        low_at: found.and_then(|found| found.low_at).map(|low_at| low_at.to_string()),
    }
}
