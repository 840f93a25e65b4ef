//! Clients as administrators write and read them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::object::nullable;
use crate::model::{Country, Money, rfc3339};
use crate::service::client::{Client, ClientChange, NewClient, Profile, ProfileChange};

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewClient)]
pub(super) struct ClientIn {
    #[schema(example = "Example Ltd")]
    name: String,
    email: Option<String>,
    company: Option<String>,
    phone: Option<String>,
    address: Option<String>,
    site: Option<String>,
    notes: Option<String>,
    /// Where numbers are that it writes without a country code: two letters (ISO 3166-1). Without: `number.country`.
    #[schema(value_type = Option<String>, example = "GB")]
    country: Option<Country>,
    /// How far below zero its balance may fall.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "0")]
    credit_limit: Money,
    /// Below what balance a `balance.low` event is told.
    #[schema(value_type = Option<String>, example = "10.00")]
    low_at: Option<Money>,
    /// What it has paid in already.
    #[serde(default)]
    #[schema(value_type = Option<String>, example = "100.00")]
    balance: Money,
}

impl From<ClientIn> for NewClient {
    fn from(posted: ClientIn) -> Self {
        let ClientIn { name, email, company, phone, address, site, notes, country, credit_limit, low_at, balance } =
            posted;
        let profile = Profile { email, company, phone, address, site, notes };
        Self { name, profile, country, credit_limit, low_at, balance }
    }
}

/// `null` takes a field away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ClientChange)]
#[expect(clippy::option_option, reason = "left out, null, and given are three things")]
pub(super) struct ChangeIn {
    name: Option<String>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    company: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    phone: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    address: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    site: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    notes: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    country: Option<Option<Country>>,
    /// `true` takes a deactivated client back.
    is_active: Option<bool>,
    #[schema(value_type = Option<String>)]
    credit_limit: Option<Money>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    low_at: Option<Option<Money>>,
}

impl From<ChangeIn> for ClientChange {
    fn from(posted: ChangeIn) -> Self {
        let ChangeIn { name, email, company, phone, address, site, notes, country, is_active, credit_limit, low_at } =
            posted;
        let profile = ProfileChange { email, company, phone, address, site, notes };
        Self { name, profile, is_active, country, credit_limit, low_at }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Client)]
pub(super) struct ClientOut<'a> {
    id: String,
    /// By what Twilio's libraries call it: `AC` and 32 hex digits.
    sid: String,
    name: &'a str,
    email: Option<String>,
    company: Option<String>,
    phone: Option<String>,
    address: Option<String>,
    site: Option<String>,
    notes: Option<String>,
    country: Option<String>,
    is_active: bool,
    #[schema(value_type = String)]
    balance: Money,
    #[schema(value_type = String)]
    credit_limit: Money,
    #[schema(value_type = Option<String>)]
    low_at: Option<Money>,
    created_at: String,
    /// Only where it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_token: Option<&'a str>,
}

pub(super) fn out<'a>(client: &'a Client, auth_token: Option<&'a str>) -> ClientOut<'a> {
    let Profile { email, company, phone, address, site, notes } = Profile::parse(client.profile.as_deref());
    ClientOut {
        id: client.id.to_string(),
        sid: format!("AC{}", client.id.hex()),
        name: &client.name,
        email,
        company,
        phone,
        address,
        site,
        notes,
        country: client.country.map(|country| country.to_string()),
        is_active: client.is_active,
        balance: client.balance,
        credit_limit: client.credit_limit,
        low_at: client.low_at,
        created_at: rfc3339(client.created_ms),
        auth_token,
    }
}
