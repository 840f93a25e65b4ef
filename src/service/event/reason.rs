//! Why something did not arrive, as clients read it: what names and addresses there are in the operator's network is
//! not theirs to find out.

use std::borrow::Cow;

use super::{Delivery, DeliveryState, Endpoint};

/// All that is said of a place that gave no answer, whether it has no name, or a private address.
const UNREACHED: &str = "could not be reached";
pub(super) const UNREADABLE: &str = "the secret could not be read; the log has the reason";
/// Stands before the last failure in why an endpoint was disabled.
const LAST: &str = "; the last time: ";

/// What an endpoint is disabled for that fails for so long.
pub(super) fn disabled(span: impl std::fmt::Display, reason: &str) -> String {
    format!("it has failed for {span}{LAST}{reason}")
}

/// Why a delivery failed last.
pub fn last_reason(delivery: &Delivery) -> Option<&str> {
    let reason = delivery.last_reason.as_deref()?;
    let is_ours = delivery.last_status.is_some() || delivery.state == DeliveryState::Dropped || reason == UNREADABLE;
    Some(if is_ours { reason } else { UNREACHED })
}

/// Why an endpoint was disabled.
pub fn disabled_reason(endpoint: &Endpoint) -> Option<Cow<'_, str>> {
    let reason = endpoint.reason.as_deref()?;
    Some(match reason.split_once(LAST) {
        Some((head, last)) if !last.starts_with("HTTP ") && last != UNREADABLE => {
            Cow::Owned(format!("{head}{LAST}{UNREACHED}"))
        }
        _ => Cow::Borrowed(reason),
    })
}
