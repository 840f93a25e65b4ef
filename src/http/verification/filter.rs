//! What a list of verifications is narrowed by.

use super::channel;
use super::shape::{channels, service, statuses};
use crate::http::reply::{self, Refusal};
use crate::http::resource::ResourceRequest;
use crate::http::{filter, openapi, written};
use crate::model::address::AddressRole;
use crate::model::{ClientId, VerificationId, VerificationStatus};
use crate::service::verification::VerificationFilter;

/// What a list may be narrowed by.
pub(super) fn filters() -> Vec<openapi::Parameter> {
    vec![
        openapi::optional("to", "Of this number, written in any way.", openapi::text()),
        openapi::optional("status", "In this status.", statuses()),
        openapi::optional("channel", "Whose code went on this channel last.", channels()),
        openapi::optional("service", "Of this service.", openapi::text()),
        openapi::optional("created_from", "Made at this time or later: RFC 3339, or a day.", openapi::text()),
        openapi::optional("created_before", "Made before this time: RFC 3339, or a day.", openapi::text()),
    ]
}

/// Which are asked for.
pub(super) fn wanted(
    request: &ResourceRequest,
    client: ClientId,
    after: Option<VerificationId>,
) -> Result<VerificationFilter, Refusal> {
    let to = written::asked(request, "to", AddressRole::Recipient, request.app.country(client))?;
    let status = |name: &str| {
        let reason = "must be pending, approved, canceled, expired, max_attempts_reached or deleted";
        VerificationStatus::parse(name).ok_or_else(|| reply::bad_field("status", reason))
    };
    let status = request.param("status").map(|name| status(&name)).transpose()?;
    let now_ms = request.app.clients.clock.now_ms();
    Ok(VerificationFilter {
        service: request.param("service").map(|text| service(&text)).transpose()?,
        addresses: to.map(|(_, address)| address.forms()).unwrap_or_default(),
        status: status.map(|status| (status, now_ms)),
        channel: request.param("channel").map(|name| channel("channel", &name)).transpose()?,
        from_ms: filter::time(request, "created_from")?,
        before_ms: filter::time(request, "created_before")?,
        after,
    })
}
