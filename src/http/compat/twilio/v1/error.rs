//! Twilio's codes for what is wrong in a conversation of Proxy, as its error pages name them.

use ::http::StatusCode;

use crate::http::compat::twilio::error::{TwilioCompatError, bad, wrong};

// participants
pub(super) const ALREADY_IN: TwilioCompatError = bad(80103, "This participant is in the session already");
pub(super) const CAPABILITY: TwilioCompatError =
    bad(80201, "The service has no number that can do what the session is for");
pub(super) const COUNTRY: TwilioCompatError =
    bad(80203, "The service has no number where this participant is, as its GeoMatchLevel wants it");
pub(super) const ALL_USED: TwilioCompatError =
    bad(80206, "The service has no number for this participant: they are in an open session on each that fits");
pub(super) const PAIR: TwilioCompatError = bad(80402, "This participant cannot have this proxy number");
pub(super) const IDENTIFIER: TwilioCompatError = bad(80404, "The Identifier is no phone number that can take part");
pub(super) const PHONE_NUMBER_SID: TwilioCompatError = bad(80407, "This is no SID of a phone number");
pub(super) const SESSION_SID: TwilioCompatError = bad(80409, "This is no SID of a session");
pub(super) const PAIR_IN_USE: TwilioCompatError =
    bad(80604, "The participant is in another open session on this proxy number");
pub(super) const NOT_IN_SERVICE: TwilioCompatError = bad(80605, "The number is not in this service");

// services and sessions
pub(super) const SERVICE_NAME: TwilioCompatError = bad(80602, "Another service has this UniqueName");
pub(super) const SESSION_NAME: TwilioCompatError =
    bad(80603, "Another open session of this service has this UniqueName");
pub(super) const CLOSED: TwilioCompatError = bad(80607, "The session is closed");
pub(super) const STATUS: TwilioCompatError = bad(80608, "The session cannot become this");
pub(super) const CROWDED: TwilioCompatError = bad(80609, "A session has two participants at most");
pub(super) const ALONE: TwilioCompatError = bad(80614, "There is nobody else in the session");
pub(super) const MODE: TwilioCompatError = bad(80616, "The Mode does not let this through");
pub(super) const SIMULTANEOUS: TwilioCompatError =
    wrong(StatusCode::CONFLICT, 80623, "It is being changed by other requests");

// texts
pub(super) const STOPPED: TwilioCompatError =
    bad(80901, "The participant has opted out of texts from this proxy number");
