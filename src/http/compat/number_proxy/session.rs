//! `/session`: two people, and the number by which each knows the other.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use ::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use ::http::{HeaderValue, StatusCode};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;
use serde_json::{Value as Json, json};
use tokio::sync::mpsc::{self, Sender};
use warp::Reply as _;

use super::number::{bare, shown};
use super::refusal::{NumberProxyRefusal, because, failed, invalid, method_not_allowed, told};
use super::{NumberProxyResult, consumer, fields, phone};
use crate::http::body::UnreadBody;
use crate::http::{App, RequestParts, reply, session};
use crate::model::{Address, ClientId, Millis, NumberId, PoolId, SessionDoor, SessionId, SessionMode, rfc3339};
use crate::service::client::ApiConsumer;
use crate::service::session::{
    Filter, ParticipantOrder, SessionOrder, SessionResult, SessionSettings, SessionWithParticipants,
};
use crate::service::{Error, ErrorKind};

/// What the two are called.
const PEOPLE: [&str; 2] = ["participant_a", "participant_b"];

const MINUTE_MS: f64 = 60_000.0;
/// A hundred years.
const LONGEST_MINUTES: f64 = 52_560_000.0;
const SHORTEST_MS: f64 = 1_000.0;

/// Sessions that are read at once, and parts of a list that wait to be sent.
const PAGE: usize = 500;
const PARTS: usize = 2;

pub(super) async fn answer(request: RequestParts, posted: UnreadBody, app: Arc<App>) -> NumberProxyResult {
    let consumer = consumer(&app, &request)?;
    match request.method.as_str() {
        "GET" => list(consumer.client, &app).await,
        "POST" => create(&consumer, &request, posted, &app).await,
        "DELETE" => end(&consumer, &request, posted, &app).await,
        _ => Err(method_not_allowed()),
    }
}

/// `2026-11-30 13:00:00`, in UTC.
fn date(at_ms: Millis) -> String {
    rfc3339(at_ms).chars().take(19).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// When a session is to end by itself. Fractions of a minute count; none, or 0, is never.
fn window(field: Option<&Json>, now_ms: Millis) -> NumberProxyResult<Option<Millis>> {
    let minutes = match field {
        None | Some(Json::Null) => 0.0,
        Some(field) => field.as_f64().unwrap_or(f64::NAN),
    };
    if !(0.0..=LONGEST_MINUTES).contains(&minutes) {
        return Err(invalid("expiry_window must be a number of minutes, 0 or more."));
    }
    if minutes == 0.0 {
        return Ok(None);
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is at most a hundred years")]
    let window_ms = (minutes * MINUTE_MS).max(SHORTEST_MS).round() as Millis;
    Ok(Some(now_ms + window_ms))
}

async fn create(consumer: &ApiConsumer, request: &RequestParts, posted: UnreadBody, app: &App) -> NumberProxyResult {
    let fields = fields(posted, app).await?;
    let people = [phone(&fields, PEOPLE[0])?, phone(&fields, PEOPLE[1])?];
    let ends_ms = window(fields.get("expiry_window"), app.clients.clock.now_ms())?;
    // nobody counts it any more
    drop(fields);
    let order = SessionOrder {
        pool: PoolId::number_proxy(consumer.client),
        participants: people.iter().map(|(_, address)| participant(address)).collect(),
        mode: SessionMode::Message,
        name: None,
        unique_name: None,
        metadata: None,
        ttl: None,
        ends_ms,
        settings: SessionSettings {
            start_text: app.number_proxy.start(),
            end_text: app.number_proxy.end(),
            written: people.iter().map(|(written, _)| written.clone()).collect(),
            ..SessionSettings::default()
        },
        door: SessionDoor::NumberProxy,
    };
    let context = session::context(request, "session.create");
    let made = match app.sessions.create(consumer, order, None, &|_| String::new(), &context).await {
        Ok(SessionResult::Made(made)) => made,
        // what has no name does not come again
        Ok(SessionResult::Again(_)) => return Err(Error::key_reused().into()),
        Err(error) => return Err(refused(error)),
    };
    // it is made, whether this can be read or not
    let names = written_numbers(app, std::slice::from_ref(&*made)).await.unwrap_or_default();
    let out = NumberProxySessionOut::of(&made, &names);
    let body = json!({
        "message": "The session was created.",
        "status": "succeeded",
        "session_id": out.id,
        "expiry_date": out.expiry_date,
        "virtual_tn": out.virtual_tn,
        "participant_a": out.participant_a,
        "participant_b": out.participant_b,
    });
    Ok(reply::json(StatusCode::OK, &body))
}

fn participant(address: &Address) -> ParticipantOrder {
    ParticipantOrder { address: address.clone(), name: None, number: None }
}

/// Why there is no session: its people, its number, or the text with which it would have begun.
fn refused(error: Error) -> NumberProxyRefusal {
    match (&error.kind, error.field) {
        (ErrorKind::NoNumber(_) | ErrorKind::Conflict, _) | (_, Some("pool_id")) => {
            failed("The session could not be created: no number of the pool is free.")
        }
        (ErrorKind::Invalid, Some("participants" | "ends_at")) => invalid(&error.to_string()),
        (
            ErrorKind::OptedOut
            | ErrorKind::Unpayable
            | ErrorKind::NoRoute
            | ErrorKind::Invalid
            | ErrorKind::Limit(_)
            | ErrorKind::Refused,
            _,
        ) => {
            let message = "An error occured when requesting against Flowroute's API.";
            let reason = "InternalSMSDispatcherError";
            let body = json!({"message": message, "reason": reason, "strerr": &*error.detail});
            told(StatusCode::INTERNAL_SERVER_ERROR, &body)
        }
        _ => error.into(),
    }
}

async fn end(consumer: &ApiConsumer, request: &RequestParts, posted: UnreadBody, app: &App) -> NumberProxyResult {
    let fields = fields(posted, app).await?;
    let named = fields.get("session_id").and_then(Json::as_str).filter(|named| !named.is_empty());
    let named = named.ok_or_else(|| invalid("session_id must be the id of a session."))?.to_owned();
    let missing = || because(StatusCode::NOT_FOUND, "There is no such session.", "ProxySession not found");
    let id = SessionId::from_hex(&named).map_err(|_| missing())?;
    drop(fields);
    let found = match app.sessions.find(consumer.client, id).await {
        Err(error) if error.kind == ErrorKind::NotFound => return Err(missing()),
        found => found?,
    };
    let now_ms = app.clients.clock.now_ms();
    if found.session.is_over_at(now_ms) || found.session.door != SessionDoor::NumberProxy {
        return Err(missing());
    }
    if !consumer.may_send_in(&found) {
        return Err(reply::forbidden("this key may not send to both in this session, nor end it").into());
    }
    app.sessions.close(consumer.client, id, &session::context(request, "session.close")).await?;
    let body = json!({"message": "The session has ended.", "status": "succeeded", "session_id": named});
    Ok(reply::json(StatusCode::OK, &body))
}

#[derive(Serialize)]
struct NumberProxySessionOut<'a> {
    id: String,
    date_created: String,
    virtual_tn: &'a str,
    participant_a: &'a str,
    participant_b: &'a str,
    expiry_date: Option<String>,
}

impl<'a> NumberProxySessionOut<'a> {
    /// `names`: numbers as they were posted.
    fn of(made: &'a SessionWithParticipants, names: &'a HashMap<NumberId, String>) -> Self {
        let SessionWithParticipants { session, participants } = made;
        let virtual_tn = participants.first().map(|one| {
            let name = names.get(&one.number_id).map(String::as_str);
            name.unwrap_or_else(|| bare(&one.number))
        });
        let person = |nth: usize| {
            let written = session.settings.written.get(nth).map(String::as_str);
            written.or_else(|| Some(bare(&participants.get(nth)?.address))).unwrap_or_default()
        };
        Self {
            id: session.id.hex(),
            date_created: date(session.created_ms),
            virtual_tn: virtual_tn.unwrap_or_default(),
            participant_a: person(0),
            participant_b: person(1),
            expiry_date: session.expires_ms.map(date),
        }
    }
}

/// How the numbers of these sessions were posted.
async fn written_numbers(app: &App, sessions: &[SessionWithParticipants]) -> Result<HashMap<NumberId, String>, Error> {
    let numbers = sessions.iter().flat_map(|one| &one.participants).map(|one| one.number_id);
    let found = app.numbers.exclusive_of(&numbers.collect::<Vec<_>>()).await?;
    Ok(found.iter().map(|number| (number.id, shown(number).to_owned())).collect())
}

/// Some of a client's open sessions, and whether there are more.
type NumberProxySessionPage = (Vec<SessionWithParticipants>, bool);

async fn page(app: &App, client: ClientId, after: Option<SessionId>) -> Result<NumberProxySessionPage, Error> {
    let filter = Filter { open_at: Some(SessionDoor::NumberProxy), after, ..Filter::default() };
    app.sessions.list(client, filter, PAGE).await
}

/// Goes out as it is read: however many there are, few of them are in memory.
async fn list(client: ClientId, app: &Arc<App>) -> NumberProxyResult {
    // what cannot be read at all is refused before anything is told
    let first = page(app, client, None).await?;
    let (send, mut parts) = mpsc::channel::<Result<Bytes, std::io::Error>>(PARTS);
    let writer = app.clone();
    app.tasks.spawn(async move {
        if let Err(error) = write(&writer, client, first, &send).await {
            tracing::warn!(%error, "a list of sessions broke off");
            // nobody may be there any more
            let _ = send.send(Err(std::io::Error::other("the store is away"))).await;
        }
    });
    let body = stream::poll_fn(move |context| parts.poll_recv(context));
    let mut response = warp::reply::stream(body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

async fn write(
    app: &App,
    client: ClientId,
    (mut sessions, mut more): NumberProxySessionPage,
    send: &Sender<Result<Bytes, std::io::Error>>,
) -> Result<(), Error> {
    let (mut text, mut count) = (String::from("{\"sessions\":["), 0);
    loop {
        let names = written_numbers(app, &sessions).await?;
        for one in &sessions {
            // plain fields always serialise
            let shown = serde_json::to_string(&NumberProxySessionOut::of(one, &names)).unwrap_or_default();
            let _ = write!(text, "{}{shown}", if count > 0 { "," } else { "" });
            count += 1;
        }
        let last = sessions.last().map(|last| last.session.id).filter(|_| more);
        if last.is_none() {
            let _ = writeln!(text, "],\"total_sessions\":{count}}}");
        }
        let is_heard = send.send(Ok(Bytes::from(std::mem::take(&mut text)))).await.is_ok();
        if last.is_none() || !is_heard {
            return Ok(());
        }
        (sessions, more) = page(app, client, last).await?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_in_minutes_and_may_be_a_fraction_of_one() {
        let of = |field: Json| window(Some(&field), 1_000).ok();
        assert_eq!(window(None, 1_000).ok(), Some(None));
        for never in [json!(null), json!(0), json!(0.0)] {
            assert_eq!(of(never.clone()), Some(None), "{never}");
        }
        for (minutes, at_ms) in [(json!(1), 61_000), (json!(0.5), 31_000), (json!(0.000_1), 2_000)] {
            assert_eq!(of(minutes.clone()), Some(Some(at_ms)), "{minutes}");
        }
        for wrong in [json!(-1), json!(-0.5), json!("10"), json!(true), json!([1]), json!(1e12)] {
            assert_eq!(of(wrong.clone()), None, "{wrong}");
        }
        assert_eq!(date(1_700_000_000_123), "2023-11-14 22:13:20");
    }
}
