//! What Twilio is asked, and what its answers mean.

use super::list::TRIAL;
use super::*;
use crate::model::{SecretReference, VerificationId};
use crate::provider::OutgoingSecret;
use crate::provider::mock::{Act, Mock, Result, client, outgoing, reply, settings};

const CREATED: &str = r#"{"sid":"SM1","status":"queued","num_segments":"2","error_code":null,"to":"+14155550100"}"#;

fn account(is_key: bool) -> TwilioCredentials {
    let key = is_key.then(|| ("SK1".to_owned(), Secret::new("key-secret".into())));
    TwilioCredentials {
        account_sid: "AC1".into(),
        auth_token: Secret::new("token".into()),
        api_key: key.as_ref().map(|(name, _)| name.clone()),
        api_secret: key.map(|(_, secret)| secret),
    }
}

fn twilio(url: &str) -> Result<Twilio> {
    let settings = settings(url)?;
    Ok(Twilio::open(&account(false), &settings, &client(&settings)?))
}

async fn outcome(act: Act) -> Result<SendOutcome> {
    let mock = Mock::start(vec![act]).await?;
    Ok(twilio(&mock.url)?.send(&outgoing("+14155550100", "hello")).await)
}

#[tokio::test]
async fn a_send_is_the_form_that_twilio_documents() -> Result {
    let mock = Mock::start(vec![reply("201 Created", "", CREATED)]).await?;
    let message = OutgoingMessage {
        media_urls: vec!["https://a/1?x=y&z".into(), "https://a/2".into()],
        valid_for_secs: Some(90_000),
        status_url: Some("https://gw/status".into()),
        ..outgoing("+14155550100", "Ça + 1&2 ✓")
    };
    let sent = twilio(&mock.url)?.send(&message).await;
    assert_eq!(sent, SendOutcome::Accepted { provider_id: "SM1".into(), segments: Some(2) });
    let asked = mock.asked().remove(0);
    assert!(asked.starts_with("POST /2010-04-01/Accounts/AC1/Messages.json HTTP/1.1\r\n"), "{asked}");
    let head = asked.to_lowercase();
    assert!(head.contains("content-type: application/x-www-form-urlencoded\r\n"), "{asked}");
    // AC1:token
    assert!(asked.contains("Basic QUMxOnRva2Vu\r\n"), "{asked}");
    let form = "To=%2B14155550100&From=%2B14155550199&Body=%C3%87a+%2B+1%262+%E2%9C%93\
                &MediaUrl=https%3A%2F%2Fa%2F1%3Fx%3Dy%26z&MediaUrl=https%3A%2F%2Fa%2F2\
                &StatusCallback=https%3A%2F%2Fgw%2Fstatus&ValidityPeriod=36000";
    assert!(asked.ends_with(form), "{asked}");
    Ok(())
}

#[tokio::test]
async fn a_template_is_sent_with_its_code_and_found_by_it() -> Result {
    let (reference, stored) = SecretReference::take_out(VerificationId::new(1), 6, "Your code is \u{E0C0}.");
    let body = reference.put_in(&stored, "048213");
    let secret = OutgoingSecret { reference, code: Secret::new("048213".into()), stored };
    let message = OutgoingMessage {
        channel: Channel::Whatsapp,
        template: Some("HX00".into()),
        secret: Some(secret),
        ..outgoing("+14155550100", &body)
    };
    let listed = |body: &str| {
        let (from, to) = ("whatsapp:+14155550199", "whatsapp:+14155550100");
        format!(
            r#"{{"sid":"SM1","from":"{from}","to":"{to}","body":"{body}","direction":"outbound-api",
                "date_created":"Tue, 14 Nov 2023 22:13:20 +0000"}}"#
        )
    };
    let page = format!(r#"{{"messages":[{},{}]}}"#, listed("048213 is your code."), listed("Your code is 111111."));
    let mock = Mock::start(vec![reply("201 Created", "", CREATED), reply("200 OK", "", &page)]).await?;
    let twilio = twilio(&mock.url)?;
    twilio.send(&message).await;
    assert_eq!(twilio.find(&message, 1_700_000_000_000).await?.len(), 1, "the carrier's words are its own");
    let asked = mock.asked().remove(0);
    let form = "To=whatsapp%3A%2B14155550100&From=whatsapp%3A%2B14155550199&ContentSid=HX00\
                &ContentVariables=%7B%221%22%3A%22048213%22%7D";
    assert!(asked.ends_with(form), "{asked}");
    Ok(())
}

#[tokio::test]
async fn only_the_id_of_what_was_made_must_be_readable() -> Result {
    for (body, segments) in [
        (r#"{"sid":"SM1","num_segments":"0"}"#, None),
        (r#"{"sid":"SM1","num_segments":3,"to":7}"#, None),
        ("\u{feff}{\"sid\":\"SM1\"}", None),
    ] {
        let accepted = SendOutcome::Accepted { provider_id: "SM1".into(), segments };
        assert_eq!(outcome(reply("201 Created", "", body)).await?, accepted);
    }
    Ok(())
}

#[tokio::test]
async fn an_api_key_logs_in_and_a_service_sends() -> Result {
    let mock = Mock::start(vec![reply("201 Created", "", CREATED)]).await?;
    let settings = settings(&mock.url)?;
    let twilio = Twilio::open(&account(true), &settings, &client(&settings)?);
    let service = format!("MG{}", "0".repeat(32));
    twilio.send(&OutgoingMessage { from: service.clone(), ..outgoing("+14155550100", "hello") }).await;
    let asked = mock.asked().remove(0);
    // SK1:key-secret
    assert!(asked.contains("Basic U0sxOmtleS1zZWNyZXQ=\r\n") && asked.contains("/Accounts/AC1/"), "{asked}");
    assert!(asked.ends_with(&format!("To=%2B14155550100&MessagingServiceSid={service}&Body=hello")), "{asked}");
    Ok(())
}

#[tokio::test]
async fn refusals_are_final_and_say_why() -> Result {
    let body = r#"{"code":21211,"message":"Invalid 'To' Phone Number","more_info":"…","status":400}"#;
    let refused = SendOutcome::Refused { code: Some(21_211), reason: "Invalid 'To' Phone Number".into() };
    assert_eq!(outcome(reply("400 Bad Request", "", body)).await?, refused);
    let refused = SendOutcome::Refused { code: None, reason: "HTTP 404".into() };
    assert_eq!(outcome(reply("404 Not Found", "", "<html>")).await?, refused);
    // the status is known, though the words broke off
    let cut = Act::SayAndClose("HTTP/1.1 400 Bad\r\nContent-Length: 99\r\n\r\n{\"code\"".into());
    assert_eq!(outcome(cut).await?, SendOutcome::Refused { code: None, reason: "HTTP 400".into() });
    Ok(())
}

#[tokio::test]
async fn what_was_not_taken_is_sent_again() -> Result {
    let secs = |secs| Some(std::time::Duration::from_secs(secs));
    let body = r#"{"code":20429,"message":"Too Many Requests","status":429}"#;
    let throttled = |after| SendOutcome::Throttled { after, reason: "Too Many Requests".into() };
    assert_eq!(outcome(reply("429 Too Many Requests", "Retry-After: 7\r\n", body)).await?, throttled(secs(7)));
    assert_eq!(outcome(reply("429 Too Many Requests", "", body)).await?, throttled(None));
    let past = "Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n";
    assert_eq!(outcome(reply("429 Too Many Requests", past, body)).await?, throttled(secs(0)));
    let full = r#"{"code":21611,"message":"queue full","status":400}"#;
    assert!(matches!(outcome(reply("400 Bad Request", "", full)).await?, SendOutcome::Throttled { after: None, .. }));
    for status in ["500 Internal Server Error", "503 Service Unavailable", "302 Found"] {
        let found = outcome(reply(status, "Location: http://127.0.0.1:1/\r\n", "")).await?;
        assert!(matches!(found, SendOutcome::Unreachable { .. }), "{status}: {found:?}");
    }
    Ok(())
}

#[tokio::test]
async fn what_may_have_been_sent_is_uncertain() -> Result {
    let long = format!("{{\"sid\":\"SM1\",\"body\":\"{}\"}}", "x".repeat(5_000_000));
    for act in [
        reply("200 OK", "", "garbage"),
        reply("201 Created", "", r#"{"sid":""}"#),
        reply("201 Created", "", &long),
        reply("502 Bad Gateway", "", ""),
        reply("504 Gateway Timeout", "", ""),
        Act::SayAndClose("HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{\"sid\":\"SM1\",".into()),
        Act::SayAndClose(String::new()),
        Act::SayAndClose("SSH-2.0-OpenSSH\r\n\r\n".into()),
        Act::Hang,
    ] {
        let found = outcome(act).await?;
        assert!(matches!(found, SendOutcome::Uncertain { .. }), "{found:?}");
    }
    Ok(())
}

fn listed(sid: &str, body: &str, created: &str) -> String {
    format!(
        r#"{{"sid":"{sid}","status":"sent","from":"+14155550199","to":"+14155550100","body":"{body}",
        "date_created":"{created}","direction":"outbound-api","num_segments":"1"}}"#
    )
}

#[tokio::test]
async fn a_search_reads_every_page_and_keeps_what_may_be_ours() -> Result {
    let at = "Tue, 14 Nov 2023 22:13:20 +0000";
    let next = "/2010-04-01/Accounts/AC1/Messages.json?Page=1&PageToken=x";
    let first = format!(
        r#"{{"messages":[{},{},{}],"next_page_uri":"{next}"}}"#,
        listed("SM1", "hello", at),
        listed("SM2", "another", at),
        listed("SM3", "hello", "Tue, 14 Nov 2023 22:13:19 +0000")
    );
    let trial = listed("SM4", &format!("{TRIAL}hello"), at);
    let second = format!(r#"{{"messages":[{trial}],"next_page_uri":"https://elsewhere/"}}"#);
    let mock = Mock::start(vec![reply("200 OK", "", &first), reply("200 OK", "", &second)]).await?;
    let found = twilio(&mock.url)?.find(&outgoing("+14155550100", "hello"), 1_700_000_000_900).await?;
    assert_eq!(found.iter().map(|sent| sent.provider_id.as_str()).collect::<Vec<_>>(), ["SM1", "SM4"]);
    assert_eq!(found[0].created_ms, 1_700_000_000_000);
    assert_eq!(found[1].body, "hello", "what a trial account puts before it is not ours");
    let asked = mock.asked();
    let query = "Messages.json?To=%2B14155550100&DateSent%3E=2023-11-14&From=%2B14155550199&PageSize=100 HTTP/1.1";
    assert!(asked.len() == 2 && asked[0].contains(query) && asked[1].starts_with(&format!("GET {next} ")), "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn what_is_refused_is_the_account_the_message_or_nobody_says() -> Result {
    for (status, code, wanted) in [
        ("401 Unauthorized", 20_003, "Denied"),
        ("401 Unauthorized", 1, "Denied"),
        ("402 Payment Required", 1, "Denied"),
        ("403 Forbidden", 20_005, "Denied"),
        ("403 Forbidden", 20_006, "Denied"),
        ("403 Forbidden", 21_408, "Forbidden"),
        ("400 Bad Request", 10_001, "Denied"),
        ("400 Bad Request", 21_606, "Refused"),
        ("429 Too Many Requests", 63_038, "Throttled"),
        ("500 Oops", 20_003, "Unreachable"),
    ] {
        // a number, as it is documented, or its text, as some who stand between write it
        for code in [code.to_string(), format!("\"{code}\"")] {
            let body = format!(r#"{{"code":{code},"message":"so it is","status":400}}"#);
            let mock = Mock::start(vec![reply(status, "", &body)]).await?;
            let connector = crate::provider::Connector::Twilio(twilio(&mock.url)?);
            let found = connector.send(&outgoing("+14155550100", "hello")).await;
            assert!(format!("{found:?}").starts_with(wanted), "{status} {code}: {found:?}");
        }
    }
    let nothing = outcome(reply("403 Forbidden", "", "<html>")).await?;
    assert_eq!(nothing, SendOutcome::Forbidden { code: None, reason: "HTTP 403".into() });
    Ok(())
}

#[tokio::test]
async fn questions_are_answered_or_told_why_not() -> Result {
    let denied = reply("401 Unauthorized", "", r#"{"code":20003,"message":"Authenticate"}"#);
    let lookup = r#"{"valid":true,"country_code":"US","national_format":"(415) 555-0100"}"#;
    let mock =
        Mock::start(vec![reply("200 OK", "", "{}"), denied, reply("200 OK", "", lookup), reply("500 Oops", "", "")])
            .await?;
    let twilio = twilio(&mock.url)?;
    assert_eq!(twilio.check().await, Ok(()));
    assert_eq!(twilio.check().await, Err(AskError::Denied { reason: "Authenticate".into() }));
    assert_eq!(twilio.ask_about("+14155550100").await?.country.as_deref(), Some("US"));
    assert!(matches!(twilio.check().await, Err(AskError::Unreachable { .. })));
    // no money left is the account's too, not what was asked
    let unpaid = Mock::start(vec![reply("402 Payment Required", "", "")]).await?;
    let found = self::twilio(&unpaid.url)?.check().await;
    assert_eq!(found, Err(AskError::Denied { reason: "HTTP 402".into() }));
    let asked = mock.asked();
    assert!(asked[0].starts_with("GET /2010-04-01/Accounts/AC1/Messages.json?PageSize=1 "), "{asked:?}");
    assert!(asked[2].starts_with("GET /v2/PhoneNumbers/%2B14155550100 "), "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn media_of_the_account_alone_get_its_login() -> Result {
    let twilio = twilio("http://127.0.0.1:9")?;
    let below = |base: &str, account: &str| format!("{base}/2010-04-01/Accounts/{account}/Messages/MM1/Media/ME1");
    let login = twilio.media_login(&below("http://127.0.0.1:9", "AC1")).map(|(user, secret)| (user, secret.expose()));
    assert_eq!(login, Some(("AC1", "token")));
    for other in [("http://127.0.0.1:9", "AC12"), ("https://api.twilio.com", "AC1"), ("http://127.0.0.1:98", "AC1")] {
        assert!(twilio.media_login(&below(other.0, other.1)).is_none(), "{other:?}");
    }
    Ok(())
}
