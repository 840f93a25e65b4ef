//! The account itself, by which libraries and people try their credentials.

use ::http::StatusCode;
use serde_json::json;
use warp::reply::Response;

use super::{TwilioCompatRequest, date, shape, sid};
use crate::http::reply;

/// `GET Accounts/<sid>.json`
pub(super) fn fetch(visit: &TwilioCompatRequest<'_>) -> Response {
    let client = visit.consumer.client;
    let sid = sid::account(client);
    let created = date::rfc2822(client.made_ms());
    let clients = visit.app.clients.current();
    let name = clients.client(client).map_or(sid.as_str(), |party| party.name.as_str());
    let below = |name: &str| shape::path(client, &format!("/{name}.json"));
    let account = json!({
        "sid": sid,
        "owner_account_sid": sid,
        "friendly_name": name,
        "status": "active",
        "type": "Full",
        "date_created": created,
        "date_updated": created,
        "subresource_uris": {
            "calls": below("Calls"),
            "incoming_phone_numbers": below("IncomingPhoneNumbers"),
            "messages": below("Messages"),
        },
        "uri": shape::path(client, ".json"),
    });
    reply::json(StatusCode::OK, &account)
}
