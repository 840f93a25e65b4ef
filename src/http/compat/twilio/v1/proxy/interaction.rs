//! `Interactions` and `MessageInteractions`: what was said in a session.

use crate::http::body::UnreadBody;
use crate::http::compat::twilio::TwilioCompatRequest;
use crate::http::compat::twilio::error::{NOT_FOUND, TwilioCompatResult};
use crate::service::session::SessionWithParticipants;

/// `path`: what stands behind the session.
pub(super) async fn answer(
    _visit: &TwilioCompatRequest<'_>,
    _session: &SessionWithParticipants,
    _path: &[&str],
    _posted: UnreadBody,
) -> TwilioCompatResult {
    Err(NOT_FOUND.into())
}
