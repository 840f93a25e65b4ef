//! `/v1/numbers`: senders, and what a text to them means.

pub(super) mod import;

use std::str::FromStr;

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::object::{self, nullable};
use super::resource::{HandlerResult, ListOut, PageIn, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{RequestParts, audit, auth, list, openapi, reply, written};
use crate::model::address::{self, Address, AddressKind, AddressRole, UnknownCountry};
use crate::model::area::AreaCode;
use crate::model::{Country, PoolId, rfc3339};
use crate::service::audit::AuditContext;
use crate::service::number::{InboundTextPolicy, NewNumber, Number, NumberCapability, NumberChange, NumberFilter};

pub(super) fn resource() -> Resource {
    let description = openapi::described!(add, import::import, import::list, list, fetch, change, delete);
    Resource::new(description, ("numbers", "num"))
        .at("numbers", [on(Method::GET, list).asking(filters), with_body(Method::POST, add)])
        // before what would take the word for an id
        .at("numbers/import", [with_body(Method::POST, import::import).asking(import::defaults)])
        .at("number-imports", [on(Method::GET, import::list)])
        .at("numbers/{id}", [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, delete)])
}

fn capabilities(names: &[String]) -> Result<Vec<NumberCapability>, Refusal> {
    let wrong = |words: &str| reply::bad_field("capabilities", words);
    let parse = |name: &String| NumberCapability::parse(name).ok_or_else(|| wrong("are sms, mms, voice and whatsapp"));
    let parsed: Vec<_> = names.iter().map(parse).collect::<Result<_, _>>()?;
    if parsed.is_empty() { Err(wrong("are sms, mms, voice and whatsapp, one at least")) } else { Ok(parsed) }
}

fn meaning(name: &str) -> Result<InboundTextPolicy, Refusal> {
    InboundTextPolicy::parse(name).ok_or_else(|| reply::bad_field("meaning", "is forward or encrypted"))
}

pub(super) fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, Number> {
    audit::context(request, action, |number: &Number| audit::json(&out(number, true)))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewNumber)]
struct NumberIn {
    /// A phone number as people write it, a short code, or a sender name: 1 to 11 of `A-Z a-z 0-9`, space, `& - _ . +`.
    #[schema(example = "+14155550100")]
    number: String,
    account_id: String,
    #[serde(default = "sms")]
    #[schema(schema_with = all_capabilities)]
    capabilities: Vec<String>,
    /// What a text to it means: `forward` (an event) or `encrypted` (for a platform).
    #[serde(default = "forward")]
    #[schema(schema_with = meanings)]
    meaning: String,
    platform: Option<String>,
    /// Segments a second; 0: no limit.
    #[serde(default)]
    rate: u32,
    /// Never chosen, by a pool or where no sender is named; who names it still sends from it.
    #[serde(default)]
    reserved: bool,
}

fn meanings() -> openapi::SchemaOrRef {
    openapi::one_of(InboundTextPolicy::ALL.map(InboundTextPolicy::name))
}

fn all_capabilities() -> openapi::SchemaOrRef {
    openapi::list_of(openapi::one_of(NumberCapability::ALL.map(NumberCapability::name)))
}

fn sms() -> Vec<String> {
    vec![NumberCapability::Sms.name().to_owned()]
}

fn forward() -> String {
    InboundTextPolicy::Forward.name().to_owned()
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NumberChange)]
#[expect(clippy::option_option, reason = "left out, null, and given are three things")]
struct NumberChangeIn {
    account_id: Option<String>,
    #[schema(schema_with = all_capabilities)]
    capabilities: Option<Vec<String>>,
    #[schema(schema_with = meanings)]
    meaning: Option<String>,
    /// `null` takes it away.
    #[serde(default, deserialize_with = "nullable")]
    platform: Option<Option<String>>,
    rate: Option<u32>,
    /// `true` drains it: it is not chosen any more, while its open sessions go on and who names it still sends from it.
    reserved: Option<bool>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = Number)]
struct NumberOut<'a> {
    id: String,
    number: &'a str,
    /// phone, short_code or alphanumeric
    kind: Option<&'static str>,
    /// Only administrators are told.
    account_id: Option<String>,
    capabilities: Vec<&'static str>,
    meaning: &'static str,
    platform: Option<&'a str>,
    rate: i64,
    country: Option<&'a str>,
    /// Of North American phones: the three digits behind `+1`.
    area_code: Option<String>,
    /// The pool that it is in.
    pool_id: Option<String>,
    /// Never chosen: only who names it sends from it.
    reserved: bool,
    /// Whether the numbering plan knows it; `null` for what is no phone.
    is_valid: Option<bool>,
    created_at: String,
}

fn out(number: &Number, to_administrator: bool) -> NumberOut<'_> {
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
        area_code: AreaCode::of(&number.address).map(|code| code.to_string()),
        pool_id: number.pool.map(|pool: PoolId| pool.to_string()),
        reserved: number.is_reserved,
        is_valid: address::report(&address).map(|report| report.is_valid),
        created_at: rfc3339(number.created_ms),
    }
}

/// `POST /v1/numbers`: takes a number of an account into use.
#[utoipa::path(
    post, path = "/v1/numbers", tag = "numbers", operation_id = "add_number", request_body = NumberIn,
    responses(
        (status = 201, description = "In use from now on.", body = NumberOut),
        (status = 409, description = "The number is in use already."),
    ),
)]
async fn add(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let posted: NumberIn = object::read(&request, posted).await?;
    let (named, address) =
        written::address("number", &posted.number, AddressRole::Sender, request.app.country(client))?;
    let capabilities = capabilities(&posted.capabilities)?;
    if named.is_some_and(|channel| !capabilities.iter().any(|it| it.name() == channel.name())) {
        return Err(reply::bad_field("number", "must not name a channel that is none of its capabilities"));
    }
    let new = NewNumber {
        address,
        account: written::account(&posted.account_id)?,
        capabilities,
        meaning: meaning(&posted.meaning)?,
        platform: posted.platform,
        rate: posted.rate.into(),
        is_reserved: posted.reserved,
    };
    let number = request.app.numbers.add(client, new, &context(&request, "number.add")).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&number, true)))
}

/// What a list may be narrowed by.
fn filters() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("number", "This one.", openapi::text()),
        openapi::optional("country", "Of this country: two letters (ISO 3166-1).", openapi::text()),
        openapi::optional("pool_id", "In this pool.", openapi::text()),
        openapi::optional("reserved", "Reserved, or not.", openapi::one_of(["true", "false"])),
    ]
}

/// What a parameter says; `must`: what it must be.
fn said<T: FromStr>(request: &RequestParts, name: &str, must: &str) -> Result<Option<T>, Refusal> {
    request.param(name).map(|text| text.parse().map_err(|_| reply::bad_field(name, must))).transpose()
}

fn wanted(request: &RequestParts, home: Option<Country>) -> Result<NumberFilter, Refusal> {
    let number = written::asked(request, "number", AddressRole::Sender, home)?;
    Ok(NumberFilter {
        after: None,
        address: number.map(|(_, address)| address.as_str().to_owned()),
        country: said(request, "country", &UnknownCountry.to_string())?,
        pool: said(request, "pool_id", "must be the id of a pool")?,
        is_reserved: said(request, "reserved", "must be true or false")?,
    })
}

/// `GET /v1/numbers`: all numbers, newest first, narrowed by number, country, pool and whether they are reserved.
#[utoipa::path(
    get, path = "/v1/numbers", tag = "numbers", operation_id = "list_numbers", params(PageIn),
    responses((status = 200, description = "A page of numbers.", body = ListOut<NumberOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let acting = auth::reader(&request.app, &request)?;
    let (after, limit) = list::page(&request)?;
    let filter = NumberFilter { after, ..wanted(&request, request.app.country(acting.client))? };
    let (numbers, more) = request.app.numbers.list(acting.client, &filter, limit).await?;
    let shown = numbers.iter().map(|number| out(number, acting.is_administrator)).collect();
    Ok(list::reply(shown, numbers.last().map(|number| number.id), more))
}

/// `GET /v1/numbers/<id>`: one number.
#[utoipa::path(
    get, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "fetch_number",
    responses((status = 200, description = "The number.", body = NumberOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let acting = auth::reader(&request.app, &request)?;
    let number = request.app.numbers.find(acting.client, request.id("number")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&number, acting.is_administrator)))
}

/// `PATCH /v1/numbers/<id>`: changes its account, its rate, what a text to it means, and whether it is ever chosen.
#[utoipa::path(
    patch, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "change_number", request_body = NumberChangeIn,
    responses((status = 200, description = "The number as it now is.", body = NumberOut)),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    let id = request.id("number")?;
    let posted: NumberChangeIn = object::read(&request, posted).await?;
    let change = NumberChange {
        account: posted.account_id.as_deref().map(written::account).transpose()?,
        capabilities: posted.capabilities.as_deref().map(capabilities).transpose()?,
        meaning: posted.meaning.as_deref().map(meaning).transpose()?,
        platform: posted.platform,
        rate: posted.rate.map(i64::from),
        is_reserved: posted.reserved,
    };
    let number = request.app.numbers.change(client, id, change, &context(&request, "number.change")).await?;
    Ok(reply::json(StatusCode::OK, &out(&number, true)))
}

/// `DELETE /v1/numbers/<id>`: lets it go; its messages stay.
#[utoipa::path(
    delete, path = "/v1/numbers/{id}", tag = "numbers", operation_id = "delete_number",
    responses(
        (status = 204, description = "Let go."),
        (status = 409, description = "It has open sessions; the answer says how many."),
    ),
)]
async fn delete(request: ResourceRequest) -> HandlerResult {
    let client = auth::administrator_for(&request.app, &request)?;
    request.app.numbers.delete(client, request.id("number")?, &context(&request, "number.delete")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
