//! Clients speak: one file per resource; authorisation, addresses and replies beside them.

mod account;
mod address;
mod app;
mod audit;
mod auth;
mod body;
mod call;
mod client;
mod compat;
mod connection_limit;
mod cors;
mod device;
mod docs;
mod endpoint;
mod event;
mod event_type;
mod filter;
mod form;
mod guard;
mod guess;
mod health;
mod idempotency;
mod key;
mod ledger;
mod limit;
mod list;
mod lookup;
mod loopback;
mod media;
mod message;
mod number;
mod object;
mod openapi;
mod opt_out;
mod page;
mod pairing;
mod path;
mod pool;
mod rate;
mod refused;
mod reply;
mod resource;
mod route;
mod server;
mod session;
mod sms;
mod socket;
mod tls;
mod trace;
mod verification;
mod verify_call;
mod webhook;
mod write_timeout;
mod written;

pub use app::App;
pub use auth::AdminSettings;
pub use body::BodyMemory;
pub use compat::{CodesDoorSettings, MaskedDoor, MaskedDoorSettings};
pub use guess::GuessLimit;
pub use limit::AddressLimit;
pub use server::{TcpListeners, serve};
pub use socket::SocketPulse;
pub use tls::{ReloadableTls, TlsError, TlsSettings};
pub use trace::Metrics;

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use ::http::{HeaderMap, Method};
use ipnet::IpNet;
use serde::Deserialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use self::body::UnreadBody;
use self::reply::Refusal;
use self::resource::Resource;
use crate::model::DurationSetting;

/// `[http]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub listen: Vec<SocketAddr>,
    pub metrics_listen: String,
    pub public_url: String,
    pub trusted_proxies: Vec<IpNet>,
    pub requests_per_address: u32,
    pub body_limit: usize,
    /// The same of a card of rates, or a file of numbers.
    pub import_limit: usize,
    /// What bodies hold at most, until they are answered; and long answers besides, until they are written.
    pub bodies_memory: usize,
    pub header_timeout: DurationSetting,
    pub body_timeout: DurationSetting,
    pub write_timeout: DurationSetting,
    pub connections: usize,
    pub connections_per_address: usize,
    pub shutdown_grace: DurationSetting,
    /// How long `/readyz` says so before the listener closes; part of the grace.
    pub drain_delay: DurationSetting,
    /// Whether `POST /empty` is there, which reads a body and answers 202: what speed is measured against.
    pub empty_route: bool,
}

/// Who calls, as far as trusted proxies tell.
#[derive(Clone, Debug)]
pub struct RequestContext {
    pub address: IpAddr,
    pub is_secure: bool,
    /// A trusted proxy has passed it on: what that adds counts.
    pub is_proxied: bool,
    pub request_id: Arc<str>,
    /// Who makes the request.
    pub(crate) known: Arc<auth::RequestAuthentication>,
    /// The connection's permit, one of `http.connections`; a socket takes it over.
    pub(crate) permit: Arc<connection_limit::ConnectionPermit>,
}

/// The parts of a request that every handler may want.
pub(crate) struct RequestParts {
    method: Method,
    headers: HeaderMap,
    caller: RequestContext,
    query: String,
}

impl RequestParts {
    /// The first value of a query parameter; empty where only its name stands.
    fn param(&self, name: &str) -> Option<Cow<'_, str>> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// Refuses every method but one.
    fn only(&self, method: &'static str) -> Result<(), Refusal> {
        if self.method.as_str() == method { Ok(()) } else { Err(reply::method_not_allowed(method).into()) }
    }

    fn header(&self, name: ::http::header::HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A path's segment, percent-decoded. `None`: it is no text.
fn segment(raw: &str) -> Option<String> {
    percent_encoding::percent_decode_str(raw).decode_utf8().ok().map(Cow::into_owned)
}

fn request_parts() -> impl Filter<Extract = (RequestParts,), Error = warp::Rejection> + Clone {
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::method().and(warp::header::headers_cloned()).and(warp::ext::get::<RequestContext>()).and(query).map(
        |method, headers, caller, query| {
            // a HEAD is a GET whose body hyper leaves out
            let method = if method == Method::HEAD { Method::GET } else { method };
            RequestParts { method, headers, caller, query }
        },
    )
}

/// What the handler of a request without a body takes.
fn asked(app: &Arc<App>) -> impl Filter<Extract = (RequestParts, Arc<App>), Error = warp::Rejection> + Clone + use<> {
    request_parts().and(with(app))
}

/// What the handler of a request with a body takes.
fn posted(
    app: &Arc<App>,
) -> impl Filter<Extract = (RequestParts, UnreadBody, Arc<App>), Error = warp::Rejection> + Clone + use<> {
    request_parts().and(body::posted()).and(with(app))
}

fn with<T: Clone + Send>(value: &T) -> impl Filter<Extract = (T,), Error = std::convert::Infallible> + Clone + use<T> {
    let value = value.clone();
    warp::any().map(move || value.clone())
}

/// What is under `/v1`, and described, a row each.
fn resources() -> Vec<Resource> {
    vec![
        openapi::resource(),
        message::resource(),
        call::resource(),
        number::resource(),
        account::resource(),
        endpoint::resource(),
        event::resource(),
        event_type::resource(),
        opt_out::resource(),
        client::resource(),
        key::resource(),
        audit::resource(),
        lookup::resource(),
        device::resource(),
        route::resource(),
        rate::resource(),
        guard::resource(),
        guard::safe_list(),
        ledger::resource(),
        pool::resource(),
        session::resource(),
        session::interaction::resource(),
        verification::resource(),
        verification::service::resource(),
        verification::template::resource(),
        verification::rate_limit::resource(),
        verification::rate_limit::bucket::resource(),
        guard::country::resource(),
        loopback::resource(),
    ]
}

/// Paths, and what answers there.
pub type HttpRoutes = BoxedFilter<(Response,)>;

/// All routes of the public port, grouped by first path segment; nothing falls through.
pub fn routes(app: &Arc<App>) -> HttpRoutes {
    let sync = first_of([pairing::routes(app), socket::routes(app)]).map(reply::bare).boxed();
    let v2 = first_of([sync, compat::twilio::routes_v2(app)]);
    let all = first_of([
        // the busiest first: each that is tried before has its part in every poll of a request
        warp::path("v1").and(resource::routes(resources(), app)).boxed(),
        warp::path("webhooks").and(webhook::routes(app)).boxed(),
        warp::path("v2").and(v2).boxed(),
        warp::path("relay").and(webhook::relay_routes(app)).boxed(),
        warp::path("sms").and(sms::routes(app)).map(reply::bare).boxed(),
        compat::routes(app),
        verify_call::routes(app),
        media::routes(app),
        page::routes(app),
        health::routes(app),
        docs::routes(),
        warp::any().map(reply::not_found).boxed(),
    ]);
    if app.settings.empty_route { empty_route(app).or(all).unify().boxed() } else { all }
}

/// Tries one after the other, each in a box: what comes later costs who comes first nothing.
fn first_of(routes: impl IntoIterator<Item = HttpRoutes, IntoIter: DoubleEndedIterator>) -> HttpRoutes {
    let all = routes.into_iter().rev().reduce(|rest, one| one.or(rest).unify().boxed());
    all.unwrap_or_else(|| warp::any().map(reply::not_found).boxed())
}

/// `POST /empty`: reads a body whose length its head says, and answers 202.
fn empty_route(app: &Arc<App>) -> HttpRoutes {
    let limit = u64::try_from(app.settings.body_limit).unwrap_or(u64::MAX);
    let body = warp::body::content_length_limit(limit).and(warp::body::bytes());
    let read = |_: bytes::Bytes| reply::empty(::http::StatusCode::ACCEPTED);
    warp::path!("empty").and(warp::post()).and(body).map(read).boxed()
}

/// The routes of `http.metrics_listen`: metrics without a key, and health.
pub fn metrics_routes(app: &Arc<App>) -> HttpRoutes {
    health::metrics_routes(app).or(warp::any().map(reply::not_found)).unify().boxed()
}
