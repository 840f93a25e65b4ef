//! What goes wrong with routes and rates.

use ::http::StatusCode;

use super::{Refusal, bad_field, problem, store_error};
use crate::service::tariff::Error;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(match &error {
            Error::Invalid { field, reason } => *bad_field(field, reason),
            Error::NoRoute | Error::NoRate => problem(StatusCode::NOT_FOUND, &error.to_string()),
            Error::Taken => problem(StatusCode::CONFLICT, &error.to_string()),
            Error::Store(error) => store_error(error),
        })
    }
}
