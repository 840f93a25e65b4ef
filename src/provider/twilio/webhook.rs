//! What Twilio posts to us of ours: receipts of messages, and the steps of calls.

use super::millis;
use crate::model::CallStatus;
use crate::model::message::MessageState;
use crate::provider::post::is_json;
use crate::provider::word::{self, error_code_of};
use crate::provider::{CallNotes, CallStep, DeliveryReceipt, ProviderPost, UnreadableWebhook};

/// The first of these fields, where it says anything.
pub(super) fn value<'a>(params: &'a [(String, String)], names: &[&str]) -> Option<&'a str> {
    let of = |name: &&str| params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    names.iter().filter_map(of).find(|value| !value.is_empty())
}

/// Under which names ids come, the documented one first, and how Twilio's own begin.
const IDS: [(&[&str], [&str; 2]); 2] =
    [(&["MessageSid", "SmsSid", "SmsMessageSid"], ["SM", "MM"]), (&["CallSid"], ["CA", "CA"])];

/// A form names one message, or one call, however often it names it.
pub(super) fn check_ids(params: &[(String, String)], is_twilios: bool) -> Result<(), UnreadableWebhook> {
    for (names, starts) in IDS {
        let named = params.iter().filter(|(name, value)| names.contains(&name.as_str()) && !value.is_empty());
        let mut ids = named.map(|(_, id)| id.as_str());
        let Some(first) = ids.next() else { continue };
        let is_right = !is_twilios || starts.iter().any(|start| first.strip_prefix(start).is_some_and(is_sid));
        if !is_right || ids.any(|id| id != first) {
            return Err(UnreadableWebhook(names[0]));
        }
    }
    // what was cut out of another field would stand behind the number
    let of = |name: &str| ["From", "To", "Called"].into_iter().find(|end| *end == name);
    let cut = params.iter().filter(|(_, value)| is_twilios && !is_whole(value)).find_map(|(name, _)| of(name));
    cut.map_or(Ok(()), |name| Err(UnreadableWebhook(name)))
}

/// Whether a value that begins as a number goes on as one.
fn is_whole(value: &str) -> bool {
    value.strip_prefix('+').is_none_or(|digits| digits.bytes().all(|digit| digit.is_ascii_digit()))
}

/// What is behind the two letters of an id.
fn is_sid(digits: &str) -> bool {
    digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// The names of a form's fields: a signature does not see where a name ends, so that what is none was cut elsewhere.
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// The field that names our call to somebody whom TwiML of ours puts a caller through to: Twilio does not write it.
const LEG: &str = "SwitchboardLeg";

/// The call of ours that a form is about, where the URL names one that we gave for it.
pub(super) fn leg_of(post: &ProviderPost) -> Option<&str> {
    let (_, query) = post.url.split_once('?').filter(|_| !is_json(&post.body))?;
    query.split('&').find_map(|pair| pair.strip_prefix("leg=")).filter(|leg| is_sid(leg))
}

/// A form with that call in it, as it is kept: the URL is not.
pub(super) fn with_leg(form: &str, leg: &str) -> String {
    format!("{LEG}={leg}&{form}")
}

/// The form of a message's status callback, with its newer or older names, which carries no time; or that of a
/// call's, which does.
pub(super) fn parse_receipt(params: &[(String, String)]) -> Result<DeliveryReceipt, UnreadableWebhook> {
    if let Some(sid) = value(params, &["CallSid"]) {
        return parse_call(params, sid);
    }
    let provider_id = value(params, &["MessageSid", "SmsSid"]).ok_or(UnreadableWebhook("MessageSid"))?;
    let word = value(params, &["MessageStatus", "SmsStatus"]).ok_or(UnreadableWebhook("MessageStatus"))?;
    Ok(DeliveryReceipt { error_code: code(params), ..DeliveryReceipt::new(provider_id, state(word), word) })
}

fn code(params: &[(String, String)]) -> Option<i64> {
    error_code_of(value(params, &["ErrorCode"])?)
}

fn parse_call(params: &[(String, String)], sid: &str) -> Result<DeliveryReceipt, UnreadableWebhook> {
    // what came of putting a call through stands beside how that call itself is
    let dialled = value(params, &["DialCallStatus"]);
    let word = dialled.or_else(|| value(params, &["CallStatus"])).ok_or(UnreadableWebhook("CallStatus"))?;
    let length = if dialled.is_some() { "DialCallDuration" } else { "CallDuration" };
    let duration = value(params, &[length]).and_then(|secs| secs.parse().ok()).filter(|secs| *secs >= 0);
    // it is told when that is over
    let status = status(word).map(|status| match status {
        CallStatus::InProgress if dialled.is_some() => CallStatus::Completed,
        status => status,
    });
    let call = status.map(|status| CallStep { status, duration, notes: notes(params) });
    let state = call.as_ref().map(|call| call.status.state());
    let at_ms = millis(value(params, &["Timestamp"]));
    let (sid, message) = (value(params, &["DialCallSid"]).unwrap_or(sid), value(params, &[LEG]).map(str::to_owned));
    let receipt = DeliveryReceipt::new(sid, state, word);
    Ok(DeliveryReceipt { message, error_code: code(params), at_ms, call, ..receipt })
}

/// What is longer than Twilio writes it is left out.
fn notes(params: &[(String, String)]) -> CallNotes {
    let word = |name, longest| value(params, &[name]).filter(|word| word.len() <= longest).map(str::to_owned);
    CallNotes {
        answered_by: word("AnsweredBy", 64),
        recording_url: word("RecordingUrl", 2_048),
        recording_sid: word("RecordingSid", 64),
        recording_duration: word("RecordingDuration", 16),
    }
}

/// Twilio's words for a message (<https://www.twilio.com/docs/messaging/api/message-resource#message-status-values>).
pub(super) fn state(word: &str) -> Option<MessageState> {
    word::state(word, |word| match word {
        // by Twilio, which has not sent it yet
        "accepted" | "scheduled" | "queued" => Some(MessageState::Queued),
        "sending" => Some(MessageState::Sending),
        // some of a group have it
        "sent" | "partially delivered" => Some(MessageState::Sent),
        // a chat app knows when it was read, which is later still
        "delivered" | "read" => Some(MessageState::Delivered),
        "undelivered" => Some(MessageState::Undelivered),
        "failed" => Some(MessageState::Failed),
        "canceled" => Some(MessageState::Canceled),
        _ => None,
    })
}

/// Its words for a call.
fn status(word: &str) -> Option<CallStatus> {
    match word::folded(word).as_str() {
        "answered" => Some(CallStatus::InProgress),
        "cancelled" => Some(CallStatus::Canceled),
        word => CallStatus::parse(&word.replace(' ', "-")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::form;
    use crate::provider::PostKind;

    fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_receipt_has_newer_and_older_names() {
        for (pairs, state, error_code) in [
            (&[("MessageSid", "SM1"), ("MessageStatus", "Delivered")][..], Some(MessageState::Delivered), None),
            (&[("SmsSid", "SM1"), ("SmsStatus", "sent")], Some(MessageState::Sent), None),
            (&[("SmsSid", "SM1"), ("MessageStatus", ""), ("SmsStatus", "READ")], Some(MessageState::Delivered), None),
            (
                &[("MessageSid", "SM1"), ("MessageStatus", "UNDELIV"), ("ErrorCode", "30003")],
                Some(MessageState::Undelivered),
                Some(30_003),
            ),
            (
                &[("MessageSid", "SM1"), ("MessageStatus", "accepted"), ("ErrorCode", "0")],
                Some(MessageState::Queued),
                None,
            ),
            (&[("MessageSid", "SM1"), ("MessageStatus", "ACCEPTD")], Some(MessageState::Sent), None),
            (&[("MessageSid", "SM1"), ("MessageStatus", "teleported"), ("ErrorCode", "")], None, None),
        ] {
            let receipt = parse_receipt(&params(pairs)).map(|read| (read.state, read.error_code));
            assert_eq!(receipt, Ok((state, error_code)), "{pairs:?}");
        }
        assert_eq!(parse_receipt(&params(&[("MessageStatus", "sent")])), Err(UnreadableWebhook("MessageSid")));
    }

    #[test]
    fn ids_agree_and_are_twilio_s_where_it_is_twilio() {
        let [text, picture, call] = ["SM", "MM", "CA"].map(|start| format!("{start}{}", "0123aBcD".repeat(4)));
        let [text, picture, call] = [&*text, &picture, &call];
        for (pairs, here, elsewhere) in [
            (&[("MessageSid", text), ("SmsSid", text), ("SmsMessageSid", text)][..], true, true),
            (&[("MessageSid", picture), ("SmsSid", ""), ("CallSid", call)], true, true),
            (&[("SmsSid", text), ("MessageSid", picture)], false, false),
            (&[("MessageSid", text), ("MessageSid", picture)], false, false),
            (&[("MessageSid", "SM1"), ("SmsSid", "SM1")], false, true),
            (&[("MessageSid", call)], false, true),
            (&[("CallSid", text)], false, true),
            (&[("MessageSid", &text[1..])], false, true),
            (&[("From", "+14155550133"), ("To", "whatsapp:+14155550122"), ("Body", "+1 from me")], true, true),
            (&[("From", "+14155550133From+14155550122")], false, true),
            (&[("To", "+14155550133ToCity")], false, true),
        ] {
            assert_eq!(check_ids(&params(pairs), true).is_ok(), here, "{pairs:?}");
            assert_eq!(check_ids(&params(pairs), false).is_ok(), elsewhere, "{pairs:?}");
        }
    }

    #[test]
    fn names_are_words() {
        for (name, is_good) in [
            ("MediaUrl0", true),
            ("Call_Sid-1.x", true),
            (&*"x".repeat(64), true),
            (&*"x".repeat(65), false),
            ("", false),
            ("From+1", false),
            ("Bödy", false),
            ("Body hello", false),
        ] {
            assert_eq!(is_name(name), is_good, "{name}");
        }
    }

    #[test]
    fn a_call_s_receipt_has_its_word_its_time_and_its_length() -> Result<(), UnreadableWebhook> {
        let receipt = parse_receipt(&params(&[
            ("CallSid", "CA1"),
            ("CallStatus", "completed"),
            ("CallDuration", "42"),
            ("Timestamp", "Tue, 14 Nov 2023 22:13:20 +0000"),
        ]))?;
        assert_eq!((receipt.state, receipt.at_ms), (Some(MessageState::Delivered), Some(1_700_000_000_000)));
        assert_eq!(
            receipt.call,
            Some(CallStep { status: CallStatus::Completed, duration: Some(42), notes: CallNotes::default() })
        );
        for (word, state) in [
            ("initiated", Some(MessageState::Sent)),
            ("in-progress", Some(MessageState::Sent)),
            ("busy", Some(MessageState::Undelivered)),
            ("no-answer", Some(MessageState::Undelivered)),
            ("No_Answer", Some(MessageState::Undelivered)),
            ("IN PROGRESS ", Some(MessageState::Sent)),
            ("Cancelled", Some(MessageState::Canceled)),
            ("failed", Some(MessageState::Failed)),
            ("canceled", Some(MessageState::Canceled)),
            ("teleported", None),
        ] {
            assert_eq!(parse_receipt(&params(&[("CallSid", "CA1"), ("CallStatus", word)]))?.state, state, "{word}");
        }
        assert_eq!(parse_receipt(&params(&[("CallSid", "CA1")])), Err(UnreadableWebhook("CallStatus")));
        Ok(())
    }

    #[test]
    fn what_a_call_was_put_through_to_is_known_by_our_name() -> Result<(), UnreadableWebhook> {
        let leg = "0123456789abcdef0123456789abcdef";
        let post = |url: &str, body: &'static str| ProviderPost {
            what: PostKind::Dial,
            url: url.to_owned(),
            secret: None,
            headers: http::HeaderMap::new(),
            body: body.into(),
        };
        for (url, body, named) in [
            (format!("https://sms.example/webhooks/twilio/dial?leg={leg}"), "CallSid=CA1", Some(leg)),
            (format!("https://sms.example/?a=b&leg={leg}"), "CallSid=CA1", Some(leg)),
            (format!("https://sms.example/?leg={}", &leg[1..]), "CallSid=CA1", None),
            (format!("https://sms.example/?leg={leg}"), "{}", None),
            ("https://sms.example/".to_owned(), "CallSid=CA1", None),
        ] {
            assert_eq!(leg_of(&post(&url, body)), named, "{url}");
        }
        let form =
            form::fields(with_leg("CallSid=CA1&CallStatus=in-progress&DialCallStatus=no-answer", leg).as_bytes());
        let receipt = parse_receipt(&form)?;
        assert_eq!((receipt.id(), receipt.state), (leg, Some(MessageState::Undelivered)));
        for (word, status) in [("answered", CallStatus::Completed), ("canceled", CallStatus::Canceled)] {
            let dialled =
                [("CallSid", "CA1"), ("DialCallSid", "CA2"), ("DialCallStatus", word), ("DialCallDuration", "7")];
            let receipt = parse_receipt(&params(&dialled))?;
            let step = receipt.call.map(|call| (call.status, call.duration));
            assert_eq!((receipt.provider_id.as_str(), step), ("CA2", Some((status, Some(7)))), "{word}");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn no_form_panics(names in prop::collection::vec("(CallSid|CallStatus|CallDuration|Timestamp|MessageSid|\\PC{0,8})", 0..8), value in "\\PC{0,20}|[0-9]{0,30}") {
            let form: Vec<_> = names.into_iter().map(|name| (name, value.clone())).collect();
            let _ = parse_receipt(&form);
        }
    }
}
