//! `/sms/platform/<platform>`: texts of paired phones, by way of forwarding phones and carriers.

use std::sync::Arc;

use ::http::StatusCode;
use serde::Deserialize;
use tokio::time::Instant;
use warp::Filter;
use warp::reply::Response;

use super::body::{self, UnreadBody};
use super::reply::{self, HandlerResult, Refusal};
use super::{App, HttpRoutes, RequestParts, cors, posted, webhook};
use crate::model::bom;
use crate::service::account::CarrierKind;
use crate::service::inbound::PostKind;
use crate::service::publish::{self, PhoneText};

/// The one carrier whose own form is taken here.
const FORM: CarrierKind = CarrierKind::Twilio;

pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    warp::path!("platform" / String).and(webhook::target()).and(posted(app)).then(publish).boxed()
}

/// What forwarding phones post, each in its own words. `Content-Type` is ignored, unknown fields too.
#[derive(Deserialize)]
struct ForwardedPhoneTextIn {
    text: Option<String>,
    #[serde(rename = "MSISDN")]
    msisdn: Option<String>,
    address: Option<String>,
}

/// `POST /sms/platform/<platform>`: hands a paired phone's encrypted text to its platform's sink.
/// 200 `published!` once the text and its job are stored; the same text again, after any time, does nothing more, and
/// what was made of one that came before is refused.
async fn publish(platform: String, target: String, request: RequestParts, body: UnreadBody, app: Arc<App>) -> Response {
    let arrived = Instant::now();
    let work = async {
        let bytes = body::receive(body, &app).await?;
        let unmarked = bom::skip(&bytes);
        let is_json = unmarked.trim_ascii_start().starts_with(b"{");
        let (text, sender, country) = if platform == FORM.name() && !is_json {
            // under the URL by which it knows us
            let post = webhook::post(PostKind::Text, None, &target, bytes.clone(), (&request, app.as_ref()));
            let fields = match app.inbox.signed_fields(FORM, post).await {
                Ok(Some(fields)) => fields,
                Ok(None) => {
                    tracing::warn!("a form that no account of ours has signed");
                    // it waits as long as any other that is refused
                    let _ = app.guesses.count(&request);
                    return Err(reply::untaken(app.publish.refuse(publish::refused(), arrived).await));
                }
                Err(error) => return Err(reply::untaken(app.publish.refuse(error.into(), arrived).await)),
            };
            let field = |name| Some(fields.iter().find(|(known, _)| known == name)?.1.clone());
            // a carrier writes whole numbers
            (field("Body"), field("From"), None)
        } else {
            let json = body::escape_controls(unmarked);
            // the library would take a list for the fields in their order; its reason may quote the body
            let posted = serde_json::from_slice::<ForwardedPhoneTextIn>(&json).ok().filter(|_| is_json);
            let posted = posted.ok_or_else(|| missing("poorly formed json"))?;
            (posted.text, posted.msisdn.filter(|msisdn| !msisdn.is_empty()).or(posted.address), app.country)
        };
        let text = text.filter(|text| !text.is_empty()).ok_or_else(|| missing("missing text"))?;
        let sender = sender.filter(|sender| !sender.is_empty()).ok_or_else(|| missing("missing MSISDN"))?;
        let text = PhoneText { platform, sender, country, text };
        app.publish.accept(text, arrived, bytes).await.map_err(reply::untaken)?;
        HandlerResult::Ok(reply::text(StatusCode::OK, "published!"))
    };
    cors::answer(&request, &app, work).await
}

fn missing(what: &str) -> Refusal {
    tracing::info!(reason = what, "refused a text");
    reply::text(StatusCode::BAD_REQUEST, what).into()
}
