//! `/v1/rates`: what destinations cost.

mod card;

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use self::card::{export, import, put_card, replacing};
use super::object::{self, nullable};
use super::resource::{HandlerResult, ListOut, PageIn, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{RequestParts, audit, filter, list, openapi, reply};
use crate::model::{Money, PricedChannel, rfc3339};
use crate::service::audit::AuditContext;
use crate::service::tariff::{NewRate, Rate, RateChange, RateFilter, TariffRateKey};

pub(super) fn resource() -> Resource {
    Resource::of_administrators(
        openapi::described!(add, list, fetch, change, delete, card::export, card::import, card::put_card),
        ("rates", "rat"),
    )
    .at("rates", [on(Method::GET, list).asking(filters), with_body(Method::POST, add)])
    .at("rates/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)])
    .at(
        "rates.csv",
        [
            on(Method::GET, export),
            with_body(Method::POST, import).asking(replacing),
            with_body(Method::PUT, put_card).asking(replacing),
        ],
    )
}

pub(super) fn channel(name: &str) -> Result<PricedChannel, Refusal> {
    PricedChannel::parse(name).ok_or_else(|| reply::bad_field("channel", "must be sms, mms, whatsapp or voice"))
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, Rate> {
    audit::context(request, action, |rate: &Rate| audit::json(&out(rate)))
}

/// What is priced by itself; `mms`: texts with pictures.
pub(super) fn channels() -> openapi::SchemaOrRef {
    openapi::one_of(PricedChannel::ALL.map(PricedChannel::name))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewRate)]
struct RateIn {
    #[schema(schema_with = channels)]
    channel: String,
    /// The first digits of destinations, up to 15; empty: all. The longest that fits decides.
    #[schema(example = "237")]
    prefix: String,
    /// Of a segment of a text, of a message (`mms`, `whatsapp`) or of a call: a decimal with up to six places.
    #[schema(value_type = String, example = "0.0075")]
    price: Money,
    /// When it comes into force: RFC 3339, or a day. Without, at once.
    from: Option<String>,
    /// When it ends: RFC 3339, or a day. Without, when a later one of the same prefix begins.
    until: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = RateChange)]
#[expect(clippy::option_option, reason = "left out, null, and given are three things")]
struct RateChangeIn {
    #[schema(value_type = Option<String>)]
    price: Option<Money>,
    /// `null`: no end.
    #[serde(default, deserialize_with = "nullable")]
    until: Option<Option<String>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Rate)]
struct RateOut<'a> {
    id: String,
    channel: &'static str,
    prefix: &'a str,
    price: String,
    from: String,
    until: Option<String>,
}

fn out(rate: &Rate) -> RateOut<'_> {
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
fn cursor(rate: &Rate) -> String {
    format!("{}.{}.{}", rate.channel.name(), rate.prefix, rate.from_ms)
}

fn read_cursor(text: &str) -> Option<TariffRateKey> {
    let [channel, prefix, from_ms] = text.split('.').collect::<Vec<_>>()[..] else { return None };
    Some((PricedChannel::parse(channel)?, prefix.to_owned(), from_ms.parse().ok()?))
}

/// What a list may be narrowed by.
fn filters() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("channel", "Of this channel.", channels()),
        openapi::optional("prefix", "Of destinations that begin with these digits.", openapi::text()),
        openapi::optional("at", "In force at this time: RFC 3339, or a day.", openapi::text()),
    ]
}

/// `POST /v1/rates`: adds a price of the destinations with a prefix. The longest prefix decides, and of one prefix the
/// rate that began last among those in force.
#[utoipa::path(
    post, path = "/v1/rates", tag = "rates", operation_id = "add_rate", request_body = RateIn,
    responses(
        (status = 201, description = "Added.", body = RateOut),
        (status = 409, description = "There is one of this channel and prefix that begins at this time."),
    ),
)]
async fn add(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let posted: RateIn = object::read(&request, posted).await?;
    let new = NewRate {
        channel: channel(&posted.channel)?,
        prefix: posted.prefix,
        price: posted.price,
        from_ms: posted.from.as_deref().map(|text| filter::time_in("from", text)).transpose()?,
        until_ms: posted.until.as_deref().map(|text| filter::time_in("until", text)).transpose()?,
    };
    let rate = request.app.tariff.add_rate(new, &context(&request, "rate.create")).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&rate)))
}

/// `GET /v1/rates`: all rates, by channel, prefix and time.
#[utoipa::path(
    get, path = "/v1/rates", tag = "rates", operation_id = "list_rates", params(PageIn),
    responses((status = 200, description = "A page of rates.", body = ListOut<RateOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let (after, limit) = list::page_of(&request, read_cursor)?;
    let prefix = request.param("prefix").map(|text| text.trim_start_matches(['+', ' ']).to_owned());
    if prefix.as_ref().is_some_and(|prefix| !prefix.bytes().all(|b| b.is_ascii_digit())) {
        return Err(reply::bad_field("prefix", "is no digits"));
    }
    let filter = RateFilter {
        channel: request.param("channel").map(|name| channel(&name)).transpose()?,
        prefix,
        at_ms: filter::time(&request, "at")?,
        after,
    };
    let (rates, more) = request.app.tariff.list_rates(&filter, limit).await?;
    Ok(list::reply(rates.iter().map(out).collect(), rates.last().map(cursor), more))
}

/// `GET /v1/rates/<id>`: one rate of the card.
#[utoipa::path(
    get, path = "/v1/rates/{id}", tag = "rates", operation_id = "fetch_rate",
    responses((status = 200, description = "The rate.", body = RateOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let rate = request.app.tariff.find_rate(request.id("rate")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&rate)))
}

/// `PATCH /v1/rates/<id>`: changes its price, or when it ends. What was charged stays as it was.
#[utoipa::path(
    patch, path = "/v1/rates/{id}", tag = "rates", operation_id = "change_rate", request_body = RateChangeIn,
    responses((status = 200, description = "The rate as it now is.", body = RateOut)),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let id = request.id("rate")?;
    let posted: RateChangeIn = object::read(&request, posted).await?;
    let end = |given: Option<String>| given.map(|text| filter::time_in("until", &text)).transpose();
    let change = RateChange { price: posted.price, until_ms: posted.until.map(end).transpose()? };
    let rate = request.app.tariff.change_rate(id, change, &context(&request, "rate.change")).await?;
    Ok(reply::json(StatusCode::OK, &out(&rate)))
}

/// `DELETE /v1/rates/<id>`: takes a rate away; a shorter prefix, or the usual price, decides from now on.
#[utoipa::path(
    delete, path = "/v1/rates/{id}", tag = "rates", operation_id = "delete_rate",
    responses((status = 204, description = "Taken away.")),
)]
async fn delete(request: ResourceRequest) -> HandlerResult {
    request.app.tariff.delete_rate(request.id("rate")?, &context(&request, "rate.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
