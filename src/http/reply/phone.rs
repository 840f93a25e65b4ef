//! What phones are answered that pair, or pass texts on, in vain.

use ::http::StatusCode;

use super::{Refusal, away, empty, internal, retry_after, text};
use crate::service::sync::{self, HandshakeFlavour};
use crate::service::{Error, ErrorKind};

/// Refusals of a handshake: the statuses and bodies of the version-2 contract.
impl From<sync::Error> for Refusal {
    fn from(error: sync::Error) -> Self {
        use StatusCode as Status;
        tracing::info!(reason = %error, "refused a handshake");
        Self::new(match error {
            sync::Error::InvalidSession => text(Status::BAD_REQUEST, "invalid session requested"),
            sync::Error::InvalidPublicKey => text(Status::BAD_REQUEST, "invalid public key"),
            sync::Error::MissingPublicKey => text(Status::BAD_REQUEST, "missing public key"),
            sync::Error::Undecryptable(HandshakeFlavour::OneStep) => text(Status::BAD_REQUEST, "error with decryption"),
            sync::Error::Refused(HandshakeFlavour::OneStep) => empty(Status::FORBIDDEN),
            sync::Error::Undecryptable(HandshakeFlavour::TwoStep) | sync::Error::Refused(HandshakeFlavour::TwoStep) => {
                text(Status::UNAUTHORIZED, "failed to authenticate")
            }
            sync::Error::LockedOut { wait } => {
                let response = text(Status::TOO_MANY_REQUESTS, "too many failed attempts");
                retry_after(response, &wait.as_secs_up().max(1).to_string())
            }
            sync::Error::TooManyOffers { wait } => {
                let response = text(Status::TOO_MANY_REQUESTS, "too many unfinished handshakes");
                retry_after(response, &wait.as_secs_up().max(1).to_string())
            }
            sync::Error::Busy => away("too many handshakes are waiting; try again"),
            sync::Error::Store(error) => return error.into(),
            sync::Error::Crypto(error) => internal(&error),
            sync::Error::Died(error) => internal(&error),
        })
    }
}

/// Refusals of a paired phone's text. Never 401 or 403: forwarding phones repeat those for ever.
pub(in crate::http) fn untaken(error: Error) -> Refusal {
    tracing::info!(reason = %error, "refused a text");
    match error.kind {
        ErrorKind::Unavailable | ErrorKind::Busy | ErrorKind::Internal => error.into(),
        _ => text(StatusCode::BAD_REQUEST, &*error.detail).into(),
    }
}
