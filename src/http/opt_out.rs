//! `/v1/opt-outs`: who wants no texts from which number, seen and mended.

use ::http::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::resource::{HandlerResult, ListOut, PageIn, Resource, ResourceRequest, UnreadBody, on, with_body};
use super::written::{self, TEXTS, text_channel, text_channels};
use super::{RequestParts, audit, auth, list, object, openapi, reply};
use crate::model::address::AddressRole;
use crate::model::{Address, Channel, rfc3339};
use crate::service::opt_out::{OptOutEntry, OptOutFilter};
use crate::service::{Error, ErrorKind};

pub(super) fn resource() -> Resource {
    Resource::new(openapi::described!(list_opt_outs, set), None)
        .at("opt-outs", [on(Method::GET, list_opt_outs).asking(filters)])
        .at("opt-outs/{number}/{person}", [with_body(Method::PUT, set)])
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = OptOutChange)]
struct OptOutChangeIn {
    /// Whether the person wants nothing from the number.
    is_out: bool,
    /// `sms`, as it is without, or `whatsapp`: each has entries of its own.
    #[serde(default)]
    #[schema(schema_with = text_channels)]
    channel: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = OptOut)]
struct OptOutOut {
    /// Ours.
    number: String,
    person: String,
    #[schema(schema_with = text_channels)]
    channel: &'static str,
    /// Whether the person wants nothing from the number on this channel; `false`: they did, and do again.
    is_out: bool,
    /// Who said so: `keyword` (the person, by text), `carrier` or `administrator`
    reason: String,
    changed_at: String,
}

fn out(entry: OptOutEntry) -> OptOutOut {
    let OptOutEntry { channel, number, person, is_out, reason, changed_ms } = entry;
    OptOutOut { number, person, channel: channel.name(), is_out, reason, changed_at: rfc3339(changed_ms) }
}

/// What a list may be narrowed by.
fn filters() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("number", "Of this number of ours.", openapi::text()),
        openapi::optional("person", "Of this person.", openapi::text()),
        openapi::optional("channel", "Of this channel.", text_channels()),
    ]
}

/// Number, person and channel of a page's last entry; in hex, as names may hold anything.
fn cursor(last: &OptOutEntry) -> String {
    hex::encode(format!("{}\n{}\n{}", last.number, last.person, last.channel))
}

fn read_cursor(text: &str) -> Option<(String, String, Channel)> {
    let plain = String::from_utf8(hex::decode(text).ok()?).ok()?;
    let [number, person, channel] = plain.split('\n').collect::<Vec<_>>()[..] else { return None };
    Some((number.to_owned(), person.to_owned(), Channel::parse(channel)?))
}

/// Whether an administrator asks who acts for no client: they see and lift what no client does.
fn is_operator(request: &RequestParts) -> bool {
    auth::is_administrator(request) && !auth::names_client(request)
}

/// `GET /v1/opt-outs`: who wants no texts from which number, and who did once, by number and person. To an administrator
/// who acts for no client: those of the operator's numbers, and those in force of which their numbers' clients are not told.
#[utoipa::path(
    get, path = "/v1/opt-outs", tag = "opt-outs", operation_id = "list_opt_outs", params(PageIn),
    responses((status = 200, description = "A page of the ledger.", body = ListOut<OptOutOut>)),
)]
async fn list_opt_outs(request: ResourceRequest) -> HandlerResult {
    let client = auth::reader(&request.app, &request)?.client;
    let (after, limit) = list::page_of(&request, read_cursor)?;
    let country = request.app.country(client);
    let said = request.param("channel").map(|name| text_channel(&name)).transpose()?;
    let mut channels = said.map_or(TEXTS.to_vec(), |channel| vec![channel]);
    let mut address = |name, role| written::narrowing(&request, name, role, country, &mut channels);
    let (number, person) = (address("number", AddressRole::Sender)?, address("person", AddressRole::Recipient)?);
    let person = person.map(|person| Address::stored(person).forms()).unwrap_or_default();
    let channel = if let [only] = channels[..] { Some(only) } else { None };
    let with_unseen = is_operator(&request);
    let filter = OptOutFilter { number, person, channel, with_unseen, after };
    let (entries, more) = request.app.opt_outs.list(client, &filter, limit).await?;
    let last = entries.last().map(cursor);
    Ok(list::reply(entries.into_iter().map(out).collect(), last, more))
}

/// `PUT /v1/opt-outs/<number>/<person>`: sets or lifts one entry. Set, it also cancels what waits to go from the
/// number to the person, as their own STOP does. A carrier that keeps a list of its own is not told. An administrator who
/// acts for no client also lifts what was said to a number's earlier client, whoever has the number now.
#[utoipa::path(
    put, path = "/v1/opt-outs/{number}/{person}", tag = "opt-outs", operation_id = "set_opt_out",
    request_body = OptOutChangeIn,
    params(
        ("number" = String, Path, description = "A number of yours."),
        ("person" = String, Path, description = "A phone or a short code."),
    ),
    responses(
        (status = 200, description = "What stands from now on.", body = OptOutOut),
        (status = 404, description = "The number is none of yours."),
    ),
)]
async fn set(request: ResourceRequest, posted: UnreadBody) -> HandlerResult {
    let client = auth::owner(&request.app, &request)?;
    let number = super::segment(request.given(0)).ok_or_else(|| Error::not_found("number"))?;
    let person = super::segment(request.given(1)).ok_or_else(|| reply::bad_field("person", "must be text in UTF-8"))?;
    let country = request.app.country(client);
    let (named, person) = written::address("person", &person, AddressRole::Recipient, country)?;
    // what is no number is none of theirs
    let (named_too, number) =
        Address::read(&number, AddressRole::Sender, country).map_err(|_| Error::not_found("number"))?;
    let change: OptOutChangeIn = object::read(&request, posted).await?;
    let said = change.channel.as_deref().map(text_channel).transpose()?;
    let channel = written::channel(said, [("person", named), ("number", named_too)])?;
    let context = audit::context(&request, "opt_out.set", |entry: &OptOutEntry| audit::json(&out(entry.clone())));
    let number = number.as_str();
    let mut entry = request.app.opt_outs.set(client, channel, number, &person, change.is_out, &context).await;
    if is_operator(&request) && !change.is_out {
        entry = match request.app.opt_outs.lift_unseen(channel, number, &person, &context).await {
            Err(error) if error.kind == ErrorKind::NotFound => entry,
            lifted => lifted,
        };
    }
    Ok(reply::json(StatusCode::OK, &out(entry?)))
}
