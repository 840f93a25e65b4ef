//! Who makes a request: an administrator, or a client by one of its keys or its auth token; and what each may do.

mod given;

use std::net::IpAddr;

use ::http::HeaderMap;
use serde::Deserialize;
use subtle::ConstantTimeEq;

pub(super) use self::given::login;
use self::given::{BasicAuthUser, GivenCredentials};
use super::reply::{self, Refusal};
use super::{App, RequestParts};
use crate::model::{ClientId, Secret};
use crate::service::client::{ApiConsumer, KeyRateExhausted, KeyScope};
use crate::service::message::Message;

/// For which client an administrator acts.
const ACTS_FOR: &str = "switchboard-client";
/// Who the administrator is that the configuration names.
const CONFIGURED: &str = "config token";

/// `[admin]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdminSettings {
    pub token: Secret,
}

/// Who makes a request.
#[derive(Debug)]
pub(super) enum Requester {
    /// By what the audit log calls them.
    Administrator(String),
    Client(ApiConsumer),
}

/// Why nobody is known to make it.
#[derive(Clone, Copy, Debug)]
pub(super) enum UnknownRequester {
    Missing,
    Wrong,
}

/// What is found out of who makes a request, once, before it is known what is asked.
#[derive(Debug)]
pub(crate) struct RequestAuthentication {
    pub(super) who: Result<Requester, UnknownRequester>,
    /// Whether the rate of a client's key has one left for this request, which it has taken then.
    admitted: Result<(), KeyRateExhausted>,
}

impl RequestAuthentication {
    pub(super) fn new(who: Result<Requester, UnknownRequester>) -> Self {
        Self { who, admitted: Ok(()) }
    }

    /// Takes the request off what its key may ask for; a key from a network that it may not come from loses nothing.
    pub(super) async fn admit(&mut self, app: &App, address: IpAddr) {
        if let Ok(Requester::Client(ApiConsumer { key: Some(key), .. })) = &self.who
            && key.may_come_from(address)
        {
            self.admitted = app.clients.admit(key).await;
        }
    }
}

/// Looks who brings these headers. A client's key is not asked yet whether it may.
pub(super) fn identify(app: &App, headers: &HeaderMap) -> Result<Requester, UnknownRequester> {
    let client = match GivenCredentials::of(headers) {
        GivenCredentials::Nothing => return Err(UnknownRequester::Missing),
        GivenCredentials::Other => None,
        GivenCredentials::Key(key) => app.clients.by_key(key),
        GivenCredentials::Bearer(key) => match administrator_of(app, key) {
            Some(who) => return Ok(Requester::Administrator(who)),
            None => app.clients.by_key(key),
        },
        GivenCredentials::Basic(BasicAuthUser::Client(id), password) => app.clients.by_client(id, &password),
        GivenCredentials::Basic(BasicAuthUser::Key(id), password) => app.clients.by_key_id(id, &password),
    };
    client.map(Requester::Client).ok_or(UnknownRequester::Wrong)
}

/// The token of the configuration, or a key made by `switchboard admin key`.
fn administrator_of(app: &App, given: &str) -> Option<String> {
    let expected = app.admin_token.expose();
    let fits: bool = given.as_bytes().ct_eq(expected.as_bytes()).into();
    if fits && !expected.is_empty() { Some(CONFIGURED.to_owned()) } else { app.admins.who(given) }
}

/// Lets whoever is known pass.
pub(super) fn known(request: &RequestParts) -> Result<&Requester, Refusal> {
    request.caller.known.who.as_ref().map_err(|unknown| match unknown {
        UnknownRequester::Wrong => reply::unauthorized("this is no key in force").into(),
        UnknownRequester::Missing => reply::unauthorized("this path wants a key").into(),
    })
}

/// Lets an administrator pass.
pub(super) fn administrator(request: &RequestParts) -> Result<(), Refusal> {
    match &request.caller.known.who {
        Ok(Requester::Administrator(_)) => Ok(()),
        Ok(Requester::Client(_)) => Err(reply::forbidden("this path is for administrators")),
        Err(UnknownRequester::Wrong) => Err(reply::unauthorized("this is not the administrator's key").into()),
        Err(UnknownRequester::Missing) => Err(reply::unauthorized("this path wants the administrator's key").into()),
    }
}

/// Who an administrator is; `None`: it is none. The key may be revoked before it has done what it came for, and is
/// written down all the same.
pub(super) fn administrator_name(request: &RequestParts) -> Option<String> {
    if let Ok(Requester::Administrator(name)) = &request.caller.known.who { Some(name.clone()) } else { None }
}

pub(super) fn is_administrator(request: &RequestParts) -> bool {
    matches!(request.caller.known.who, Ok(Requester::Administrator(_)))
}

/// For whom something is done, and whether an administrator does it.
#[derive(Clone, Debug)]
pub(super) struct ActingClient {
    pub(super) consumer: ApiConsumer,
    pub(super) client: ClientId,
    pub(super) is_administrator: bool,
}

impl ActingClient {
    /// Whether it may be shown more of what it has changed than how that stands.
    pub(super) fn may_read(&self) -> bool {
        self.consumer.may(KeyScope::Read)
    }
}

/// For whom whoever is known acts: a key within its networks, its rate and its time. Who takes a client's messages back,
/// or empties them, is asked by [`may_change`] too, once it is known which.
pub(super) fn acting(app: &App, request: &RequestParts) -> Result<ActingClient, Refusal> {
    match known(request)? {
        Requester::Administrator(_) => {
            let client = acted_for(app, request)?;
            Ok(ActingClient { consumer: ApiConsumer::of(client), client, is_administrator: true })
        }
        Requester::Client(consumer) => {
            admit(app, request, consumer)?;
            Ok(ActingClient { client: consumer.client, consumer: consumer.clone(), is_administrator: false })
        }
    }
}

/// Whether an administrator names the client that it acts for.
pub(super) fn names_client(request: &RequestParts) -> bool {
    request.headers.contains_key(ACTS_FOR)
}

/// The client that an administrator names; unless it names one, the operator.
fn acted_for(app: &App, request: &RequestParts) -> Result<ClientId, Refusal> {
    let Some(named) = request.headers.get(ACTS_FOR) else { return Ok(ClientId::OPERATOR) };
    let id = named.to_str().ok().and_then(|text| text.trim().parse::<ClientId>().ok());
    let known = id.filter(|id| app.clients.current().client(*id).is_some());
    known.ok_or_else(|| reply::bad_field("Switchboard-Client", "no such client"))
}

fn admit(app: &App, request: &RequestParts, consumer: &ApiConsumer) -> Result<(), Refusal> {
    let Some(key) = &consumer.key else { return Ok(()) };
    if !key.may_come_from(request.caller.address) {
        return Err(reply::forbidden("this key may not be used from this address"));
    }
    key.use_at(app.clients.clock.now_ms());
    request.caller.known.admitted.map_err(reply::exhausted)
}

/// For whom something is sent: a client that is active, or the operator. What a key may send is asked later.
pub(super) fn consumer(app: &App, request: &RequestParts) -> Result<ApiConsumer, Refusal> {
    Ok(active(app, acting(app, request)?)?.consumer)
}

/// Clients' own credentials end with them; an administrator may still look, but send nothing for them.
pub(super) fn active(app: &App, acting: ActingClient) -> Result<ActingClient, Refusal> {
    if app.clients.current().client(acting.client).is_some_and(|client| !client.is_active) {
        return Err(reply::forbidden("this client is not active"));
    }
    Ok(acting)
}

/// Who reads what is a client's.
pub(super) fn reader(app: &App, request: &RequestParts) -> Result<ActingClient, Refusal> {
    with_scope(app, request, KeyScope::Read, "this key may not read")
}

/// Whoever may send a message may change it.
pub(super) fn may_change(acting: &ActingClient, message: &Message) -> Result<(), Refusal> {
    acting.consumer.may_change(message).map_err(reply::forbidden)
}

/// Who makes a client's sessions, and changes them.
pub(super) fn host(app: &App, request: &RequestParts) -> Result<ActingClient, Refusal> {
    with_scope(app, request, KeyScope::Sessions, "this key may not make sessions, nor change them")
}

/// Who proves phones for a client, and says how often that may be.
pub(super) fn verifier(app: &App, request: &RequestParts) -> Result<ActingClient, Refusal> {
    with_scope(app, request, KeyScope::Verify, "this key may not verify phones")
}

/// Who ends a client's calls.
pub(super) fn caller(app: &App, request: &RequestParts) -> Result<ActingClient, Refusal> {
    with_scope(app, request, KeyScope::Voice, "this key may not place calls, nor end them")
}

fn with_scope(app: &App, request: &RequestParts, scope: KeyScope, otherwise: &str) -> Result<ActingClient, Refusal> {
    let acting = acting(app, request)?;
    if acting.consumer.may(scope) { Ok(acting) } else { Err(reply::forbidden(otherwise)) }
}

/// Who changes how a client is served: itself by its auth token, or an administrator; no key may.
pub(super) fn owner(app: &App, request: &RequestParts) -> Result<ClientId, Refusal> {
    let acting = acting(app, request)?;
    if acting.consumer.key.is_some() {
        return Err(reply::forbidden("this takes the client's auth token: a key may not"));
    }
    Ok(acting.client)
}

/// The client that an administrator acts for; nobody else passes.
pub(super) fn administrator_for(app: &App, request: &RequestParts) -> Result<ClientId, Refusal> {
    administrator(request)?;
    acted_for(app, request)
}
