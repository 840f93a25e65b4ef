//! Which of Twilio's codes a refusal of our services gets in Verify.

use ::http::StatusCode;

use super::error::{
    BLOCKED, CHANNEL, CHECKS, COUNTRY, FEATURE, INTERVAL, LANDLINE, LIMIT_NAME, MANY_BUCKETS, MANY_LIMITS, NAME_FORM,
    PARAMETER, RECIPIENT, SENDS,
};
use crate::http::compat::twilio::error::{self, TwilioCompatRefusal};
use crate::model::VerificationRefusal;
use crate::service::{Error, ErrorKind};

/// A field of ours by the parameter that says it.
fn parameter(field: &str) -> &str {
    match field {
        "to" | "address" => "To",
        "code" => "Code",
        "channel" => "Channel",
        "code_length" => "CodeLength",
        "custom_code" => "CustomCode",
        "name" => "FriendlyName",
        "locale" => "Locale",
        "message" | "body" => "CustomMessage",
        "template" | "template_id" => "TemplateSid",
        "substitutions" => "TemplateCustomSubstitutions",
        "app_hash" => "AppHash",
        "rate_limits" => "RateLimits",
        "device_ip" => "DeviceIp",
        "send_digits" => "SendDigits",
        "tags" => "Tags",
        "tts_name" => "TtsName",
        "risk_check" => "RiskCheck",
        "max" => "Max",
        "interval" => "Interval",
        "description" => "Description",
        other => other,
    }
}

/// Why a code is not sent, or not looked at.
fn of_verification(why: VerificationRefusal, error: &Error) -> TwilioCompatRefusal {
    let reason = &*error.detail;
    let told = match why {
        VerificationRefusal::TooManySends => SENDS.because(reason),
        VerificationRefusal::TooManyChecks => CHECKS.because(reason),
        VerificationRefusal::RecipientLimit | VerificationRefusal::AddressLimit | VerificationRefusal::ClientLimit => {
            RECIPIENT.because(reason)
        }
        VerificationRefusal::NamedLimit => error::of(StatusCode::TOO_MANY_REQUESTS).because(reason),
        VerificationRefusal::Blocked => BLOCKED.because(reason),
        VerificationRefusal::Country | VerificationRefusal::Premium => COUNTRY.because(reason),
        VerificationRefusal::Landline => LANDLINE.because(reason),
        VerificationRefusal::Channel => CHANNEL.because(reason),
        VerificationRefusal::CustomCode => FEATURE.because(reason),
    };
    told.retry_after(error.retry_after_secs)
}

/// What a request for a code, a check, or a change of a service is refused with.
pub(super) fn of(error: Error) -> TwilioCompatRefusal {
    let reason = &*error.detail;
    match (&error.kind, error.field) {
        (ErrorKind::Verification(why), _) => of_verification(*why, &error),
        (ErrorKind::Invalid, Some(field)) => PARAMETER.because(&format!("{} {reason}", parameter(field))),
        (ErrorKind::Invalid, None) => PARAMETER.because(reason),
        (ErrorKind::Conflict, _) => error::of(StatusCode::CONFLICT).because(reason),
        _ => error.into(),
    }
}

/// What a change of a limit is refused with.
pub(super) fn of_limit(error: Error) -> TwilioCompatRefusal {
    let reason = &*error.detail;
    match (&error.kind, error.field) {
        (ErrorKind::Conflict, Some("name")) => LIMIT_NAME.into(),
        (ErrorKind::Conflict, _) => MANY_LIMITS.because(reason),
        (ErrorKind::Invalid, Some("name")) => NAME_FORM.because(reason),
        _ => of(error),
    }
}

/// The same of a bucket.
pub(super) fn of_bucket(error: Error) -> TwilioCompatRefusal {
    let reason = &*error.detail;
    match (&error.kind, error.field) {
        (ErrorKind::Conflict, Some("interval")) => INTERVAL.into(),
        (ErrorKind::Conflict, _) => MANY_BUCKETS.because(reason),
        _ => of(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::compat::twilio::error::settle;
    use crate::http::reply;

    fn told(refusal: TwilioCompatRefusal) -> (u16, u64, Option<String>, bool) {
        let (head, body) = reply::parts(settle(Err(refusal)));
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let code = body["code"].as_u64().unwrap_or_default();
        (head.status.as_u16(), code, header("retry-after"), header("twilio-reached-rate-limit").is_some())
    }

    #[test]
    fn each_reason_has_its_code_and_limits_say_when() {
        use VerificationRefusal as Why;
        for (why, status, code) in [
            (Why::TooManySends, 429, 60203),
            (Why::TooManyChecks, 429, 60202),
            (Why::RecipientLimit, 429, 60212),
            (Why::AddressLimit, 429, 60212),
            (Why::ClientLimit, 429, 60212),
            (Why::NamedLimit, 429, 20429),
            (Why::Blocked, 403, 60410),
            (Why::Country, 403, 60605),
            (Why::Premium, 403, 60605),
            (Why::Landline, 403, 60205),
            (Why::Channel, 400, 60223),
            (Why::CustomCode, 403, 60204),
        ] {
            let error = Error::verification(why, "why").retry_after(7);
            assert_eq!(told(of(error)), (status, code, Some("7".to_owned()), code == 20429), "{why:?}");
            assert_eq!(told(of(Error::verification(why, "why"))).2, None, "{why:?}");
        }
    }

    #[test]
    fn what_is_wrong_with_limits_and_buckets_has_codes_of_its_own() {
        let conflict = |field| Error::conflict("why").about(field);
        for (refusal, code) in [
            (of_limit(conflict("name")), 60208),
            (of_limit(Error::conflict("why")), 60207),
            (of_limit(Error::invalid("name", "why")), 60209),
            (of_limit(Error::invalid("description", "why")), 60200),
            (of_bucket(conflict("interval")), 60211),
            (of_bucket(Error::conflict("why")), 60210),
            (of_bucket(Error::invalid("max", "why")), 60200),
        ] {
            assert_eq!(told(refusal), (400, code, None, false));
        }
        assert_eq!(told(of_limit(Error::not_found("limit"))).1, 20404);
    }

    #[test]
    fn a_parameter_stands_right_behind_the_colon() {
        let (_, body) = reply::parts(settle(Err(of(Error::invalid("code", "must be 4 to 10 digits")))));
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
        assert_eq!(body["message"], "Invalid parameter: Code must be 4 to 10 digits");
    }
}
