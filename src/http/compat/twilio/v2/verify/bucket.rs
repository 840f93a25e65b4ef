//! `Buckets` of a rate limit: so many within so many seconds.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::error::PARAMETER;
use super::rate_limit::{context, limit_path};
use super::{may_own, refusal};
use crate::http::body::UnreadBody;
use crate::http::compat::twilio::error::{NOT_FOUND, Result, TwilioCompatResult};
use crate::http::compat::twilio::form::TwilioForm;
use crate::http::compat::twilio::meta_page::MetaPage;
use crate::http::compat::twilio::reply_base_url::ReplyBaseUrl;
use crate::http::compat::twilio::{TwilioCompatRequest, date, sid};
use crate::http::reply;
use crate::model::DurationSetting;
use crate::service::client::KeyScope;
use crate::service::verification::VerificationService;
use crate::service::verification::limit::{LimitBucket, NamedLimit, NewLimitBucket};

fn out(base: &ReplyBaseUrl, service: &VerificationService, limit: &NamedLimit, bucket: &LimitBucket) -> Value {
    let sid = sid::bucket(bucket.id);
    json!({
        "account_sid": sid::account(limit.client),
        "date_created": date::iso8601(bucket.created_ms),
        "date_updated": date::iso8601(bucket.changed_ms),
        "interval": bucket.interval_ms / 1000,
        "max": bucket.most,
        "rate_limit_sid": sid::rate_limit(limit.id),
        "service_sid": sid::verify_service(service.id),
        "url": base.join(&format!("{}/Buckets/{sid}", limit_path(service, limit))),
        "sid": sid,
    })
}

/// The bucket of this SID, which is this limit's.
fn find<'a>(limit: &'a NamedLimit, name: &str) -> Result<&'a LimitBucket> {
    let id = sid::parse_bucket(name);
    Ok(limit.buckets.iter().find(|one| Some(one.id) == id).ok_or(NOT_FOUND)?)
}

fn number(form: &TwilioForm, name: &str) -> Result<Option<u32>> {
    let read = form.one(name).map(str::parse).transpose();
    read.map_err(|_| PARAMETER.because(&format!("{name} must be a number")))
}

fn interval(form: &TwilioForm) -> Result<Option<DurationSetting>> {
    let secs = number(form, "Interval")?;
    Ok(secs.map(|secs| DurationSetting::from_millis(u64::from(secs) * 1000)))
}

/// `GET …/Buckets`
pub(super) fn list(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    limit: &NamedLimit,
) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let (page, base) = (MetaPage::of(&form)?, visit.base());
    let all: Vec<&LimitBucket> = limit.buckets.iter().collect();
    let (buckets, edges) = page.cut(all, |one| one.id);
    let items: Vec<Value> = buckets.into_iter().map(|one| out(&base, service, limit, one)).collect();
    let path = format!("{}/Buckets", limit_path(service, limit));
    Ok(page.reply(&form, (&base, &path), "buckets", &items, edges))
}

/// `POST …/Buckets`
pub(super) async fn create(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    limit: &NamedLimit,
    posted: UnreadBody,
) -> TwilioCompatResult {
    may_own(visit)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let most = number(&form, "Max")?.ok_or_else(|| PARAMETER.because("Max is missing"))?;
    let interval = interval(&form)?.ok_or_else(|| PARAMETER.because("Interval is missing"))?;
    let (new, context) = (NewLimitBucket { most, interval }, context(visit.request, "verification_limit.add_bucket"));
    let made = visit.app.verification_limits.add_bucket(limit.client, limit.id, new, &context).await;
    let made = made.map_err(refusal::of_bucket)?;
    Ok(reply::json(StatusCode::CREATED, &out(&visit.base(), service, limit, &made)))
}

/// `GET …/Buckets/<sid>`
pub(super) fn fetch(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    limit: &NamedLimit,
    name: &str,
) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    Ok(reply::json(StatusCode::OK, &out(&visit.base(), service, limit, find(limit, name)?)))
}

/// `POST …/Buckets/<sid>`
pub(super) async fn update(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    limit: &NamedLimit,
    name: &str,
    posted: UnreadBody,
) -> TwilioCompatResult {
    may_own(visit)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let (which, what) = ((limit.id, find(limit, name)?.id), (number(&form, "Max")?, interval(&form)?));
    let context = context(visit.request, "verification_limit.change_bucket");
    let changed = visit.app.verification_limits.change_bucket(limit.client, which, what, &context).await;
    let changed = changed.map_err(refusal::of_bucket)?;
    Ok(reply::json(StatusCode::OK, &out(&visit.base(), service, limit, &changed)))
}

/// `DELETE …/Buckets/<sid>`
pub(super) async fn delete(visit: &TwilioCompatRequest<'_>, limit: &NamedLimit, name: &str) -> TwilioCompatResult {
    may_own(visit)?;
    let which = (limit.id, find(limit, name)?.id);
    let context = context(visit.request, "verification_limit.remove_bucket");
    visit.app.verification_limits.remove_bucket(limit.client, which, &context).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
