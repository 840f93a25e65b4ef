//! `/v1/loopback/…`: what the loopback provider was sent, and a person's phone that texts by it.

use std::sync::Arc;

use ::http::{Method, StatusCode};
use bytes::Buf;
use futures_util::Stream;
use serde::{Deserialize, Serialize};
use utoipa::{OpenApi, ToSchema};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::reply::Response;

use super::list::{ListOut, PageIn};
use super::object::{self, Refusal};
use super::{App, Call, auth, list, reply, with};
use crate::model::{Address, rfc3339};
use crate::service::inbound::{Filter as LoopbackFilter, LoopbackMessage};

pub(super) fn routes(app: &Arc<App>) -> BoxedFilter<(Response,)> {
    let messages = warp::path!("loopback" / "messages").and(super::call()).and(with(app)).map(messages);
    let inbound = warp::path!("loopback" / "inbound").and(super::call()).and(warp::body::stream()).and(with(app));
    messages.or(inbound.then(inbound_text)).unify().boxed()
}

/// A text as a person sends it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = LoopbackText)]
struct TextIn {
    from: String,
    to: String,
    #[serde(default)]
    body: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LoopbackMessage)]
struct MessageOut {
    /// The provider's.
    id: String,
    from: String,
    to: String,
    body: String,
    media_urls: Vec<String>,
    at: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = LoopbackTaken)]
struct TakenOut {
    /// Of the message that it becomes.
    id: String,
}

#[derive(OpenApi)]
#[openapi(paths(messages, inbound_text))]
pub(super) struct Doc;

fn out(message: LoopbackMessage) -> MessageOut {
    let LoopbackMessage { sent, media_urls, .. } = message;
    let at = rfc3339(sent.created_ms);
    MessageOut { id: sent.provider_id, from: sent.from, to: sent.to, body: sent.body, media_urls, at }
}

fn no_account() -> Refusal {
    reply::problem(StatusCode::NOT_FOUND, "there is no account on the loopback provider").into()
}

/// `GET /v1/loopback/messages`: what the loopback provider was sent, newest first, filtered by `to` and `from`.
#[utoipa::path(
    get, path = "/v1/loopback/messages", tag = "loopback", operation_id = "list_loopback_messages",
    params(
        PageIn,
        ("to" = Option<String>, Query, description = "To this number."),
        ("from" = Option<String>, Query, description = "From this number."),
    ),
    responses(
        (status = 200, description = "A page of messages.", body = ListOut<MessageOut>),
        (status = 404, description = "There is no account on the loopback provider."),
    ),
)]
fn messages(call: Call, app: Arc<App>) -> Response {
    if call.method != Method::GET {
        return reply::method_not_allowed("GET");
    }
    let listed = || {
        auth::administrator(&app, &call)?;
        let (cursor, limit) = list::page::<u64>(&call)?;
        let filter = LoopbackFilter { to: call.address("to"), from: call.address("from") };
        let page = app.inbound.loopback_messages(&filter, cursor, limit).ok_or_else(no_account)?;
        let data: Vec<_> = page.messages.into_iter().map(out).collect();
        Ok::<_, Refusal>(list::reply(data, page.next, page.next.is_some()))
    };
    listed().unwrap_or_else(|refusal| *refusal)
}

/// `POST /v1/loopback/inbound`: a person texts a number. 202 means that the text is stored, and will be handled as
/// one that a carrier has posted.
#[utoipa::path(
    post, path = "/v1/loopback/inbound", tag = "loopback", operation_id = "play_inbound", request_body = TextIn,
    responses(
        (status = 202, description = "Stored.", body = TakenOut),
        (status = 404, description = "There is no account on the loopback provider."),
    ),
)]
async fn inbound_text<B: Buf, E>(call: Call, stream: impl Stream<Item = Result<B, E>>, app: Arc<App>) -> Response {
    if call.method != Method::POST {
        return reply::method_not_allowed("POST");
    }
    let taken = async {
        auth::administrator(&app, &call)?;
        let posted: TextIn = object::read(&call, stream, &app).await?;
        let address = |field: &str, text: &str| {
            text.parse::<Address>().map_err(|error| reply::bad_field(field, &error.to_string()))
        };
        let (from, to) = (address("from", &posted.from)?, address("to", &posted.to)?);
        let taken = app.inbound.play(&from, &to, posted.body).await;
        let id = taken.map_err(|error| Box::new(reply::inbound_error(&error)))?.ok_or_else(no_account)?;
        Ok::<_, Refusal>(reply::json(StatusCode::ACCEPTED, &TakenOut { id: id.to_string() }))
    };
    taken.await.unwrap_or_else(|refusal| *refusal)
}
