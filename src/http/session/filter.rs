//! What a list of sessions is narrowed by.

use std::borrow::Cow;

use super::shape::states;
use crate::http::reply::{self, Refusal};
use crate::http::resource::ResourceRequest;
use crate::http::{openapi, written};
use crate::model::address::AddressRole;
use crate::model::{ClientId, SessionId, SessionState};
use crate::service::session::Filter;

/// What a list may be narrowed by.
pub(super) fn filters() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("state", "In this state.", states()),
        openapi::optional("participant", "This person is in it, or was.", openapi::text()),
        openapi::optional("number", "It is open, and somebody in it has this number of yours.", openapi::text()),
        openapi::optional("unique_name", "Of this unique name.", openapi::text()),
        openapi::optional("pool_id", "Of this pool.", openapi::text()),
    ]
}

/// Which are asked for. `None`: those of a number that is none of theirs.
pub(super) fn wanted(
    request: &ResourceRequest,
    client: ClientId,
    after: Option<SessionId>,
) -> Result<Option<Filter>, Refusal> {
    let country = request.app.country(client);
    let state = |name: &str| {
        SessionState::parse(name)
            .ok_or_else(|| reply::bad_field("state", "must be open, in_progress, inactive, closed or failed"))
    };
    let person = written::asked(request, "participant", AddressRole::Recipient, country)?;
    let number = written::asked(request, "number", AddressRole::Sender, country)?;
    let number = number.map(|(_, number)| request.app.sessions.number(client, number.as_str()));
    if number == Some(None) {
        return Ok(None);
    }
    Ok(Some(Filter {
        state: request.param("state").map(|name| state(&name)).transpose()?,
        person: person.map(|(_, person)| person.folded().into_owned()),
        number: number.flatten(),
        unique_name: request.param("unique_name").map(Cow::into_owned),
        pool: request.param("pool_id").map(|id| written::pool(&id)).transpose()?,
        open_at: None,
        after,
        ..Filter::default()
    }))
}
