//! `/`, `/healthz`, `/readyz`, `/metrics`: for probes, balancers and Prometheus.

use std::sync::Arc;

use ::http::{Method, StatusCode};
use serde_json::json;
use warp::Filter;
use warp::reply::Response;

use super::reply::{self, HandlerResult};
use super::{App, HttpRoutes, RequestParts, asked, auth, with};

pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    // phones fetch `/` to read the certificate
    let root = warp::path::end().and(super::request_parts()).map(root);
    let metrics = warp::path!("metrics").and(asked(app)).map(metrics_to);
    root.or(metrics).unify().map(reply::settle).or(probes(app)).unify().boxed()
}

pub(super) fn metrics_routes(app: &Arc<App>) -> HttpRoutes {
    let metrics = warp::path!("metrics").and(with(app)).map(|app: Arc<App>| metrics_text(&app));
    metrics.or(probes(app)).unify().boxed()
}

fn probes(app: &Arc<App>) -> HttpRoutes {
    let alive = warp::path!("healthz").and(super::request_parts());
    let alive = alive.map(|request: RequestParts| words(&request, "ok\n"));
    alive.or(warp::path!("readyz").and(asked(app)).map(readiness)).unify().map(reply::settle).boxed()
}

/// Whether a path is asked by balancers, as often as they like.
pub(super) fn is_probe(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// What is posted here another door has taken.
fn root(request: RequestParts) -> HandlerResult {
    if request.method == Method::GET {
        return Ok(reply::text(StatusCode::OK, "Switchboard\n"));
    }
    Err(reply::method_not_allowed("GET, POST").into())
}

fn words(request: &RequestParts, body: &'static str) -> HandlerResult {
    request.only("GET")?;
    Ok(reply::text(StatusCode::OK, body))
}

/// `GET /readyz`: whether the node stays, the store takes writes, and the backend answers; Redis is reported, but a node
/// serves without it.
fn readiness(request: RequestParts, app: Arc<App>) -> HandlerResult {
    request.only("GET")?;
    let readiness = app.health.readiness();
    let word = |is_up| if is_up { "up" } else { "down" };
    let body = json!({
        "status": match (readiness.is_stopping, readiness.is_ready()) {
            (true, _) => "stopping",
            (false, true) => "ready",
            (false, false) => "not ready",
        },
        "store": word(readiness.store),
        "backend": word(readiness.backend),
        "redis": readiness.redis.map_or("none", word),
    });
    let status = if readiness.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(reply::json(status, &body))
}

/// `GET /metrics`: for an administrator, on the port that is everybody's.
fn metrics_to(request: RequestParts, app: Arc<App>) -> HandlerResult {
    request.only("GET")?;
    auth::administrator(&request)?;
    Ok(metrics_text(&app))
}

fn metrics_text(app: &App) -> Response {
    let openmetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    reply::content(openmetrics, (app.metrics_text)().into_bytes())
}
