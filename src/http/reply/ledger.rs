//! What goes wrong with clients' money.

use ::http::StatusCode;

use super::{Refusal, bad_field, problem, store_error};
use crate::service::ledger::Error;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(match &error {
            Error::Invalid { field, reason } => *bad_field(field, reason),
            Error::NoClient => problem(StatusCode::NOT_FOUND, &error.to_string()),
            Error::TooLow { .. } | Error::KeyReused => problem(StatusCode::CONFLICT, &error.to_string()),
            Error::Store(error) => store_error(error),
        })
    }
}
