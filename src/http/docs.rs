//! `GET /docs`: Swagger UI over `/v1/openapi.json`, from files compiled in, with no resource from outside.

use std::borrow::Cow;
use std::sync::Arc;

use ::http::header::CONTENT_SECURITY_POLICY;
use ::http::{HeaderValue, Method};
use utoipa_swagger_ui::Config;
use warp::Filter;
use warp::reply::Response;

use super::{HttpRoutes, RequestParts, page, reply};

/// What the page loads, and of what type it is.
const FILES: [(&str, &str); 7] = [
    ("swagger-ui.css", "text/css; charset=utf-8"),
    ("index.css", "text/css; charset=utf-8"),
    ("favicon-16x16.png", "image/png"),
    ("favicon-32x32.png", "image/png"),
    ("swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
    ("swagger-ui-standalone-preset.js", "text/javascript; charset=utf-8"),
    ("swagger-initializer.js", "text/javascript; charset=utf-8"),
];

/// Swagger UI styles elements as it draws them, and its icons are data in its style sheet.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> HttpRoutes {
    // it would ask a validator on the internet what it thinks of the description
    let config = Config::from("/v1/openapi.json").validator_url("none").use_base_layout();
    let config = Arc::new(config);
    let files = config.clone();
    let page = warp::path!("docs").and(super::request_parts());
    let page = page.map(move |request: RequestParts| show(&request, &config));
    let file = warp::path!("docs" / String).and(super::request_parts());
    let file = file.map(move |name: String, request: RequestParts| asset(&name, &request, &files));
    page.or(file).unify().boxed()
}

fn show(request: &RequestParts, config: &Arc<Config<'static>>) -> Response {
    let Some(html) = read("index.html", config) else { return reply::not_found() };
    let html = String::from_utf8_lossy(&html);
    // the page answers with and without a slash behind it, so its links name the folder
    let html = html.replace("\"./", "\"/docs/").replace("\"index.css\"", "\"/docs/index.css\"");
    guarded(request, "text/html; charset=utf-8", html.replace("<title>Swagger UI", "<title>Switchboard").into_bytes())
}

fn asset(name: &str, request: &RequestParts, config: &Arc<Config<'static>>) -> Response {
    let Some((_, content_type)) = FILES.iter().find(|(file, _)| *file == name) else { return reply::not_found() };
    match read(name, config) {
        Some(bytes) => guarded(request, content_type, bytes),
        None => reply::not_found(),
    }
}

fn read(name: &str, config: &Arc<Config<'static>>) -> Option<Cow<'static, [u8]>> {
    Some(utoipa_swagger_ui::serve(name, config.clone()).ok().flatten()?.bytes)
}

fn guarded(request: &RequestParts, content_type: &'static str, bytes: impl Into<Cow<'static, [u8]>>) -> Response {
    if request.method != Method::GET {
        return reply::method_not_allowed("GET");
    }
    let mut response = page::guarded(content_type, bytes);
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
