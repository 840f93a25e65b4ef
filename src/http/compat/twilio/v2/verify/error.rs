//! Twilio's codes for what is wrong in Verify, as its error pages name them.

use ::http::StatusCode;

use crate::http::compat::twilio::error::{TwilioCompatError, bad, wrong};

const TOO_MANY: StatusCode = StatusCode::TOO_MANY_REQUESTS;
const FORBIDDEN: StatusCode = StatusCode::FORBIDDEN;

/// Libraries and applications look for the parameter's name right behind the colon.
pub(super) const PARAMETER: TwilioCompatError = bad(60200, "Invalid parameter");

// verifications and checks
pub(super) const CHECKS: TwilioCompatError = wrong(TOO_MANY, 60202, "Max check attempts reached");
pub(super) const SENDS: TwilioCompatError = wrong(TOO_MANY, 60203, "Max send attempts reached");
pub(super) const FEATURE: TwilioCompatError = wrong(FORBIDDEN, 60204, "The service does not support this feature");
pub(super) const LANDLINE: TwilioCompatError = wrong(FORBIDDEN, 60205, "Texts do not go to landlines");
pub(super) const PAYMENT: TwilioCompatError = bad(60206, "Amount and Payee are required");
pub(super) const RECIPIENT: TwilioCompatError = wrong(TOO_MANY, 60212, "Too many requests for this phone number");
pub(super) const NO_TARGET: TwilioCompatError =
    bad(60221, "No verification is named: To or VerificationSid is missing");
pub(super) const CHANNEL: TwilioCompatError = bad(60223, "Codes do not go out on this channel");
pub(super) const BLOCKED: TwilioCompatError =
    wrong(FORBIDDEN, 60410, "The verification was blocked, as its kind is often fraudulent");
pub(super) const COUNTRY: TwilioCompatError =
    wrong(FORBIDDEN, 60605, "The verification was blocked, as codes may not go there");

// rate limits and their buckets
pub(super) const MANY_LIMITS: TwilioCompatError = bad(60207, "The service has as many rate limits as it may");
pub(super) const LIMIT_NAME: TwilioCompatError = bad(60208, "A rate limit of the service has this UniqueName");
pub(super) const NAME_FORM: TwilioCompatError = bad(60209, "The UniqueName is not as it should be");
pub(super) const MANY_BUCKETS: TwilioCompatError = bad(60210, "The rate limit has as many buckets as it may");
pub(super) const INTERVAL: TwilioCompatError = bad(60211, "A bucket of the rate limit has this Interval");
