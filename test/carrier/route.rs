//! Which request is for whom.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use hyper::header::AUTHORIZATION;
use hyper::{Method, Request};

use crate::message::Message;
use crate::reply::{Cut, Refusal, Reply};
use crate::state::Carrier;
use crate::{call, command, list, send};

/// Larger than any form of a message.
const BODY_BYTES: usize = 256 * 1024;

pub async fn answer(carrier: &Arc<Carrier>, request: Request<Incoming>) -> Result<Reply, Cut> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let Ok(body) = read(body).await else { return Err(Cut) };
    if let Some(command) = path.strip_prefix("/carrier/") {
        return Ok(command::answer(carrier, &head.method, command, head.uri.query(), &body).await);
    }
    if head.headers.get(AUTHORIZATION).is_none_or(|given| given.as_bytes() != carrier.credentials.as_bytes()) {
        carrier.count("unauthorized");
        return Ok(Refusal::of_status(401, None).reply());
    }
    if let (&Method::GET, Some(number)) = (&head.method, path.strip_prefix("/v2/PhoneNumbers/")) {
        return Ok(list::lookup(number));
    }
    let of_account = path.strip_prefix("/2010-04-01/Accounts/").and_then(|rest| rest.strip_prefix(&*carrier.account));
    let resource = of_account.unwrap_or_default();
    match (&head.method, resource) {
        (&Method::POST, "/Messages.json") => {
            let _counted = carrier.in_flight.enter();
            send::answer(carrier, Message::parse(&body)).await
        }
        (&Method::POST, "/Calls.json") => {
            let _counted = carrier.in_flight.enter();
            send::answer(carrier, Message::parse_call(&body)).await
        }
        (&Method::GET, "/Messages.json" | "/Calls.json") => {
            list::answer(carrier, resource, head.uri.query().unwrap_or_default()).await
        }
        (&Method::POST, _) if resource.starts_with("/Calls/") => {
            let sid = resource.strip_prefix("/Calls/").and_then(|rest| rest.strip_suffix(".json"));
            Ok(sid.map_or_else(|| Refusal::not_found(path).reply(), |sid| call::update(carrier, sid, &body)))
        }
        (&Method::GET, ".json") => Ok(list::account(carrier)),
        (&Method::GET, list::NUMBERS) => Ok(list::numbers(carrier, head.uri.query().unwrap_or_default())),
        (&Method::GET, _) => {
            let item = resource.strip_prefix("/Messages/").or_else(|| resource.strip_prefix("/Calls/"));
            let sid = item.and_then(|rest| rest.strip_suffix(".json"));
            Ok(sid.map_or_else(|| Refusal::not_found(path).reply(), |sid| list::one(carrier, sid)))
        }
        _ => Ok(Refusal::not_found(path).reply()),
    }
}

async fn read(body: Incoming) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Limited::new(body, BODY_BYTES).collect().await?.to_bytes())
}
