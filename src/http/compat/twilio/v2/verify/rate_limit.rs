//! `RateLimits` of a service: by what its verifications are counted besides.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::error::NAME_FORM;
use super::{may_own, refusal, service_path};
use crate::http::body::UnreadBody;
use crate::http::compat::twilio::error::{NOT_FOUND, Result, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::meta_page::{MetaPage, MetaPageEdges};
use crate::http::compat::twilio::reply_base_url::ReplyBaseUrl;
use crate::http::compat::twilio::{TwilioCompatRequest, date, sid};
use crate::http::{RequestParts, audit, reply};
use crate::service::audit::AuditContext;
use crate::service::client::KeyScope;
use crate::service::verification::VerificationService;
use crate::service::verification::limit::{LimitChange, LimitFilter, NamedLimit, NewLimit};

pub(super) fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, NamedLimit> {
    audit::context(request, action, |one: &NamedLimit| {
        let buckets: Vec<Value> =
            one.buckets.iter().map(|one| json!({ "max": one.most, "interval": one.interval_ms / 1000 })).collect();
        audit::json(&json!({ "id": one.id.to_string(), "name": one.name, "buckets": buckets }))
    })
}

/// The path of a limit.
pub(super) fn limit_path(service: &VerificationService, limit: &NamedLimit) -> String {
    format!("{}/RateLimits/{}", service_path(service.id), sid::rate_limit(limit.id))
}

fn out(base: &ReplyBaseUrl, service: &VerificationService, limit: &NamedLimit) -> Value {
    let url = base.join(&limit_path(service, limit));
    json!({
        "account_sid": sid::account(limit.client),
        "date_created": date::iso8601(limit.created_ms),
        "date_updated": date::iso8601(limit.changed_ms),
        "description": limit.description,
        "links": { "buckets": format!("{url}/Buckets") },
        "service_sid": sid::verify_service(service.id),
        "sid": sid::rate_limit(limit.id),
        "unique_name": limit.name,
        "url": url,
    })
}

/// The limit of this SID, which is this service's.
pub(super) async fn find(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    name: &str,
) -> Result<NamedLimit> {
    let id = sid::parse_rate_limit(name).ok_or(NOT_FOUND)?;
    let found = visit.app.verification_limits.find(service.client, id).await?;
    if found.service == Some(service.id) { Ok(found) } else { Err(NOT_FOUND.into()) }
}

/// `GET …/RateLimits`: newest first.
pub(super) async fn list(visit: &TwilioCompatRequest<'_>, service: &VerificationService) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let (page, base) = (MetaPage::of(&form)?, visit.base());
    let filter = LimitFilter { service: Some(service.id), after: page.after(), before: page.before() };
    let (limits, is_more) = visit.app.verification_limits.list(service.client, filter, page.size).await?;
    let held = MetaPageEdges::of(&limits, |one: &NamedLimit| one.id, is_more);
    let items: Vec<Value> = limits.iter().map(|one| out(&base, service, one)).collect();
    let path = format!("{}/RateLimits", service_path(service.id));
    Ok(page.reply(&form, (&base, &path), "rate_limits", &items, held))
}

/// `POST …/RateLimits`: one without buckets counts nothing.
pub(super) async fn create(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    posted: UnreadBody,
) -> TwilioCompatResult {
    may_own(visit)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let name = form.one("UniqueName").ok_or_else(|| NAME_FORM.because("UniqueName is missing"))?;
    let new = NewLimit {
        service: Some(service.id),
        name: name.to_owned(),
        description: form.one("Description").unwrap_or_default().to_owned(),
        buckets: Vec::new(),
    };
    let context = context(visit.request, "verification_limit.create");
    let made = visit.app.verification_limits.create(service.client, new, &context).await;
    let made = made.map_err(refusal::of_limit)?;
    Ok(reply::json(StatusCode::CREATED, &out(&visit.base(), service, &made)))
}

/// `GET …/RateLimits/<sid>`
pub(super) fn fetch(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    limit: &NamedLimit,
) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    Ok(reply::json(StatusCode::OK, &out(&visit.base(), service, limit)))
}

/// `POST …/RateLimits/<sid>`: what it is for.
pub(super) async fn update(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    limit: &NamedLimit,
    posted: UnreadBody,
) -> TwilioCompatResult {
    may_own(visit)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let change = LimitChange { description: form.given("Description").map(str::to_owned), ..LimitChange::default() };
    let context = context(visit.request, "verification_limit.change");
    let changed = visit.app.verification_limits.change(limit.client, limit.id, change, &context).await;
    let changed = changed.map_err(refusal::of_limit)?;
    Ok(reply::json(StatusCode::OK, &out(&visit.base(), service, &changed)))
}

/// `DELETE …/RateLimits/<sid>`: with its buckets.
pub(super) async fn delete(visit: &TwilioCompatRequest<'_>, limit: &NamedLimit) -> TwilioCompatResult {
    may_own(visit)?;
    let context = context(visit.request, "verification_limit.delete");
    visit.app.verification_limits.delete(limit.client, limit.id, &context).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
