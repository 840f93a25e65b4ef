//! How receipts are read whose carriers write them in many ways: words in any case and form, codes of any type.
//!
//! Each carrier has its own words in its folder; over those stand the states of SMPP, which most pass on from the
//! centres behind them (SMPP 5.0, 4.7.15 and appendix B of 3.4: `message_state`, and `stat:` of a receipt's text).

use serde_json::Value;

use crate::model::message::MessageState;

/// A word as the tables have it: lower case, one blank where anything but letters and digits stood, and without what
/// says no more than that a word follows.
pub(super) fn folded(word: &str) -> String {
    let parts: Vec<String> =
        word.split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
    let is_said = |part: &String| matches!(part.as_str(), "message" | "msg" | "sms" | "stat" | "state" | "status");
    let first = parts.iter().position(|part| !is_said(part)).unwrap_or(0);
    parts[first.min(parts.len())..].join(" ")
}

/// What a word means that a carrier's own table, which knows it folded, does not decide.
pub(super) fn state(word: &str, own: impl Fn(&str) -> Option<MessageState>) -> Option<MessageState> {
    let word = folded(word);
    own(&word).or_else(|| smpp(&word))
}

/// The states of SMPP, whole and in seven letters, and how they are written where they are passed on.
fn smpp(word: &str) -> Option<MessageState> {
    Some(match word {
        "scheduled" | "schedld" | "queued" => MessageState::Queued,
        "sending" | "pending" | "buffered" => MessageState::Sending,
        // a centre behind the carrier has it, the phone has not
        "enroute" | "en route" | "acceptd" | "accepted" | "sent" | "submitted" | "submitd" => MessageState::Sent,
        "delivrd" | "delivered" | "deliverd" => MessageState::Delivered,
        "undeliv" | "undelivered" | "undeliverable" | "not delivered" | "non delivered" | "expired" | "deleted"
        | "skipped" => MessageState::Undelivered,
        "rejectd" | "rejected" | "failed" | "failure" | "error" | "blocked" => MessageState::Failed,
        "canceled" | "cancelled" => MessageState::Canceled,
        // and `unknown`, which is one of them
        _ => return None,
    })
}

/// The code of an error, a number or the text of one. `0` is how some write that there was none.
pub(super) fn error_code(value: &Value) -> Option<i64> {
    value.as_i64().map_or_else(|| error_code_of(value.as_str()?), some_code)
}

/// The code and the words of the first of several errors, as JSON:API (<https://jsonapi.org>) writes them; which field
/// has the code depends on the carrier.
pub(super) fn first_error(body: &[u8], code: &str) -> Option<(Option<i64>, String)> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("errors")?.get(0)?;
    let words = error["detail"].as_str().or_else(|| error["title"].as_str()).unwrap_or_default();
    Some((error_code(&error[code]), words.to_owned()))
}

pub(super) fn error_code_of(text: &str) -> Option<i64> {
    some_code(text.trim().parse().ok()?)
}

fn some_code(code: i64) -> Option<i64> {
    (code > 0).then_some(code)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_read_in_any_case_and_form() {
        let none = |_: &str| None;
        for (words, expected) in [
            (
                &["DELIVRD", "Delivered", " delivered\t", "message delivered", "stat:DELIVRD", "DELIVERED."][..],
                Some(MessageState::Delivered),
            ),
            (
                &[
                    "UNDELIV",
                    "Undeliverable",
                    "EXPIRED",
                    "deleted",
                    "not_delivered",
                    "NON-DELIVERED",
                    "status: Expired",
                ],
                Some(MessageState::Undelivered),
            ),
            (&["REJECTD", "Rejected", "FAILED", "message rejected"], Some(MessageState::Failed)),
            (&["ACCEPTD", "accepted", "ENROUTE", "En-Route", "en_route", "Submitted"], Some(MessageState::Sent)),
            (&["Cancelled", "CANCELED"], Some(MessageState::Canceled)),
            (&["SCHEDULED", "queued"], Some(MessageState::Queued)),
            (
                &["UNKNOWN", "unknown", "", " ", "message", "teleported", "delivered to the carrier", "delivery", "✓"],
                None,
            ),
        ] {
            for word in words {
                assert_eq!(state(word, none), expected, "{word:?}");
            }
        }
        let own = |word: &str| (word == "accepted").then_some(MessageState::Queued);
        assert_eq!(state("ACCEPTED", own), Some(MessageState::Queued), "a carrier's own table goes first");
        assert_eq!(state("ACCEPTD", own), Some(MessageState::Sent));
    }

    #[test]
    fn no_error_has_many_forms() {
        for none in [json!(0), json!("0"), json!("000"), json!(""), json!(" "), json!("null"), json!(null), json!(-1)] {
            assert_eq!(error_code(&none), None, "{none}");
        }
        for none in [json!("None"), json!([30003]), json!(1.5), json!("30003x")] {
            assert_eq!(error_code(&none), None, "{none}");
        }
        for some in [json!(30003), json!("30003"), json!(" 30003 "), json!("030003")] {
            assert_eq!(error_code(&some), Some(30_003), "{some}");
        }
    }

    proptest! {
        #[test]
        fn folding_is_done_once(word in "[ -~]{0,30}") {
            let once = folded(&word);
            prop_assert_eq!(folded(&once), once.clone());
            prop_assert_eq!(state(&word, |_| None), state(&word.to_uppercase(), |_| None));
        }
    }
}
