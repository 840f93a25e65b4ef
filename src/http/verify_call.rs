//! `POST /verify-call/<message>`: a carrier says that whoever answered a call has pressed a key, and is told what to say
//! then. The code stands in this answer alone, which nobody keeps.

use std::sync::Arc;

use warp::Filter;

use super::body::UnreadBody;
use super::compat::SignedFields;
use super::reply::{self, HandlerResult};
use super::{App, HttpRoutes, RequestParts, posted, webhook};
use crate::model::MessageId;
use crate::model::template::Locale;
use crate::service::verification::KEY_PATH;

pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    let call = warp::path(KEY_PATH).and(warp::path::param::<String>()).and(warp::path::end());
    call.and(webhook::target()).and(posted(app)).then(answer).map(reply::settle).boxed()
}

/// Whether a path is this one: a carrier posts here from few addresses, and proves itself.
pub(super) fn is_here(path: &str) -> bool {
    path.strip_prefix('/').and_then(|path| path.strip_prefix(KEY_PATH)).is_some_and(|rest| rest.starts_with('/'))
}

/// Signed by the account that placed the call: to all others there is none.
async fn answer(
    call: String,
    target: String,
    request: RequestParts,
    posted: UnreadBody,
    app: Arc<App>,
) -> HandlerResult {
    let fields = SignedFields::posted(&app, &request, &target, posted).await?;
    let call = MessageId::from_hex(&call).map_err(|_| reply::not_found())?;
    let locale = request.param("locale").and_then(|tag| Locale::of_tag(&tag)).unwrap_or(Locale::En);
    let is_pressed = fields.one("Digits").is_some() || request.param("key").is_some_and(|key| key == "none");
    let twiml = app.code_calls.answer(call, fields.accounts(), (locale, is_pressed)).await?;
    Ok(reply::content("text/xml", twiml.into_bytes()))
}
