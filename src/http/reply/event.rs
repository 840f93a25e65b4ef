//! What endpoints and events refuse.

use ::http::StatusCode;

use super::{Refusal, away, bad_field, internal, problem, store_error};
use crate::service::event;

impl From<event::Error> for Refusal {
    fn from(error: event::Error) -> Self {
        Self::new(match &error {
            event::Error::NoEndpoint | event::Error::NoEvent => problem(StatusCode::NOT_FOUND, &error.to_string()),
            event::Error::BadUrl(reason) => *bad_field("url", &reason.to_string()),
            event::Error::LongDescription(_) => *bad_field("description", &error.to_string()),
            event::Error::NoTypes => *bad_field("event_types", &error.to_string()),
            event::Error::TooMany(_) | event::Error::Disabled => problem(StatusCode::CONFLICT, &error.to_string()),
            event::Error::Busy => away("others keep changing this; try again"),
            event::Error::Store(error) => store_error(error),
            event::Error::Crypto(error) => internal(error),
            event::Error::Secret(error) => internal(error),
        })
    }
}
