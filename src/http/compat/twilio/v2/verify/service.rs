//! `Services`: what verifications of one purpose have in common.

use ::http::StatusCode;
use serde_json::{Value, json};

use super::error::PARAMETER;
use super::service_settings::{name, settings, template_sid};
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
use crate::service::verification::{ServiceSettings, VerificationService};

const SERVICES: &str = "/v2/Services";

/// What lies under a service, by the names that its `links` have. Those that are not served are 404.
const LINKS: [(&str, &str); 7] = [
    ("access_tokens", "AccessTokens"),
    ("entities", "Entities"),
    ("messaging_configurations", "MessagingConfigurations"),
    ("rate_limits", "RateLimits"),
    ("verification_checks", "VerificationCheck"),
    ("verifications", "Verifications"),
    ("webhooks", "Webhooks"),
];

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, VerificationService> {
    audit::context(request, action, |one: &VerificationService| {
        audit::json(&json!({ "id": one.id.to_string(), "name": one.name, "settings": one.settings }))
    })
}

/// `code_length`: of codes, unless the service says otherwise.
fn out(base: &ReplyBaseUrl, code_length: u8, service: &VerificationService) -> Value {
    let (set, url) = (&service.settings, base.join(&service_path(service.id)));
    let link = |(name, path): (&str, &str)| (name.to_owned(), json!(format!("{url}/{path}")));
    let links: serde_json::Map<String, Value> = LINKS.into_iter().map(link).collect();
    json!({
        "account_sid": sid::account(service.client),
        "code_length": set.code_length.unwrap_or(code_length),
        "custom_code_enabled": set.custom_code,
        "date_created": date::iso8601(service.created_ms),
        "date_updated": date::iso8601(service.changed_ms),
        "default_template_sid": template_sid(set),
        "do_not_share_warning_enabled": set.warning,
        "dtmf_input_required": set.dtmf,
        "friendly_name": service.name,
        "links": links,
        "lookup_enabled": set.lookup,
        "passkeys": null,
        "psd2_enabled": set.psd2,
        "push": null,
        "sid": sid::verify_service(service.id),
        "skip_sms_to_landlines": set.skip_sms_to_landlines,
        "totp": null,
        "tts_name": set.tts_name,
        "url": url,
        "verify_event_subscription_enabled": true,
        "whatsapp": null,
    })
}

fn shown(visit: &TwilioCompatRequest<'_>, service: &VerificationService) -> Value {
    out(&visit.base(), visit.app.verifications.settings().code_length, service)
}

/// The service of this SID.
pub(super) async fn find(visit: &TwilioCompatRequest<'_>, name: &str) -> Result<VerificationService> {
    let id = sid::parse_verify_service(name).ok_or(NOT_FOUND)?;
    Ok(visit.app.verification_services.find(visit.consumer.client, id).await?)
}

/// `GET Services`: newest first.
pub(super) async fn list(visit: &TwilioCompatRequest<'_>) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    let form = TwilioForm::query(visit)?;
    let (page, base, client) = (MetaPage::of(&form)?, visit.base(), visit.consumer.client);
    let between = (page.after(), page.before());
    let (services, is_more) = visit.app.verification_services.list(client, between, page.size).await?;
    let held = MetaPageEdges::of(&services, |one: &VerificationService| one.id, is_more);
    let items: Vec<Value> = services.iter().map(|one| shown(visit, one)).collect();
    Ok(page.reply(&form, (&base, SERVICES), "services", &items, held))
}

/// `POST Services`
pub(super) async fn create(visit: &TwilioCompatRequest<'_>, posted: UnreadBody) -> TwilioCompatResult {
    may_own(visit)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let name = name(&form)?.ok_or_else(|| PARAMETER.because("FriendlyName is missing"))?;
    let settings = settings(&form, ServiceSettings::default())?;
    let context = context(visit.request, "verification_service.create");
    let made = visit.app.verification_services.create(visit.consumer.client, name, settings, &context).await;
    Ok(reply::json(StatusCode::CREATED, &shown(visit, &made.map_err(refusal::of)?)))
}

/// `GET Services/<sid>`
pub(super) fn fetch(visit: &TwilioCompatRequest<'_>, service: &VerificationService) -> TwilioCompatResult {
    visit.may(KeyScope::Read)?;
    Ok(reply::json(StatusCode::OK, &shown(visit, service)))
}

/// `POST Services/<sid>`: what is not given stays as it is.
pub(super) async fn update(
    visit: &TwilioCompatRequest<'_>,
    service: &VerificationService,
    posted: UnreadBody,
) -> TwilioCompatResult {
    may_own(visit)?;
    let form = TwilioForm::posted(visit, posted).await?;
    let (name, settings) = (name(&form)?, settings(&form, service.settings.clone())?);
    let context = context(visit.request, "verification_service.change");
    let services = &visit.app.verification_services;
    let changed = services.change(service, name, settings, &context).await;
    Ok(reply::json(StatusCode::OK, &shown(visit, &changed.map_err(refusal::of)?)))
}

/// `DELETE Services/<sid>`
pub(super) async fn delete(visit: &TwilioCompatRequest<'_>, service: &VerificationService) -> TwilioCompatResult {
    may_own(visit)?;
    let context = context(visit.request, "verification_service.delete");
    visit.app.verification_services.remove(service.client, service.id, &context).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
