//! Numbers as clients write and read them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::http::object::{Maybe, present};
use crate::http::openapi;
use crate::model::address::{self, Address, AddressKind};
use crate::model::{PoolId, rfc3339};
use crate::service::number::{Capability, Meaning, Number};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNumber)]
pub(super) struct NumberIn {
    /// A phone number as people write it, a short code, or a sender name: 1 to 11 of `A-Z a-z 0-9`, space, `& - _ . +`.
    #[schema(example = "+14155550100")]
    pub(super) number: String,
    pub(super) account_id: String,
    #[serde(default = "sms")]
    #[schema(schema_with = all_capabilities)]
    pub(super) capabilities: Vec<String>,
    /// What a text to it means: `forward` (an event) or `encrypted` (for a platform).
    #[serde(default = "forward")]
    #[schema(schema_with = meanings)]
    pub(super) meaning: String,
    pub(super) platform: Option<String>,
    /// Segments a second; 0: no limit.
    #[serde(default)]
    pub(super) rate: u32,
}

fn meanings() -> RefOr<Schema> {
    openapi::one_of(Meaning::ALL.map(Meaning::name))
}

fn all_capabilities() -> RefOr<Schema> {
    openapi::list_of(openapi::one_of(Capability::ALL.map(Capability::name)))
}

fn sms() -> Vec<String> {
    vec![Capability::Sms.name().to_owned()]
}

fn forward() -> String {
    Meaning::Forward.name().to_owned()
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NumberChange)]
pub(super) struct ChangeIn {
    pub(super) account_id: Option<String>,
    #[schema(schema_with = all_capabilities)]
    pub(super) capabilities: Option<Vec<String>>,
    #[schema(schema_with = meanings)]
    pub(super) meaning: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(super) platform: Option<Maybe<String>>,
    pub(super) rate: Option<u32>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Number)]
pub(super) struct NumberOut<'a> {
    pub(super) id: String,
    pub(super) number: &'a str,
    /// phone, short_code or alphanumeric
    pub(super) kind: Option<&'static str>,
    /// Only administrators are told.
    pub(super) account_id: Option<String>,
    pub(super) capabilities: Vec<&'static str>,
    pub(super) meaning: &'static str,
    pub(super) platform: Option<&'a str>,
    pub(super) rate: i64,
    pub(super) country: Option<&'a str>,
    /// The pool that it is in.
    pub(super) pool_id: Option<String>,
    /// Whether the numbering plan knows it; `null` for what is no phone.
    pub(super) is_valid: Option<bool>,
    pub(super) created_at: String,
}

pub(super) fn out(number: &Number, to_administrator: bool) -> NumberOut<'_> {
    let address = Address::stored(number.address.as_str());
    let kind = match address.kind() {
        AddressKind::Phone => Some("phone"),
        AddressKind::ShortCode => Some("short_code"),
        AddressKind::Alphanumeric => Some("alphanumeric"),
        AddressKind::Other => None,
    };
    NumberOut {
        id: number.id.to_string(),
        number: &number.address,
        kind,
        account_id: to_administrator.then(|| number.account.to_string()),
        capabilities: number.capabilities.iter().map(|one| one.name()).collect(),
        meaning: number.meaning.name(),
        platform: number.platform.as_deref(),
        rate: number.rate,
        country: number.country.as_deref(),
        pool_id: number.pool.map(|pool: PoolId| pool.to_string()),
        is_valid: address::report(&address).map(|report| report.is_valid),
        created_at: rfc3339(number.created_ms),
    }
}
