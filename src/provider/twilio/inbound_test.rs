//! What a form's fields come to: text, media however they are counted, and what is passed on.

use proptest::prelude::*;

use super::*;
use crate::model::Channel;

fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// A good form with more in it.
fn with(more: &[(&str, &str)]) -> Result<InboundMessage, UnreadableWebhook> {
    let mut all = vec![("MessageSid", "SM1"), ("AccountSid", "AC1"), ("From", "+14155550100"), ("To", "+14155550199")];
    all.extend(more);
    parse_inbound(&params(&all))
}

#[test]
fn an_inbound_message_is_read() -> Result<(), UnreadableWebhook> {
    let inbound = with(&[("Body", "Ça va ?"), ("FromCountry", "US")])?;
    assert_eq!((inbound.provider_id.as_str(), inbound.body.as_str()), ("SM1", "Ça va ?"));
    assert_eq!(inbound.carrier.fields.get("FromCountry").map(String::as_str), Some("US"));
    let empty = parse_inbound(&params(&[("SmsSid", "SM1"), ("From", ""), ("To", "2"), ("Body", "")]))?;
    assert_eq!((empty.from.as_str(), empty.body.as_str(), empty.media.len()), ("", "", 0));
    for (pairs, missing) in [
        (&[("MessageSid", "SM1"), ("To", "2")][..], "From"),
        (&[("MessageSid", "SM1"), ("From", "1")], "To"),
        (&[("MessageSid", "SM1"), ("From", "1"), ("To", "")], "To"),
        (&[("MessageSid", ""), ("From", "1"), ("To", "2")], "MessageSid"),
    ] {
        assert_eq!(parse_inbound(&params(pairs)), Err(UnreadableWebhook(missing)));
    }
    let chat = [("MessageSid", "SM1"), ("From", "whatsapp:+14155550100"), ("To", "whatsapp:+14155550199")];
    let chat = parse_inbound(&params(&chat))?;
    assert_eq!((chat.channel, chat.from.as_str(), chat.to.as_str()), {
        (Channel::Whatsapp, "+14155550100", "+14155550199")
    });
    Ok(())
}

#[test]
fn media_are_what_is_there() -> Result<(), UnreadableWebhook> {
    let of = |more: &[(&str, &str)]| -> Result<Vec<String>, UnreadableWebhook> {
        Ok(with(more)?.media.into_iter().map(|media| media.url).collect())
    };
    // as documented, uncounted, counted too low, too high, not in words, with gaps, out of order
    assert_eq!(of(&[("NumMedia", "2"), ("MediaUrl0", "a"), ("MediaUrl1", "b")])?, ["a", "b"]);
    assert_eq!(of(&[("MediaUrl0", "a")])?, ["a"]);
    assert_eq!(of(&[("NumMedia", "0"), ("MediaUrl0", "a"), ("MediaUrl1", "b")])?, ["a", "b"]);
    assert_eq!(of(&[("NumMedia", "5"), ("MediaUrl0", "a")])?, ["a"]);
    assert_eq!(of(&[("NumMedia", "two"), ("MediaUrl1", "b"), ("MediaUrl0", "a")])?, ["a", "b"]);
    assert_eq!(of(&[("NumMedia", "2"), ("MediaUrl0", "a"), ("MediaUrl2", "c")])?, ["a", "c"]);
    assert_eq!(of(&[("MediaUrl0", ""), ("MediaUrl3", "d"), ("MediaUrl3", "again")])?, ["d"]);
    assert_eq!(of(&[("NumMedia", "1"), ("MediaContentType0", "image/png")])?, [""; 0]);
    let many: Vec<(String, String)> = (0..12).map(|n| (format!("MediaUrl{n}"), format!("u{n}"))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, url)| (name.as_str(), url.as_str())).collect();
    assert_eq!(of(&many)?.len(), 12);
    assert_eq!(of(&many)?[10], "u10", "ten is behind nine");
    let typed = with(&[("MediaUrl1", "b"), ("MediaContentType1", "image/gif"), ("MediaUrl0", "a")])?;
    let kinds: Vec<_> = typed.media.iter().map(|media| media.content_type.as_str()).collect();
    assert_eq!(kinds, ["", "image/gif"]);
    Ok(())
}

#[test]
fn what_we_do_not_read_is_passed_on_and_what_is_ours_is_not() -> Result<(), UnreadableWebhook> {
    let passed = [
        ("ProfileName", "Ada"),
        ("WaId", "14155550100"),
        ("Latitude", "37.7"),
        ("ButtonPayload", "yes-1"),
        ("OriginalRepliedMessageSid", "SM9"),
        ("OptOutType", "STOP"),
        ("NumSegments", "1"),
        ("Nobody_Knows", ""),
        ("MediaUrl", "bare"),
        ("MediaUrl01", "odd"),
        // said, and nothing came of it
        ("NumMedia", "2"),
        ("MediaContentType7", "image/png"),
    ];
    let ours = [
        ("SmsSid", "SM1"),
        ("SmsMessageSid", "SM1"),
        ("SmsStatus", "received"),
        ("ApiVersion", "2010-04-01"),
        ("MessagingServiceSid", "MG1"),
        ("ParentAccountSid", "AC0"),
        ("Referer", "https://api.example.org/Accounts/AC1/Messages"),
        ("X-Twilio-Signature", "hush"),
        ("Body", "hello"),
    ];
    let inbound = with(&[&passed[..], &ours].concat())?;
    let mut expected: Vec<_> = passed.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    expected.sort();
    assert_eq!(inbound.carrier.fields.into_iter().collect::<Vec<_>>(), expected);
    assert_eq!((inbound.carrier.omitted, inbound.consent), (0, Some(Keyword::Stop)));
    let counted = with(&[("NumMedia", "1"), ("MediaUrl0", "a"), ("MediaContentType0", "image/png")])?;
    assert!(counted.carrier.is_empty());
    for (word, consent) in
        [("start", Some(Keyword::Start)), (" Help ", Some(Keyword::Help)), ("MAYBE", None), ("", None)]
    {
        assert_eq!(with(&[("OptOutType", word), ("Body", "STOP")])?.consent, consent, "{word:?}");
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_form_panics(names in prop::collection::vec("(NumMedia|MessageSid|From|To|AccountSid|OptOutType|MediaUrl[0-9]{0,12}|MediaContentType0|\\PC{0,8})", 0..8), value in "\\PC{0,20}|[0-9]{0,30}") {
        let form: Vec<_> = names.into_iter().map(|name| (name, value.clone())).collect();
        let _ = parse_inbound(&form);
    }
}
