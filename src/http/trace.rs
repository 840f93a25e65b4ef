//! Around every request: who calls, how often they may, what `/metrics` and the log say of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ::http::{HeaderValue, Request};
use hyper::body::Incoming;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tracing::Instrument as _;
use warp::reply::Response;

use super::auth::{RequestAuthentication, UnknownRequester};
use super::compat::{self, codes, key, twilio};
use super::connection_limit::ConnectionPermit;
use super::server::ServerContext;
use super::{RequestContext, address, body, health, path, reply, webhook};

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct ResponseLabel {
    method: &'static str,
    status: u16,
}

/// Requests and connections of a node.
#[derive(Clone, Debug)]
pub struct Metrics {
    requests: Family<ResponseLabel, Counter>,
    seconds: Histogram,
    pub(super) connections: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let seconds = Histogram::new([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.35, 1.0, 5.0]);
        Self { requests: Family::default(), seconds, connections: Gauge::default() }
    }
}

impl Metrics {
    pub fn register(&self, registry: &mut Registry) {
        registry.register("http_requests", "Requests by method and status", self.requests.clone());
        registry.register("http_request_seconds", "Time to answer a request", self.seconds.clone());
        registry.register("http_connections", "Connections open, sockets among them", self.connections.clone());
    }
}

/// Methods by name: a label must not be what a client makes up.
fn label(method: &::http::Method) -> &'static str {
    let known = ["GET", "POST", "PATCH", "DELETE", "OPTIONS", "HEAD"];
    known.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}

/// Finds out who makes a request, and takes it off what its address, and its key, may ask for; or says how long to
/// wait.
async fn admit<B>(
    shared: &ServerContext,
    address: IpAddr,
    request: &Request<B>,
    now: Instant,
) -> Result<RequestAuthentication, Duration> {
    // carriers at load come from few addresses, and bring no keys; a probe must not be told to come back later
    let path = request.uri().path();
    if webhook::is_carriers(path) || health::is_probe(path) {
        return Ok(RequestAuthentication::new(Err(UnknownRequester::Missing)));
    }
    let of_door = compat::requester(&shared.app, path, request.headers());
    let who = of_door.map_or_else(|| key::identify(&shared.app, request.headers(), request.uri()), Ok);
    let mut known = RequestAuthentication::new(who);
    admit_address(shared, address::group(address), &known, now)?;
    known.admit(&shared.app, address).await;
    Ok(known)
}

fn admit_address(
    shared: &ServerContext,
    address: IpAddr,
    known: &RequestAuthentication,
    now: Instant,
) -> Result<(), Duration> {
    match known.who {
        Err(UnknownRequester::Wrong) => shared.app.guesses.limit.take(address, now)?,
        // who tries many keys must not learn by this which one is good
        Ok(_) if shared.app.guesses.limit.has_left(address, now) => return Ok(()),
        Err(UnknownRequester::Missing) | Ok(_) => {}
    }
    shared.limit.take(address, now)
}

fn refuse<B>(request: &Request<B>, wait: Duration) -> Response {
    let (path, seconds) = (request.uri().path(), wait.as_secs() + 1);
    let response = reply::too_many_requests(seconds);
    if twilio::is_here(path) {
        return twilio::retold(response);
    }
    if codes::is_here(request.method(), request.uri()) {
        return codes::retold(response);
    }
    if path.starts_with("/v2/sync/") || path.starts_with("/sms/") { reply::bare(response) } else { response }
}

fn crowded(is_twilio: bool) -> Response {
    let response = body::crowded();
    if is_twilio { twilio::retold(response) } else { response }
}

/// Answers one request.
pub(super) async fn answer(
    shared: Arc<ServerContext>,
    peer: SocketAddr,
    over_tls: bool,
    permit: Arc<ConnectionPermit>,
    mut request: Request<Incoming>,
) -> Result<Response, std::convert::Infallible> {
    let begun = Instant::now();
    let proxies = &shared.app.settings.trusted_proxies;
    let request_id: Arc<str> = format!("{:016x}", rand::random::<u64>()).into();
    let address = address::client(peer.ip(), request.headers(), proxies);
    let is_proxied = address::is_trusted(proxies, peer.ip().to_canonical());
    let is_secure = address::is_secure(is_proxied, over_tls, request.headers(), proxies);
    let method = label(request.method());
    let (is_twilio, is_read) = (twilio::is_here(request.uri().path()), request.method().is_safe());
    let span = tracing::info_span!("request", id = %request_id, method, path = %path::LoggedPath(request.uri().path()));
    let response = match admit(&shared, address, &request, begun).await {
        Err(wait) => refuse(&request, wait),
        Ok(known) => {
            let (request_id, known) = (request_id.clone(), Arc::new(known));
            request.extensions_mut().insert(RequestContext {
                address,
                is_secure,
                is_proxied,
                request_id,
                known,
                permit,
            });
            let service = TowerToHyperService::new(warp::service(shared.routes.clone()));
            let Ok(response) = service.call(request).instrument(span.clone()).await;
            response
        }
    };
    // what was changed is told, whatever is held
    let counted = if is_read { shared.answers.count(response, address::group(address)) } else { Some(response) };
    let mut response = counted.unwrap_or_else(|| crowded(is_twilio));
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("x-request-id", id);
    }
    let (status, seconds) = (response.status().as_u16(), begun.elapsed().as_secs_f64());
    shared.metrics.requests.get_or_create(&ResponseLabel { method, status }).inc();
    shared.metrics.seconds.observe(seconds);
    span.in_scope(|| tracing::debug!(status, seconds, "answered"));
    Ok(response)
}
