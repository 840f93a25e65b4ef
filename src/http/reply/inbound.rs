//! What carriers are answered whose webhooks are not taken.

use ::http::StatusCode;

use super::{Refusal, problem, store_error};
use crate::service::inbound::Error;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(match &error {
            Error::Forged => {
                tracing::warn!("refused a webhook that no account of ours has sent");
                problem(StatusCode::FORBIDDEN, &error.to_string())
            }
            Error::Unreadable(_) | Error::Misnamed(_) | Error::TooManyFields => {
                tracing::warn!(reason = %error, "refused a webhook that cannot be read");
                problem(StatusCode::BAD_REQUEST, &error.to_string())
            }
            Error::TooLong => problem(StatusCode::PAYLOAD_TOO_LARGE, &error.to_string()),
            Error::Store(error) => store_error(error),
        })
    }
}
