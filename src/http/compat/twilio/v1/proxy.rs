//! `/v1/Services…`: Twilio's Proxy over pools and sessions.

use crate::http::body::UnreadBody;
use crate::http::compat::twilio::TwilioCompatRequest;
use crate::http::compat::twilio::error::{NOT_FOUND, TwilioCompatResult};

/// `path`: what stands behind `Services`.
pub(super) async fn answer(
    _visit: &TwilioCompatRequest<'_>,
    _path: &[&str],
    _posted: UnreadBody,
) -> TwilioCompatResult {
    Err(NOT_FOUND.into())
}
