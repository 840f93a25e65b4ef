//! `/v1/opt-outs`: who wants no texts from which number, seen and mended.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Parameter, ParameterIn};
use utoipa::openapi::schema::Schema;
use utoipa::{IntoParams, OpenApi, ToSchema};

use super::audit::{self, json};
use super::body::Posted;
use super::list::{self, ListOut, PageIn};
use super::reply::{self, Answer};
use super::resource::{Request, Resource, on, with_body};
use super::{App, RequestParts, auth, object, openapi, written};
use crate::model::address::Role;
use crate::model::{Address, Channel, rfc3339};
use crate::service::opt_out::{OptOut, OptOutFilter};
use crate::service::{Error, ErrorKind};

pub(super) fn resource() -> Resource {
    Resource::new(Doc::openapi)
        .at("opt-outs", [on(Method::GET, list_opt_outs)])
        .at("opt-outs/{number}/{person}", [with_body(Method::PUT, set)])
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OptOutChange)]
struct ChangeIn {
    /// Whether the person wants nothing from the number.
    is_out: bool,
    /// `sms`, as it is without, or `whatsapp`: each has entries of its own.
    #[serde(default)]
    #[schema(schema_with = channels)]
    channel: Option<String>,
}

/// What people can stop; calls have no such word.
const CHANNELS: [Channel; 2] = [Channel::Sms, Channel::Whatsapp];

fn channels() -> RefOr<Schema> {
    openapi::one_of(CHANNELS.map(Channel::name))
}

fn channel(name: &str) -> Result<Channel, reply::Refusal> {
    let channel = Channel::parse(name).filter(|channel| CHANNELS.contains(channel));
    channel.ok_or_else(|| reply::bad_field("channel", "must be sms or whatsapp"))
}

#[derive(Serialize, ToSchema)]
#[schema(as = OptOut)]
struct OptOutOut {
    /// Ours.
    number: String,
    person: String,
    #[schema(schema_with = channels)]
    channel: &'static str,
    /// Whether the person wants nothing from the number on this channel; `false`: they did, and do again.
    is_out: bool,
    /// Who said so: `keyword` (the person, by text), `carrier` or `administrator`
    reason: String,
    changed_at: String,
}

fn out(entry: OptOut) -> OptOutOut {
    let OptOut { channel, number, person, is_out, reason, changed_ms } = entry;
    OptOutOut { number, person, channel: channel.name(), is_out, reason, changed_at: rfc3339(changed_ms) }
}

/// What a list may be narrowed by.
struct FilterIn;

impl IntoParams for FilterIn {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![
            openapi::optional("number", "Of this number of ours.", openapi::text()),
            openapi::optional("person", "Of this person.", openapi::text()),
            openapi::optional("channel", "Of this channel.", channels()),
        ]
    }
}

/// Number, person and channel of a page's last entry; in hex, as names may hold anything.
struct OptOutCursor((String, String, Channel));

impl fmt::Display for OptOutCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(format!("{}\n{}\n{}", self.0.0, self.0.1, self.0.2)))
    }
}

impl FromStr for OptOutCursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let plain = String::from_utf8(hex::decode(text).map_err(drop)?).map_err(drop)?;
        let [number, person, channel] = plain.split('\n').collect::<Vec<_>>()[..] else { return Err(()) };
        Ok(Self((number.to_owned(), person.to_owned(), Channel::parse(channel).ok_or(())?)))
    }
}

#[derive(OpenApi)]
#[openapi(paths(list_opt_outs, set))]
struct Doc;

/// Whether an administrator asks who acts for no client: they see and lift what no client does.
fn is_operator(request: &RequestParts) -> bool {
    auth::is_administrator(request) && !auth::names_client(request)
}

/// `GET /v1/opt-outs`: who wants no texts from which number, and who did once, by number and person. To an administrator
/// who acts for no client: those of the operator's numbers, and those in force of which their numbers' clients are not told.
#[utoipa::path(
    get, path = "/v1/opt-outs", tag = "opt-outs", operation_id = "list_opt_outs", params(PageIn, FilterIn),
    responses((status = 200, description = "A page of the ledger.", body = ListOut<OptOutOut>)),
)]
async fn list_opt_outs(request: Request, app: Arc<App>) -> Answer {
    let client = auth::reader(&app, &request)?.client;
    let (after, limit) = list::page::<OptOutCursor>(&request)?;
    let country = app.country(client);
    let said = request.param("channel").map(|name| channel(&name)).transpose()?;
    let mut channels = said.map_or(CHANNELS.to_vec(), |channel| vec![channel]);
    let mut address = |name, role| written::narrowing(&request, name, role, country, &mut channels);
    let (number, person) = (address("number", Role::Sender)?, address("person", Role::Recipient)?);
    let person = person.map(|person| Address::stored(person).forms()).unwrap_or_default();
    let channel = if let [only] = channels[..] { Some(only) } else { None };
    let with_unseen = is_operator(&request);
    let filter = OptOutFilter { number, person, channel, with_unseen, after: after.map(|place| place.0) };
    let (entries, more) = app.opt_outs.list(client, &filter, limit).await?;
    let last = entries.last().map(|last| OptOutCursor((last.number.clone(), last.person.clone(), last.channel)));
    Ok(list::reply(entries.into_iter().map(out).collect(), last, more))
}

/// `PUT /v1/opt-outs/<number>/<person>`: sets or lifts one entry. Set, it also cancels what waits to go from the
/// number to the person, as their own STOP does. A carrier that keeps a list of its own is not told. An administrator who
/// acts for no client also lifts what was said to a number's earlier client, whoever has the number now.
#[utoipa::path(
    put, path = "/v1/opt-outs/{number}/{person}", tag = "opt-outs", operation_id = "set_opt_out",
    request_body = ChangeIn,
    params(
        ("number" = String, Path, description = "A number of yours."),
        ("person" = String, Path, description = "A phone or a short code."),
    ),
    responses(
        (status = 200, description = "What stands from now on.", body = OptOutOut),
        (status = 404, description = "The number is none of yours."),
    ),
)]
async fn set(request: Request, posted: Posted, app: Arc<App>) -> Answer {
    let client = auth::owner(&app, &request)?;
    let number = super::segment(request.given(0)).ok_or_else(|| Error::not_found("number"))?;
    let person = super::segment(request.given(1)).ok_or_else(|| reply::bad_field("person", "must be text in UTF-8"))?;
    let country = app.country(client);
    let (named, person) = written::address("person", &person, Role::Recipient, country)?;
    // what is no number is none of theirs
    let (named_too, number) = Address::read(&number, Role::Sender, country).map_err(|_| Error::not_found("number"))?;
    let change: ChangeIn = object::read(&request, posted, &app).await?;
    let said = change.channel.as_deref().map(channel).transpose()?;
    let channel = written::channel(said, [("person", named), ("number", named_too)])?;
    let context = audit::context(&request, "opt_out.set", |entry: &OptOut| json(&out(entry.clone())));
    let number = number.as_str();
    let mut entry = app.opt_outs.set(client, channel, number, &person, change.is_out, &context).await;
    if is_operator(&request) && !change.is_out {
        entry = match app.opt_outs.lift_unseen(channel, number, &person, &context).await {
            Err(error) if error.kind == ErrorKind::NotFound => entry,
            lifted => lifted,
        };
    }
    Ok(reply::json(StatusCode::OK, &out(entry?)))
}
