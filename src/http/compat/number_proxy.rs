//! `/tn`, `/session` and texts at `POST /`: two people who text each other by one number, as the older number proxy has
//! it. What is posted to `/` comes by the door of codes, which tells the two apart.

mod number;
mod refusal;
mod session;
mod text;

use std::sync::Arc;

use serde_json::{Map, Value as Json};
use warp::Filter;
use warp::reply::Response;

use self::refusal::{NumberProxyRefusal, invalid};
use crate::http::body::UnreadBody;
use crate::http::reply::Refusal;
use crate::http::{App, HttpRoutes, RequestParts, auth, object, posted};
use crate::model::address::{Address, AddressKind, AddressRole};
use crate::model::{Channel, bom};
use crate::service::client::ApiConsumer;

/// What a handler of this door comes to.
type NumberProxyResult<T = Response> = Result<T, NumberProxyRefusal>;

/// Characters of a number at most.
const LONGEST: usize = 18;

pub(super) fn routes(app: &Arc<App>) -> HttpRoutes {
    let numbers = warp::path!("tn").and(posted(app)).then(number::answer);
    let sessions = warp::path!("session").and(posted(app)).then(session::answer);
    numbers.or(sessions).unify().map(refusal::settle).boxed()
}

/// A text that a carrier posts to `/`.
pub(super) async fn take(request: &RequestParts, body: &[u8], app: &App) -> Response {
    refusal::settle(text::take(request, body, app).await)
}

/// For whom it is done.
fn consumer(app: &App, request: &RequestParts) -> Result<ApiConsumer, Refusal> {
    Ok(auth::active(app, auth::host(app, request)?)?.consumer)
}

/// The fields of a posted object.
async fn fields(posted: UnreadBody, app: &App) -> NumberProxyResult<Map<String, Json>> {
    let body = object::collect(posted, app).await?;
    serde_json::from_slice(bom::skip(&body)).map_err(|_| invalid("The body must be a JSON object."))
}

/// What a field says; a number without quotes is read as one with them.
pub(super) fn said(field: Option<&Json>) -> Option<String> {
    let field = field?;
    field.as_str().map(str::to_owned).or_else(|| field.is_number().then(|| field.to_string()))
}

/// Whether it is as long as a number may be.
fn is_short(text: &str) -> bool {
    (1..=LONGEST).contains(&text.chars().count())
}

/// A field that is a phone number: as it was written, and as it is read.
fn phone(fields: &Map<String, Json>, name: &str) -> NumberProxyResult<(String, Address)> {
    let wrong = |reason: &str| invalid(&format!("{name} {reason}."));
    let written = said(fields.get(name)).filter(|written| is_short(written));
    let written = written.ok_or_else(|| wrong("must be a number of 1 to 18 characters"))?;
    match Address::read(&written, AddressRole::Recipient, None) {
        Ok((None | Some(Channel::Sms), address)) if address.kind() == AddressKind::Phone => Ok((written, address)),
        Ok(_) => Err(wrong("must be a phone number")),
        Err(error) => Err(wrong(&error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_are_kept_as_they_are_written_and_read_as_what_they_are() {
        let fields = |value: Json| Map::from_iter([("value".to_owned(), value)]);
        for (value, written, read) in [
            (json!("12062992129"), "12062992129", "+12062992129"),
            (json!(12_062_992_129_u64), "12062992129", "+12062992129"),
            (json!("+12062992129"), "+12062992129", "+12062992129"),
            (json!("+1234567890"), "+1234567890", "+1234567890"),
        ] {
            let found = phone(&fields(value), "value").ok();
            assert_eq!(found, Some((written.to_owned(), Address::stored(read))), "{written}");
        }
        for wrong in
            [json!(null), json!(""), json!(true), json!(["12062992129"]), json!("1206299212912062992"), json!("x")]
        {
            assert!(phone(&fields(wrong.clone()), "value").is_err(), "{wrong}");
        }
        assert!(phone(&Map::new(), "value").is_err());
    }
}
