//! What is answered where a number could not be looked up.

use ::http::StatusCode;

use super::{Refusal, away, bad_field, problem, store_error};
use crate::service::account::LookupError as Error;

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::new(match &error {
            Error::NoAccount => *bad_field("account_id", &error.to_string()),
            Error::Cannot | Error::Nobody | Error::Refused(_) => problem(StatusCode::CONFLICT, &error.to_string()),
            Error::Unanswered(_) => away(&error.to_string()),
            Error::Store(error) => store_error(error),
        })
    }
}
