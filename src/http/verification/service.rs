//! `/v1/verification-services`: what verifications of one purpose have in common.

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::object::nullable;
use crate::http::reply::Refusal;
use crate::http::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, UnreadBody, on, with_body};
use crate::http::{RequestParts, audit, auth, list, object, openapi, reply};
use crate::model::{DurationSetting, VerificationTemplateId, rfc3339};
use crate::service::audit::AuditContext;
use crate::service::verification::{ServiceSettings, VerificationService};

pub(in crate::http) fn resource() -> Resource {
    let description = openapi::described!(create_service, list_services, fetch_service, change_service, delete_service);
    let one =
        [on(Method::GET, fetch_service), with_body(Method::PATCH, change_service), on(Method::DELETE, delete_service)];
    Resource::new(description, ("verification-services", "vsv"))
        .at("verification-services", [on(Method::GET, list_services), with_body(Method::POST, create_service)])
        .at("verification-services/{id}", one)
}

/// What a client posts.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = NewVerificationService)]
struct VerificationServiceIn {
    /// Whose codes they are, as the texts say: at most 64 characters.
    #[schema(example = "Acme")]
    name: String,
    /// 4 to 10; unless given, 6.
    code_length: Option<u8>,
    /// How long a code opens its verification: 5s to 24h; unless given, 10m.
    #[schema(value_type = Option<String>, example = "10m")]
    ttl: Option<DurationSetting>,
    /// How many codes may be tried for one: 1 to 100; unless given, 5.
    max_checks: Option<u8>,
    /// How often a code may be sent: 1 to 100; unless given, 5.
    max_sends: Option<u8>,
    /// The id of the template of its texts.
    template: Option<String>,
    /// The texts end by saying that the code is for nobody else.
    #[serde(default)]
    do_not_share_warning: bool,
    /// Codes of your own are allowed.
    #[serde(default)]
    custom_code: bool,
    /// Fixed lines get no texts: 403.
    #[serde(default)]
    skip_sms_to_landlines: bool,
    /// Calls wait for a key before they speak; `true` unless given.
    key_press: Option<bool>,
    app_hash: Option<String>,
    web_otp_host: Option<String>,
    locale: Option<String>,
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = VerificationServiceChange)]
#[expect(clippy::option_option, reason = "left out, null, and given are three things")]
struct VerificationServiceChangeIn {
    name: Option<String>,
    /// `null` takes it away; so of all but the name and what is true or false.
    #[serde(default, deserialize_with = "nullable")]
    code_length: Option<Option<u8>>,
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    ttl: Option<Option<DurationSetting>>,
    #[serde(default, deserialize_with = "nullable")]
    max_checks: Option<Option<u8>>,
    #[serde(default, deserialize_with = "nullable")]
    max_sends: Option<Option<u8>>,
    #[serde(default, deserialize_with = "nullable")]
    template: Option<Option<String>>,
    do_not_share_warning: Option<bool>,
    custom_code: Option<bool>,
    skip_sms_to_landlines: Option<bool>,
    key_press: Option<bool>,
    #[serde(default, deserialize_with = "nullable")]
    app_hash: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    web_otp_host: Option<Option<String>>,
    #[serde(default, deserialize_with = "nullable")]
    locale: Option<Option<String>>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = VerificationService)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
struct VerificationServiceOut<'a> {
    id: String,
    name: &'a str,
    code_length: Option<u8>,
    ttl: Option<String>,
    max_checks: Option<u8>,
    max_sends: Option<u8>,
    template: Option<String>,
    do_not_share_warning: bool,
    custom_code: bool,
    skip_sms_to_landlines: bool,
    key_press: bool,
    app_hash: Option<&'a str>,
    web_otp_host: Option<&'a str>,
    locale: Option<&'a str>,
    created_at: String,
    updated_at: String,
}

fn out(one: &VerificationService) -> VerificationServiceOut<'_> {
    let settings = &one.settings;
    let template = settings.template.as_deref().and_then(|id| VerificationTemplateId::from_hex(id).ok());
    let ttl = settings.ttl_ms.map(|ttl_ms| DurationSetting::from_millis(ttl_ms.unsigned_abs()));
    VerificationServiceOut {
        id: one.id.to_string(),
        name: &one.name,
        code_length: settings.code_length,
        ttl: ttl.map(|ttl| ttl.to_string()),
        max_checks: settings.max_checks,
        max_sends: settings.max_sends,
        template: template.map(|id| id.to_string()),
        do_not_share_warning: settings.warning,
        custom_code: settings.custom_code,
        skip_sms_to_landlines: settings.skip_sms_to_landlines,
        key_press: settings.dtmf,
        app_hash: settings.app_hash.as_deref(),
        web_otp_host: settings.web_otp_host.as_deref(),
        locale: settings.locale.as_deref(),
        created_at: rfc3339(one.created_ms),
        updated_at: rfc3339(one.changed_ms),
    }
}

fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, VerificationService> {
    audit::context(request, action, |one: &VerificationService| audit::json(&out(one)))
}

/// The template that a field names, as settings keep it.
fn template(text: &str) -> Result<String, Refusal> {
    let id = text.parse::<VerificationTemplateId>();
    id.map(VerificationTemplateId::hex).map_err(|_| reply::bad_field("template", "must be the id of a template"))
}

fn settings(posted: VerificationServiceIn) -> Result<ServiceSettings, Refusal> {
    Ok(ServiceSettings {
        code_length: posted.code_length,
        ttl_ms: posted.ttl.map(DurationSetting::as_ms),
        max_checks: posted.max_checks,
        max_sends: posted.max_sends,
        template: posted.template.as_deref().map(template).transpose()?,
        warning: posted.do_not_share_warning,
        custom_code: posted.custom_code,
        skip_sms_to_landlines: posted.skip_sms_to_landlines,
        dtmf: posted.key_press.unwrap_or(true),
        app_hash: posted.app_hash,
        web_otp_host: posted.web_otp_host,
        locale: posted.locale,
        ..ServiceSettings::default()
    })
}

fn changed(before: ServiceSettings, posted: VerificationServiceChangeIn) -> Result<ServiceSettings, Refusal> {
    let template = match posted.template {
        Some(Some(text)) => Some(template(&text)?),
        Some(None) => None,
        None => before.template.clone(),
    };
    let ttl_ms = posted.ttl.map(|ttl| ttl.map(DurationSetting::as_ms));
    Ok(ServiceSettings {
        code_length: posted.code_length.unwrap_or(before.code_length),
        ttl_ms: ttl_ms.unwrap_or(before.ttl_ms),
        max_checks: posted.max_checks.unwrap_or(before.max_checks),
        max_sends: posted.max_sends.unwrap_or(before.max_sends),
        template,
        warning: posted.do_not_share_warning.unwrap_or(before.warning),
        custom_code: posted.custom_code.unwrap_or(before.custom_code),
        skip_sms_to_landlines: posted.skip_sms_to_landlines.unwrap_or(before.skip_sms_to_landlines),
        dtmf: posted.key_press.unwrap_or(before.dtmf),
        app_hash: posted.app_hash.unwrap_or(before.app_hash),
        web_otp_host: posted.web_otp_host.unwrap_or(before.web_otp_host),
        locale: posted.locale.unwrap_or(before.locale),
        lookup: before.lookup,
        psd2: before.psd2,
        tts_name: before.tts_name,
    })
}

/// `POST /v1/verification-services`: makes a service.
#[utoipa::path(
    post, path = "/v1/verification-services", tag = "verification-services",
    operation_id = "create_verification_service", request_body = VerificationServiceIn,
    responses((status = 201, description = "Made.", body = VerificationServiceOut)),
)]
async fn create_service(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let posted: VerificationServiceIn = object::read(&request, posted).await?;
    let context = context(&request, "verification_service.create");
    let (name, settings) = (posted.name.clone(), settings(posted)?);
    let made = request.app.verification_services.create(client, name, settings, &context).await?;
    Ok(reply::json(StatusCode::CREATED, &out(&made)))
}

/// `GET /v1/verification-services`: services, newest first.
#[utoipa::path(
    get, path = "/v1/verification-services", tag = "verification-services",
    operation_id = "list_verification_services", params(PageIn),
    responses((status = 200, description = "A page of services.", body = ListOut<VerificationServiceOut>)),
)]
async fn list_services(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let (after, limit) = list::page(&request)?;
    let (services, more) = request.app.verification_services.list(client, (after, None), limit).await?;
    Ok(list::reply(services.iter().map(out).collect(), services.last().map(|one| one.id), more))
}

/// `GET /v1/verification-services/<id>`: one service.
#[utoipa::path(
    get, path = "/v1/verification-services/{id}", tag = "verification-services",
    operation_id = "fetch_verification_service",
    responses((status = 200, description = "The service.", body = VerificationServiceOut)),
)]
async fn fetch_service(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let found = request.app.verification_services.find(client, request.id("service")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&found)))
}

/// `PATCH /v1/verification-services/<id>`: changes what its next verifications have in common; those that are pending
/// stay as they were made.
#[utoipa::path(
    patch, path = "/v1/verification-services/{id}", tag = "verification-services",
    operation_id = "change_verification_service", request_body = VerificationServiceChangeIn,
    responses((status = 200, description = "The service as it now is.", body = VerificationServiceOut)),
)]
async fn change_service(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let id = request.id("service")?;
    let posted: VerificationServiceChangeIn = object::read(&request, posted).await?;
    let services = &request.app.verification_services;
    let before = services.find(client, id).await?;
    let (name, settings) = (posted.name.clone(), changed(before.settings.clone(), posted)?);
    let context = context(&request, "verification_service.change");
    let after = services.change(&before, name, settings, &context).await?;
    Ok(reply::json(StatusCode::OK, &out(&after)))
}

/// `DELETE /v1/verification-services/<id>`: takes it away. What is pending may still be opened.
#[utoipa::path(
    delete, path = "/v1/verification-services/{id}", tag = "verification-services",
    operation_id = "delete_verification_service",
    responses((status = 204, description = "Gone.")),
)]
async fn delete_service(request: ResourceRequest) -> HandlerResult {
    let client = auth::verifier(&request.app, &request)?.client;
    let context = context(&request, "verification_service.delete");
    request.app.verification_services.remove(client, request.id("service")?, &context).await?;
    Ok(reply::empty(StatusCode::NO_CONTENT))
}
