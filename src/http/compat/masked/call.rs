//! `/inbound-call`: what an older system answered a call with to a number of a session.

use std::sync::Arc;

use warp::Filter;

use super::signature::SignedFields;
use crate::http::body::UnreadBody;
use crate::http::reply::{self, HandlerResult};
use crate::http::{App, HttpRoutes, RequestParts, posted, webhook};
use crate::service::inbound::InboundCall;

pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    warp::path!("inbound-call").and(webhook::target()).and(posted(app)).then(answer).map(reply::settle).boxed()
}

/// Signed by the account of the number, whichever of ours; what was dialled counts, not `To`.
async fn answer(target: String, request: RequestParts, posted: UnreadBody, app: Arc<App>) -> HandlerResult {
    let fields = SignedFields::posted(&app, &request, &target, posted).await?;
    let needed = |name: &'static str| fields.one(name).ok_or_else(|| reply::bad_field(name, "is missing"));
    let call = InboundCall::new(needed("CallSid")?, fields.one("From").unwrap_or_default(), needed("Called")?);
    webhook::answered(&app, &call, fields.accounts()).await
}
