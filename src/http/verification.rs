//! `/v1/verifications` and what belongs to them: proving by a code that a person holds a phone.

mod filter;
pub(super) mod rate_limit;
pub(super) mod service;
mod shape;
pub(super) mod template;

use ::http::{Method, StatusCode};

use self::shape::{
    CodeCheckOut, CodeIn, CodeOfIn, ResendIn, VerificationIn, VerificationOut, checked, order, out, target,
};
use super::reply::Refusal;
use super::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::{RequestParts, audit, auth, idempotency, list, object, openapi, reply};
use crate::model::{CodeChannel, VerificationId};
use crate::service::Error;
use crate::service::audit::AuditContext;
use crate::service::verification::{CheckTarget, CreateResult, Verification};

const VERIFICATIONS: &str = "/v1/verifications";

pub(super) fn resource() -> Resource {
    let description = openapi::described!(
        create,
        list_verifications,
        check_by_number,
        fetch,
        cancel,
        cancel_by_post,
        resend,
        approve,
        check
    );
    Resource::new(description, ("verifications", "ver"))
        .at(
            "verifications",
            [on(Method::GET, list_verifications).asking(filter::filters), with_body(Method::POST, create)],
        )
        // before what would take the word for an id
        .at("verifications/check", [with_body(Method::POST, check_by_number)])
        .at("verifications/{id}", [on(Method::GET, fetch), on(Method::DELETE, cancel)])
        .at("verifications/{id}/cancel", [on(Method::POST, cancel_by_post)])
        .at("verifications/{id}/resend", [with_body(Method::POST, resend)])
        .at("verifications/{id}/approve", [on(Method::POST, approve)])
        .at("verifications/{id}/check", [with_body(Method::POST, check)])
}

/// What administrators do to a client's verifications, without any code.
pub(in crate::http) fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, Verification> {
    audit::context_for_client(request, action, |one: &Verification| audit::json(&out(one)))
}

/// The channel that a field names.
fn channel(field: &str, name: &str) -> Result<CodeChannel, Refusal> {
    CodeChannel::parse(name).ok_or_else(|| reply::bad_field(field, "must be sms, call or whatsapp"))
}

/// `POST /v1/verifications`: sends a code to a phone. Where one is pending for the same number and service, that goes
/// out again, unless less than two minutes are left of it.
#[utoipa::path(
    post, path = "/v1/verifications", tag = "verifications", operation_id = "create_verification",
    request_body = VerificationIn,
    params(("Idempotency-Key" = Option<String>, Header, min_length = 1, max_length = 255,
            description = "A name of yours for this request to this path: for 24 hours the same request under it, \
                           however it is written, gets the same answer, and sends nothing more.")),
    responses(
        (status = 201, description = "Its code is on its way.", body = VerificationOut),
        (status = 402, description = "The balance is too low for it."),
        (status = 403, description = "The key may not do this; the person has opted out of texts from the number; the \
                                      number, or its country, is not allowed; or the guard blocks it."),
        (status = 409, description = "Another request came under this `Idempotency-Key`."),
    ),
)]
async fn create(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let consumer = auth::active(&request.app, auth::verifier(&request.app, &request)?)?.consumer;
    let posted: VerificationIn = object::read(&request, posted).await?;
    let key = idempotency::key(&request, VERIFICATIONS)?;
    let order = order(posted, request.app.country(consumer.client))?;
    let text = |made: &Verification| serde_json::to_string(&out(made)).unwrap_or_default();
    let context = context(&request, "verification.create");
    Ok(match request.app.verifications.create(&consumer, order, key, &text, &context).await? {
        CreateResult::Sent(made, _) => reply::json(StatusCode::CREATED, &out(&made)),
        CreateResult::Again(kept) => reply::replayed(StatusCode::CREATED, kept.text),
    })
}

/// `GET /v1/verifications`: verifications, newest first.
#[utoipa::path(
    get, path = "/v1/verifications", tag = "verifications", operation_id = "list_verifications", params(PageIn),
    responses((status = 200, description = "A page of verifications.", body = ListOut<VerificationOut>)),
)]
async fn list_verifications(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let (after, limit) = list::page(&request)?;
    let filter = filter::wanted(&request, client, after)?;
    let (found, more) = request.app.verifications.list(client, &filter, limit).await?;
    let last = found.last().map(|one| one.id);
    Ok(list::reply(found.iter().map(out).collect(), last, more))
}

/// `GET /v1/verifications/<id>`: one verification.
#[utoipa::path(
    get, path = "/v1/verifications/{id}", tag = "verifications", operation_id = "fetch_verification",
    responses((status = 200, description = "The verification.", body = VerificationOut)),
)]
async fn fetch(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let found = request.app.verifications.find(client, request.id("verification")?).await?;
    Ok(reply::json(StatusCode::OK, &out(&found)))
}

/// `POST /v1/verifications/<id>/resend`: sends its code again, on another `channel` where one is given. That makes it
/// open no longer than it did.
#[utoipa::path(
    post, path = "/v1/verifications/{id}/resend", tag = "verifications", operation_id = "resend_verification",
    request_body = ResendIn,
    responses(
        (status = 200, description = "Its code is on its way again.", body = VerificationOut),
        (status = 402, description = "The balance is too low for it."),
        (status = 403, description = "As of a new one."),
        (status = 409, description = "It is over."),
    ),
)]
async fn resend(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let consumer = auth::active(&request.app, auth::verifier(&request.app, &request)?)?.consumer;
    let id = request.id("verification")?;
    let posted: ResendIn = object::read_or_default(&request, posted).await?;
    let channel = posted.channel.map(|name| channel("channel", &name)).transpose()?;
    let context = context(&request, "verification.resend");
    let sent = request.app.verifications.resend(&consumer, id, channel, &context).await?;
    Ok(reply::json(StatusCode::OK, &out(&sent)))
}

/// `DELETE /v1/verifications/<id>`: cancels it. Its code opens nothing from then on, and what still waits of its texts
/// is not sent.
#[utoipa::path(
    delete, path = "/v1/verifications/{id}", tag = "verifications", operation_id = "cancel_verification",
    responses(
        (status = 200, description = "The verification as it now is.", body = VerificationOut),
        (status = 409, description = "It was over already."),
    ),
)]
async fn cancel(request: ResourceRequest) -> HandlerResult {
    canceled(request).await
}

/// `POST /v1/verifications/<id>/cancel`: the same, for whoever does not send DELETE.
#[utoipa::path(
    post, path = "/v1/verifications/{id}/cancel", tag = "verifications", operation_id = "cancel_verification_by_post",
    responses(
        (status = 200, description = "The verification as it now is.", body = VerificationOut),
        (status = 409, description = "It was over already."),
    ),
)]
async fn cancel_by_post(request: ResourceRequest) -> HandlerResult {
    canceled(request).await
}

async fn canceled(request: ResourceRequest) -> HandlerResult {
    let consumer = auth::verifier(&request.app, &request)?.consumer;
    let id = request.id("verification")?;
    let context = context(&request, "verification.cancel");
    let after = request.app.verifications.cancel(&consumer, id, &context).await?;
    Ok(reply::json(StatusCode::OK, &out(&after)))
}

/// `POST /v1/verifications/<id>/approve`: says that the person was proved. It is for codes of your own, which you may
/// look at yourself.
#[utoipa::path(
    post, path = "/v1/verifications/{id}/approve", tag = "verifications", operation_id = "approve_verification",
    responses(
        (status = 200, description = "The verification as it now is.", body = VerificationOut),
        (status = 409, description = "It was over already, or its code is not one of your own."),
    ),
)]
async fn approve(request: ResourceRequest) -> HandlerResult {
    let acting = auth::verifier(&request.app, &request)?;
    let id: VerificationId = request.id("verification")?;
    if !request.app.verifications.find(acting.client, id).await?.extra.is_custom {
        return Err(Error::conflict("its code is ours, and only that approves it").into());
    }
    let context = context(&request, "verification.approve");
    let after = request.app.verifications.approve(&acting.consumer, id, &context).await?;
    Ok(reply::json(StatusCode::OK, &out(&after)))
}

/// `POST /v1/verifications/<id>/check`: looks at a code that a person has typed. It takes one of the tries, whatever it
/// is; a wrong one is no error.
#[utoipa::path(
    post, path = "/v1/verifications/{id}/check", tag = "verifications", operation_id = "check_verification",
    request_body = CodeIn,
    responses((status = 200, description = "What came of it.", body = CodeCheckOut)),
)]
async fn check(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let consumer = auth::verifier(&request.app, &request)?.consumer;
    let id = request.id("verification")?;
    let posted: CodeIn = object::read(&request, posted).await?;
    let found = request.app.verifications.check(&consumer, CheckTarget::Id(id), posted.code.expose()).await?;
    Ok(reply::json(StatusCode::OK, &checked(&found)))
}

/// `POST /v1/verifications/check`: the same by the number, of the one that is pending for it.
#[utoipa::path(
    post, path = "/v1/verifications/check", tag = "verifications", operation_id = "check_verification_of_number",
    request_body = CodeOfIn,
    responses(
        (status = 200, description = "What came of it.", body = CodeCheckOut),
        (status = 404, description = "None of yours is pending for that number."),
    ),
)]
async fn check_by_number(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let consumer = auth::verifier(&request.app, &request)?.consumer;
    let posted: CodeOfIn = object::read(&request, posted).await?;
    let target = target(&posted, request.app.country(consumer.client))?;
    let found = request.app.verifications.check(&consumer, target, posted.code.expose()).await?;
    Ok(reply::json(StatusCode::OK, &checked(&found)))
}
