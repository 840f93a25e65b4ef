//! Which of Twilio's codes a refusal of our services gets in Proxy.

use ::http::StatusCode;

use crate::http::compat::twilio::error::{self, TwilioCompatError, TwilioCompatRefusal};
use crate::http::compat::twilio::v1::error::{
    ALL_USED, ALREADY_IN, CAPABILITY, CLOSED, COUNTRY, CROWDED, IDENTIFIER, NOT_IN_SERVICE, PAIR_IN_USE, SERVICE_NAME,
    SESSION_NAME, SIMULTANEOUS,
};
use crate::model::PoolBound;
use crate::service::session::NumberShortage;
use crate::service::{Error, ErrorKind};

/// A field of ours by the parameter that says it.
fn parameter(field: &str) -> &str {
    match field {
        "name" | "unique_name" => "UniqueName",
        "ttl" => "Ttl",
        "ends_at" => "DateExpiry",
        "participants.name" => "FriendlyName",
        "callback_url" => "CallbackUrl",
        "intercept_url" => "InterceptCallbackUrl",
        "out_of_session_url" => "OutOfSessionCallbackUrl",
        other => other,
    }
}

fn of_shortage(shortage: NumberShortage, bound: PoolBound) -> TwilioCompatError {
    match (shortage, bound) {
        (NumberShortage::Unfit, _) => CAPABILITY,
        (NumberShortage::Country, PoolBound::None | PoolBound::Country) => COUNTRY,
        _ => ALL_USED,
    }
}

/// What a change of a service, its numbers or its sessions is refused with. `bound`: how near its numbers must be.
pub(super) fn of(error: Error, bound: PoolBound) -> TwilioCompatRefusal {
    let reason = &*error.detail;
    match (&error.kind, error.field) {
        (ErrorKind::NoNumber(shortage), _) => of_shortage(*shortage, bound).because(reason),
        (ErrorKind::Conflict, Some("address")) => ALREADY_IN.because(reason),
        (ErrorKind::Conflict, Some("number")) => PAIR_IN_USE.because(reason),
        (ErrorKind::Conflict, Some("participants")) => CROWDED.because(reason),
        (ErrorKind::Conflict, Some("state")) => CLOSED.because(reason),
        (ErrorKind::Conflict, Some("pool_id")) => NOT_IN_SERVICE.because(reason),
        (ErrorKind::Conflict, Some("name")) => SERVICE_NAME.into(),
        (ErrorKind::Conflict, Some("unique_name")) => SESSION_NAME.into(),
        (ErrorKind::Conflict, _) => error::of(StatusCode::CONFLICT).because(reason),
        (ErrorKind::Busy, _) => SIMULTANEOUS.into(),
        (ErrorKind::Invalid, Some("participants")) => IDENTIFIER.because(reason),
        (ErrorKind::Invalid, Some("pool_id")) => error::NOT_FOUND.into(),
        (ErrorKind::Invalid, Some(field)) => error::PARAMETER.because(&format!("{} {reason}", parameter(field))),
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::compat::twilio::error::settle;
    use crate::http::reply;

    fn told(error: Error, bound: PoolBound) -> (u16, u64) {
        let (head, body) = reply::parts(settle(Err(of(error, bound))));
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        (head.status.as_u16(), body["code"].as_u64().unwrap_or_default())
    }

    #[test]
    fn each_shortage_has_its_code() {
        for (shortage, bound, code) in [
            (NumberShortage::Empty, PoolBound::Country, 80206),
            (NumberShortage::Taken, PoolBound::Country, 80206),
            (NumberShortage::Unfit, PoolBound::Country, 80201),
            (NumberShortage::Country, PoolBound::Country, 80203),
            (NumberShortage::Country, PoolBound::None, 80203),
            (NumberShortage::Country, PoolBound::AreaCode, 80206),
        ] {
            let error = Error::new(ErrorKind::NoNumber(shortage), "why");
            assert_eq!(told(error, bound), (400, code), "{shortage:?} {bound:?}");
        }
    }

    #[test]
    fn each_conflict_is_told_by_what_it_is_about() {
        let conflict = |field| Error::conflict("why").about(field);
        for (error, wanted) in [
            (conflict("address"), (400, 80103)),
            (conflict("number"), (400, 80604)),
            (conflict("participants"), (400, 80609)),
            (conflict("state"), (400, 80607)),
            (conflict("pool_id"), (400, 80605)),
            (conflict("name"), (400, 80602)),
            (conflict("unique_name"), (400, 80603)),
            (Error::conflict("why"), (409, 20409)),
            (Error::busy("why"), (409, 80623)),
            (Error::invalid("participants", "why"), (400, 80404)),
            (Error::invalid("ttl", "why"), (400, 20001)),
            (Error::not_found("session"), (404, 20404)),
        ] {
            assert_eq!(told(error, PoolBound::Country), wanted);
        }
    }
}
