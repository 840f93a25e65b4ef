//! Rates as administrators write and read them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use crate::http::object::{Maybe, present};
use crate::http::openapi;
use crate::model::{Money, Priced, rfc3339};
use crate::service::tariff::{Rate, Slot};

/// What is priced by itself; `mms`: texts with pictures.
pub(in crate::http) fn channels() -> RefOr<Schema> {
    openapi::one_of(Priced::ALL.map(Priced::name))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRate)]
pub(super) struct RateIn {
    #[schema(schema_with = channels)]
    pub(super) channel: String,
    /// The first digits of destinations, up to 15; empty: all. The longest that fits decides.
    #[schema(example = "237")]
    pub(super) prefix: String,
    /// Of a segment of a text, of a message (`mms`, `whatsapp`) or of a call: a decimal with up to six places.
    #[schema(value_type = String, example = "0.0075")]
    pub(super) price: Money,
    /// When it comes into force: RFC 3339, or a day. Without, at once.
    pub(super) from: Option<String>,
    /// When it ends: RFC 3339, or a day. Without, when a later one of the same prefix begins.
    pub(super) until: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RateChange)]
pub(super) struct ChangeIn {
    #[schema(value_type = Option<String>)]
    pub(super) price: Option<Money>,
    /// `null`: no end.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    pub(super) until: Option<Maybe<String>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Rate)]
pub(super) struct RateOut<'a> {
    id: String,
    channel: &'static str,
    prefix: &'a str,
    price: String,
    from: String,
    until: Option<String>,
}

pub(super) fn out(rate: &Rate) -> RateOut<'_> {
    RateOut {
        id: rate.id.to_string(),
        channel: rate.channel.name(),
        prefix: &rate.prefix,
        price: rate.price.to_string(),
        from: rfc3339(rate.from_ms),
        until: rate.until_ms.map(rfc3339),
    }
}

/// Where a page has ended.
pub(super) fn cursor(rate: &Rate) -> String {
    format!("{}.{}.{}", rate.channel.name(), rate.prefix, rate.from_ms)
}

pub(super) fn read_cursor(text: &str) -> Option<Slot> {
    let [channel, prefix, from_ms] = text.split('.').collect::<Vec<_>>()[..] else { return None };
    Some((Priced::parse(channel)?, prefix.to_owned(), from_ms.parse().ok()?))
}
