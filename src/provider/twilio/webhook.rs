//! What Twilio posts to us: messages that came in, and receipts of ours.

use super::millis;
use crate::model::{CallStatus, Channel};
use crate::provider::{CallNotes, CallStep, Inbound, Media, Receipt, ReceiptState, Unreadable};

/// Answers an inbound message without a reply of ours (`text/xml`).
pub const EMPTY_TWIML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";

/// More media than any carrier takes.
const MEDIA: usize = 100;

fn value<'a>(params: &'a [(String, String)], names: &[&str]) -> Option<&'a str> {
    let of = |name: &&str| params.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    names.iter().find_map(of).filter(|value| !value.is_empty())
}

/// The form of an inbound message. Unknown fields are left alone.
pub fn parse_inbound(params: &[(String, String)]) -> Result<Inbound, Unreadable> {
    let provider_id = value(params, &["MessageSid", "SmsSid", "SmsMessageSid"]).ok_or(Unreadable("MessageSid"))?;
    let from = value(params, &["From"]).ok_or(Unreadable("From"))?;
    let to = value(params, &["To"]).ok_or(Unreadable("To"))?;
    let count = value(params, &["NumMedia"]).and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
    let media = (0..count.min(MEDIA)).filter_map(|n| {
        let url = value(params, &[&format!("MediaUrl{n}")])?.to_owned();
        let content_type = value(params, &[&format!("MediaContentType{n}")]).unwrap_or_default().to_owned();
        Some(Media { url, content_type })
    });
    // both are written in the same way
    let ((channel, from), (_, to)) = (Channel::read(from), Channel::read(to));
    Ok(Inbound {
        provider_id: provider_id.to_owned(),
        channel,
        from: from.to_owned(),
        to: to.to_owned(),
        body: value(params, &["Body"]).unwrap_or_default().to_owned(),
        media: media.collect(),
    })
}

/// The form of a message's status callback, with its newer or older names, which carries no time; or that of a
/// call's, which does.
pub fn parse_receipt(params: &[(String, String)]) -> Result<Receipt, Unreadable> {
    if let Some(sid) = value(params, &["CallSid"]) {
        return parse_call(params, sid);
    }
    let provider_id = value(params, &["MessageSid", "SmsSid"]).ok_or(Unreadable("MessageSid"))?;
    let status = value(params, &["MessageStatus", "SmsStatus"]).ok_or(Unreadable("MessageStatus"))?;
    let error_code = value(params, &["ErrorCode"]).and_then(|code| code.parse().ok());
    Ok(Receipt { provider_id: provider_id.to_owned(), state: state(status), error_code, at_ms: None, call: None })
}

fn parse_call(params: &[(String, String)], sid: &str) -> Result<Receipt, Unreadable> {
    let word = value(params, &["CallStatus"]).ok_or(Unreadable("CallStatus"))?;
    let duration = value(params, &["CallDuration"]).and_then(|secs| secs.parse().ok()).filter(|secs| *secs >= 0);
    let call = CallStatus::parse(word).map(|status| CallStep { status, duration, notes: notes(params) });
    Ok(Receipt {
        provider_id: sid.to_owned(),
        state: call.as_ref().map_or(ReceiptState::Unknown, |call| call.status.into()),
        error_code: value(params, &["ErrorCode"]).and_then(|code| code.parse().ok()),
        at_ms: millis(value(params, &["Timestamp"])),
        call,
    })
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

pub(super) fn state(word: &str) -> ReceiptState {
    match word {
        "accepted" | "scheduled" | "queued" => ReceiptState::Queued,
        "sending" => ReceiptState::Sending,
        "sent" => ReceiptState::Sent,
        // a chat app knows when it was read, which is later still
        "delivered" | "read" => ReceiptState::Delivered,
        "undelivered" => ReceiptState::Undelivered,
        "failed" => ReceiptState::Failed,
        "canceled" => ReceiptState::Canceled,
        _ => ReceiptState::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn an_inbound_message_has_its_media() -> Result<(), Unreadable> {
        let inbound = parse_inbound(&params(&[
            ("MessageSid", "MM1"),
            ("From", "+14155550100"),
            ("To", "+14155550199"),
            ("Body", "Ça va ?"),
            ("NumMedia", "2"),
            ("MediaUrl0", "https://a/0"),
            ("MediaContentType0", "image/png"),
            ("MediaUrl1", "https://a/1"),
            ("FromCountry", "US"),
        ]))?;
        assert_eq!((inbound.provider_id.as_str(), inbound.body.as_str()), ("MM1", "Ça va ?"));
        assert_eq!(
            inbound.media.iter().map(|media| media.url.as_str()).collect::<Vec<_>>(),
            ["https://a/0", "https://a/1"]
        );
        let empty = parse_inbound(&params(&[("SmsSid", "SM1"), ("From", "1"), ("To", "2"), ("Body", "")]))?;
        assert_eq!((empty.body.as_str(), empty.media.len()), ("", 0));
        assert_eq!(parse_inbound(&params(&[("MessageSid", "SM1"), ("To", "2")])), Err(Unreadable("From")));
        let chat = [("MessageSid", "SM1"), ("From", "whatsapp:+14155550100"), ("To", "whatsapp:+14155550199")];
        let chat = parse_inbound(&params(&chat))?;
        assert_eq!((chat.channel, chat.from.as_str(), chat.to.as_str()), {
            (Channel::Whatsapp, "+14155550100", "+14155550199")
        });
        Ok(())
    }

    #[test]
    fn a_receipt_has_newer_and_older_names() {
        for (pairs, state, error_code) in [
            (&[("MessageSid", "SM1"), ("MessageStatus", "delivered")][..], ReceiptState::Delivered, None),
            (&[("SmsSid", "SM1"), ("SmsStatus", "sent")], ReceiptState::Sent, None),
            (
                &[("MessageSid", "SM1"), ("MessageStatus", "undelivered"), ("ErrorCode", "30003")],
                ReceiptState::Undelivered,
                Some(30_003),
            ),
            (&[("MessageSid", "SM1"), ("MessageStatus", "teleported"), ("ErrorCode", "")], ReceiptState::Unknown, None),
        ] {
            let receipt = Receipt { provider_id: "SM1".into(), state, error_code, at_ms: None, call: None };
            assert_eq!(parse_receipt(&params(pairs)), Ok(receipt));
        }
        assert_eq!(parse_receipt(&params(&[("MessageStatus", "sent")])), Err(Unreadable("MessageSid")));
    }

    #[test]
    fn a_call_s_receipt_has_its_word_its_time_and_its_length() -> Result<(), Unreadable> {
        let receipt = parse_receipt(&params(&[
            ("CallSid", "CA1"),
            ("CallStatus", "completed"),
            ("CallDuration", "42"),
            ("Timestamp", "Tue, 14 Nov 2023 22:13:20 +0000"),
        ]))?;
        assert_eq!((receipt.state, receipt.at_ms), (ReceiptState::Delivered, Some(1_700_000_000_000)));
        assert_eq!(
            receipt.call,
            Some(CallStep { status: CallStatus::Completed, duration: Some(42), notes: CallNotes::default() })
        );
        for (word, state) in [
            ("initiated", ReceiptState::Sent),
            ("in-progress", ReceiptState::Sent),
            ("busy", ReceiptState::Undelivered),
            ("no-answer", ReceiptState::Undelivered),
            ("failed", ReceiptState::Failed),
            ("canceled", ReceiptState::Canceled),
            ("teleported", ReceiptState::Unknown),
        ] {
            assert_eq!(parse_receipt(&params(&[("CallSid", "CA1"), ("CallStatus", word)]))?.state, state, "{word}");
        }
        assert_eq!(parse_receipt(&params(&[("CallSid", "CA1")])), Err(Unreadable("CallStatus")));
        Ok(())
    }

    proptest! {
        #[test]
        fn no_form_panics(names in prop::collection::vec("(NumMedia|CallSid|CallStatus|CallDuration|Timestamp|MessageSid|From|To|MediaUrl0|\\PC{0,8})", 0..8), value in "\\PC{0,20}|[0-9]{0,30}") {
            let form: Vec<_> = names.into_iter().map(|name| (name, value.clone())).collect();
            let _ = (parse_inbound(&form), parse_receipt(&form));
        }
    }
}
