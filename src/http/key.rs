//! `/v1/clients/<id>/keys`: what clients show to be known, and what each may do.

use std::net::IpAddr;

use ::http::{Method, StatusCode};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::object::{self, nullable};
use super::resource::{HandlerResult, ListOut, PageIn, Refusal, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{RequestParts, audit, list, openapi, reply, written};
use crate::model::{AllowedTwiml, Millis, Secret, rfc3339};
use crate::service::audit::AuditContext;
use crate::service::client::{ApiKey, KeyChange, KeyScope, KeyTerms, NewApiKeyOrigin};

pub(super) fn resource() -> Resource {
    Resource::of_administrators(openapi::described!(issue, list, fetch, change, revoke), ("keys", "key"))
        .at("clients/{id}/keys", [on(Method::GET, list), with_body(Method::POST, issue)])
        .at(
            "clients/{id}/keys/{key}",
            [on(Method::GET, fetch), with_body(Method::PATCH, change), on(Method::DELETE, revoke)],
        )
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, ApiKey> {
    audit::context(request, action, |key: &ApiKey| audit::json(&out(key, None)))
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewKey)]
struct KeyIn {
    #[serde(default)]
    name: String,
    /// Unless given: all.
    #[schema(schema_with = all_scopes)]
    scopes: Option<Vec<String>>,
    /// The only account that it sends through.
    account_id: Option<String>,
    /// The networks, or addresses, that it may come from; none: all.
    #[serde(default)]
    #[schema(example = json!(["192.0.2.0/24"]))]
    sources: Vec<String>,
    /// A regular expression, anchored at its start, of senders; unless given: all.
    senders: Option<String>,
    /// The same of destinations.
    #[schema(example = r"\+237")]
    destinations: Option<String>,
    /// Requests a minute, on all nodes together where there is Redis; 0: no limit.
    #[serde(default)]
    rate: u32,
    /// RFC 3339.
    #[schema(example = "2030-01-31T12:00:00Z")]
    expires_at: Option<String>,
    /// What its calls may say. `any`: all TwiML, and a URL; that is whatever the carrier's account may do, at the price
    /// of one call, to destinations too that the key may not send to. `say`: only Say, Play, Pause, Gather, Hangup and
    /// Reject, without URLs but Play's, and neither recorded nor asked for machines. Unless given: `say` with `senders` or
    /// `destinations`, else as `call.twiml` says.
    #[schema(schema_with = twimls)]
    twiml: Option<String>,
    /// The SHA-256 of a key that was made elsewhere, 64 hex digits: it goes on working here.
    sha256: Option<String>,
}

fn all_scopes() -> openapi::SchemaOrRef {
    openapi::list_of(openapi::one_of(KeyScope::ALL.map(KeyScope::name)))
}

fn scopes(names: &[String]) -> Result<Vec<KeyScope>, Refusal> {
    let wrong = || reply::bad_field("scopes", "are sms, voice, whatsapp, verify, sessions and read");
    names.iter().map(|name| KeyScope::parse(name).ok_or_else(wrong)).collect()
}

fn twimls() -> openapi::SchemaOrRef {
    openapi::one_of(AllowedTwiml::ALL.map(AllowedTwiml::name))
}

fn twiml(name: &str) -> Result<AllowedTwiml, Refusal> {
    AllowedTwiml::parse(name).ok_or_else(|| reply::bad_field("twiml", "must be any or say"))
}

fn sources(texts: &[String]) -> Result<Vec<IpNet>, Refusal> {
    let parse = |text: &String| {
        let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        network.ok_or_else(|| reply::bad_field("sources", &format!("{text} is no network such as 192.0.2.0/24")))
    };
    texts.iter().map(parse).collect()
}

fn time(text: &str) -> Result<Millis, Refusal> {
    written::time("expires_at", text)
}

impl KeyIn {
    fn read(self) -> Result<(KeyTerms, NewApiKeyOrigin), Refusal> {
        let terms = KeyTerms {
            name: self.name,
            scopes: self.scopes.as_deref().map_or(Ok(KeyScope::ALL.to_vec()), scopes)?,
            account: self.account_id.as_deref().map(written::account).transpose()?,
            sources: sources(&self.sources)?,
            senders: self.senders,
            destinations: self.destinations,
            rate: self.rate.into(),
            expires_ms: self.expires_at.as_deref().map(time).transpose()?,
            twiml: self.twiml.as_deref().map(twiml).transpose()?,
        };
        Ok((terms, self.sha256.map_or(NewApiKeyOrigin::Made, NewApiKeyOrigin::Sha256)))
    }
}

/// `null` takes a bound away.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyChange)]
#[expect(clippy::option_option, reason = "left out, null, and given are three things")]
struct KeyChangeIn {
    name: Option<String>,
    #[schema(schema_with = all_scopes)]
    scopes: Option<Vec<String>>,
    #[serde(default, deserialize_with = "nullable")]
    account_id: Option<Option<String>>,
    sources: Option<Vec<String>>,
    #[serde(default, deserialize_with = "nullable")]
    senders: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    destinations: Option<Option<String>>,
    rate: Option<u32>,
    #[serde(default, deserialize_with = "nullable")]
    expires_at: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    twiml: Option<Option<String>>,
}

impl KeyChangeIn {
    fn read(self) -> Result<KeyChange, Refusal> {
        let account = self.account_id.map(|id| id.as_deref().map(written::account).transpose()).transpose()?;
        let expires_ms = self.expires_at.map(|at| at.as_deref().map(time).transpose()).transpose()?;
        Ok(KeyChange {
            name: self.name,
            scopes: self.scopes.as_deref().map(scopes).transpose()?,
            account,
            sources: self.sources.as_deref().map(sources).transpose()?,
            senders: self.senders,
            destinations: self.destinations,
            rate: self.rate.map(i64::from),
            expires_ms,
            twiml: self.twiml.map(|name| name.as_deref().map(twiml).transpose()).transpose()?,
        })
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = Key)]
struct KeyOut<'a> {
    id: String,
    /// By what Twilio's libraries call it: `SK` and 32 hex digits.
    sid: String,
    client_id: String,
    name: &'a str,
    /// How it begins; null where it was made elsewhere.
    prefix: Option<&'a str>,
    #[schema(schema_with = all_scopes)]
    scopes: Vec<&'a str>,
    account_id: Option<String>,
    sources: Vec<String>,
    senders: Option<&'a str>,
    destinations: Option<&'a str>,
    /// Null: `say` with `senders` or `destinations`, else as `call.twiml` says.
    #[schema(value_type = Option<String>)]
    twiml: Option<&'static str>,
    rate: i64,
    created_at: String,
    expires_at: Option<String>,
    /// To within ten seconds.
    last_used_at: Option<String>,
    revoked_at: Option<String>,
    /// Only where it was just made.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

fn out<'a>(key: &'a ApiKey, made: Option<&'a str>) -> KeyOut<'a> {
    let sources = key.sources.as_deref().and_then(|json| serde_json::from_str(json).ok());
    KeyOut {
        id: key.id.to_string(),
        sid: format!("SK{}", key.id.hex()),
        client_id: key.client.to_string(),
        name: &key.name,
        prefix: Some(key.prefix.as_str()).filter(|prefix| !prefix.is_empty()),
        scopes: key.scopes.split(',').filter(|one| !one.is_empty()).collect(),
        account_id: key.account.map(|id| id.to_string()),
        sources: sources.unwrap_or_default(),
        senders: key.senders.as_deref(),
        destinations: key.destinations.as_deref(),
        twiml: key.twiml.map(AllowedTwiml::name),
        rate: key.rate,
        created_at: rfc3339(key.created_ms),
        expires_at: key.expires_ms.map(rfc3339),
        last_used_at: key.last_used_ms.map(rfc3339),
        revoked_at: key.revoked_ms.map(rfc3339),
        key: made,
    }
}

/// `POST /v1/clients/<id>/keys`: makes a key, which stands in this answer and never again; or, with `sha256`, takes
/// one over that was made elsewhere.
#[utoipa::path(
    post, path = "/v1/clients/{id}/keys", tag = "keys", operation_id = "create_key", request_body = Option<KeyIn>,
    responses(
        (status = 201, description = "In force from now on.", body = KeyOut),
        (status = 409, description = "This key is known already, or its client is not active."),
    ),
)]
async fn issue(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = request.id("client")?;
    let posted: KeyIn = object::read_or_default(&request, posted).await?;
    let (terms, origin) = posted.read()?;
    let (key, made) = request.app.clients.issue(client, terms, origin, &context(&request, "key.create")).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&key, made.as_ref().map(Secret::expose))))
}

/// `GET /v1/clients/<id>/keys`: a client's keys, newest first, revoked ones too.
#[utoipa::path(
    get, path = "/v1/clients/{id}/keys", tag = "keys", operation_id = "list_keys",
    params(PageIn),
    responses((status = 200, description = "A page of keys.", body = ListOut<KeyOut>)),
)]
async fn list(request: ResourceRequest) -> HandlerResult {
    let (after, limit) = list::page(&request)?;
    let (keys, more) = request.app.clients.keys(request.id("client")?, after, limit).await?;
    Ok(list::reply(keys.iter().map(|key| out(key, None)).collect(), keys.last().map(|key| key.id), more))
}

/// `GET /v1/clients/<id>/keys/<key>`: one key, all but itself.
#[utoipa::path(
    get, path = "/v1/clients/{id}/keys/{key}", tag = "keys", operation_id = "fetch_key",
    responses((status = 200, description = "The key.", body = KeyOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let key = request.app.clients.key(request.id("client")?, request.nth_id(1, "key")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&key, None)))
}

/// `PATCH /v1/clients/<id>/keys/<key>`: changes what it is called and may do, from now on.
#[utoipa::path(
    patch, path = "/v1/clients/{id}/keys/{key}", tag = "keys", operation_id = "change_key", request_body = KeyChangeIn,
    responses((status = 200, description = "The key as it now is.", body = KeyOut)),
)]
async fn change(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let (client, id) = (request.id("client")?, request.nth_id(1, "key")?);
    let posted: KeyChangeIn = object::read(&request, posted).await?;
    let key = request.app.clients.change_key(client, id, posted.read()?, &context(&request, "key.change")).await?;
    Ok(reply::json(StatusCode::OK, &out(&key, None)))
}

/// `DELETE /v1/clients/<id>/keys/<key>`: revokes it, for good: at once on this node, within two seconds on others.
#[utoipa::path(
    delete, path = "/v1/clients/{id}/keys/{key}", tag = "keys", operation_id = "revoke_key",
    responses((status = 204, description = "Revoked.")),
)]
async fn revoke(request: ResourceRequest) -> HandlerResult {
    let (client, id) = (request.id("client")?, request.nth_id(1, "key")?);
    request.app.clients.revoke(client, id, &context(&request, "key.revoke")).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
