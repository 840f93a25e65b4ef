//! Verify: a service is what verifications of one purpose have in common, and all else is what it is everywhere here.
//!
//! A check has no resource of its own: it is shown as its verification. An attempt is a message that carries a code, or
//! a call.

mod attempt;
mod attempt_filter;
mod bucket;
mod check;
mod error;
mod lookup;
mod order;
mod payment;
mod rate_limit;
mod refusal;
mod safe_list;
mod service;
mod service_settings;
mod template;
mod verification;

use ::http::Method;

use crate::http::body::UnreadBody;
use crate::http::compat::twilio::TwilioCompatRequest;
use crate::http::compat::twilio::error::{FORBIDDEN, NOT_FOUND, Result, TwilioCompatResult, method_not_allowed};
use crate::http::compat::twilio::sid;
use crate::model::VerificationServiceId;
use crate::service::verification::VerificationService;

/// `path`: what stands behind `/v2`.
pub(super) async fn answer(visit: &TwilioCompatRequest<'_>, path: &[&str], posted: UnreadBody) -> TwilioCompatResult {
    match (path, &visit.request.method) {
        (["Services"], &Method::GET) => service::list(visit).await,
        (["Services"], &Method::POST) => service::create(visit, posted).await,
        (["Services", service, rest @ ..], _) => of_service(visit, (*service, rest), posted).await,
        (["SafeList", "Numbers"], &Method::POST) => safe_list::create(visit, posted).await,
        (["SafeList", "Numbers", number], &Method::GET) => safe_list::fetch(visit, number).await,
        (["SafeList", "Numbers", number], &Method::DELETE) => safe_list::delete(visit, number).await,
        (["Attempts"], &Method::GET) => attempt::list(visit).await,
        (["Attempts", "Summary"], &Method::GET) => attempt::summary(visit).await,
        (["Attempts", sid], &Method::GET) => attempt::fetch(visit, sid).await,
        (["Templates"], &Method::GET) => template::list(visit).await,
        (["Services"], _) => Err(method_not_allowed("GET, POST")),
        (["SafeList", "Numbers"], _) => Err(method_not_allowed("POST")),
        (["SafeList", "Numbers", _], _) => Err(method_not_allowed("GET, DELETE")),
        (["Attempts"] | ["Attempts", _] | ["Templates"], _) => Err(method_not_allowed("GET")),
        _ => Err(NOT_FOUND.into()),
    }
}

/// `rest`: what stands behind the service. What its `links` name besides, and is not here, is 404.
async fn of_service(
    visit: &TwilioCompatRequest<'_>,
    (service, rest): (&str, &[&str]),
    posted: UnreadBody,
) -> TwilioCompatResult {
    let service = service::find(visit, service).await?;
    match (rest, &visit.request.method) {
        ([], &Method::GET) => service::fetch(visit, &service),
        ([], &Method::POST) => service::update(visit, &service, posted).await,
        ([], &Method::DELETE) => service::delete(visit, &service).await,
        (["Verifications"], &Method::POST) => verification::create(visit, &service, posted).await,
        (["Verifications", name], &Method::GET) => verification::fetch(visit, &service, name).await,
        (["Verifications", name], &Method::POST) => verification::update(visit, &service, name, posted).await,
        (["VerificationCheck"], &Method::POST) => check::create(visit, &service, posted).await,
        (["RateLimits", below @ ..], _) => of_rate_limits(visit, &service, below, posted).await,
        ([], _) => Err(method_not_allowed("GET, POST, DELETE")),
        (["Verifications" | "VerificationCheck"], _) => Err(method_not_allowed("POST")),
        (["Verifications", _], _) => Err(method_not_allowed("GET, POST")),
        _ => Err(NOT_FOUND.into()),
    }
}

/// `below`: what stands behind `RateLimits`.
async fn of_rate_limits(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    below: &[&str],
    posted: UnreadBody,
) -> TwilioCompatResult {
    let [limit, buckets @ ..] = below else {
        return match visit.request.method {
            Method::GET => rate_limit::list(visit, service).await,
            Method::POST => rate_limit::create(visit, service, posted).await,
            _ => Err(method_not_allowed("GET, POST")),
        };
    };
    let limit = rate_limit::find(visit, service, limit).await?;
    match (buckets, &visit.request.method) {
        ([], &Method::GET) => rate_limit::fetch(visit, service, &limit),
        ([], &Method::POST) => rate_limit::update(visit, service, &limit, posted).await,
        ([], &Method::DELETE) => rate_limit::delete(visit, &limit).await,
        (["Buckets"], &Method::GET) => bucket::list(visit, service, &limit),
        (["Buckets"], &Method::POST) => bucket::create(visit, service, &limit, posted).await,
        (["Buckets", sid], &Method::GET) => bucket::fetch(visit, service, &limit, sid),
        (["Buckets", sid], &Method::POST) => bucket::update(visit, service, &limit, sid, posted).await,
        (["Buckets", sid], &Method::DELETE) => bucket::delete(visit, &limit, sid).await,
        ([] | ["Buckets", _], _) => Err(method_not_allowed("GET, POST, DELETE")),
        (["Buckets"], _) => Err(method_not_allowed("GET, POST")),
        _ => Err(NOT_FOUND.into()),
    }
}

/// The path of a service.
fn service_path(id: VerificationServiceId) -> String {
    format!("/v2/Services/{}", sid::verify_service(id))
}

/// Lets whoever changes services, their limits and the safe list pass: the client by its auth token, or an
/// administrator.
fn may_own(visit: &TwilioCompatRequest<'_>) -> Result<()> {
    let refused = || FORBIDDEN.because("services, limits and the safe list are changed with the account's auth token");
    if visit.consumer.key.is_none() { Ok(()) } else { Err(refused()) }
}
