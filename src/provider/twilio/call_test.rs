//! What Twilio is asked for calls and WhatsApp messages, and what its answers mean.

use crate::model::{CallOptions, CallPlan, Channel, FetchMethod, MachineDetection, Secret};
use crate::provider::mock::{Act, Mock, Result, client, outgoing, reply, settings};
use crate::provider::twilio::{Twilio, TwilioCredentials};
use crate::provider::{AskError, CallHangupMode, OutgoingMessage, Provider, SendOutcome};

fn twilio(url: &str) -> Result<Twilio> {
    let settings = settings(url)?;
    let account = TwilioCredentials {
        account_sid: "AC1".into(),
        auth_token: Secret::new("token".into()),
        api_key: None,
        api_secret: None,
    };
    Ok(Twilio::open(&account, &settings, &client(&settings)?))
}

fn call(instructions: CallPlan) -> OutgoingMessage {
    OutgoingMessage { channel: Channel::Voice, instructions: Some(instructions), ..outgoing("+14155550100", "") }
}

fn greeting() -> OutgoingMessage {
    call(CallPlan { twiml: Some("<Response><Say>Hi</Say></Response>".into()), ..CallPlan::default() })
}

async fn placed(act: Act) -> Result<SendOutcome> {
    let mock = Mock::start(vec![act]).await?;
    Ok(twilio(&mock.url)?.send(&greeting()).await)
}

#[tokio::test]
async fn a_call_is_the_form_that_twilio_documents() -> Result {
    let created = reply("201 Created", "", r#"{"sid":"CA1","status":"queued"}"#);
    let mock = Mock::start(vec![created]).await?;
    let twilio = twilio(&mock.url)?;
    let sent = twilio.send(&greeting()).await;
    assert_eq!(sent, SendOutcome::Accepted { provider_id: "CA1".into(), segments: None });
    let by_url = call(CallPlan { url: Some("https://a/x?y=1&z".into()), ..CallPlan::default() });
    twilio.send(&OutgoingMessage { status_url: Some("https://gw/status".into()), ..by_url }).await;
    let asked = mock.asked();
    assert!(asked[0].starts_with("POST /2010-04-01/Accounts/AC1/Calls.json HTTP/1.1\r\n"), "{asked:?}");
    let twiml = "%3CResponse%3E%3CSay%3EHi%3C%2FSay%3E%3C%2FResponse%3E";
    assert!(asked[0].ends_with(&format!("To=%2B14155550100&From=%2B14155550199&Twiml={twiml}")), "{asked:?}");
    let form = "To=%2B14155550100&From=%2B14155550199&Url=https%3A%2F%2Fa%2Fx%3Fy%3D1%26z\
                &StatusCallback=https%3A%2F%2Fgw%2Fstatus&StatusCallbackEvent=initiated&StatusCallbackEvent=ringing\
                &StatusCallbackEvent=answered&StatusCallbackEvent=completed";
    assert!(asked[1].ends_with(form), "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn a_call_is_made_as_its_client_says() -> Result {
    let mock = Mock::start(vec![reply("201 Created", "", r#"{"sid":"CA1"}"#)]).await?;
    let dialing = CallOptions {
        method: Some(FetchMethod::Get),
        fallback_url: Some("https://a/b?c=1".into()),
        fallback_method: Some(FetchMethod::Post),
        send_digits: Some("ww12#".into()),
        timeout_secs: Some(15),
        record: Some(true),
        machine_detection: Some(MachineDetection::DetectMessageEnd),
    };
    twilio(&mock.url)?.send(&call(CallPlan { url: Some("https://a/x".into()), dialing, ..CallPlan::default() })).await;
    let form = "&Url=https%3A%2F%2Fa%2Fx&Method=GET&FallbackUrl=https%3A%2F%2Fa%2Fb%3Fc%3D1&FallbackMethod=POST\
                &SendDigits=ww12%23&Timeout=15&Record=true&MachineDetection=DetectMessageEnd";
    let asked = mock.asked();
    assert!(asked[0].ends_with(form), "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn the_outcomes_of_calls_are_those_of_messages() -> Result {
    let refused = reply("400 Bad Request", "", r#"{"code":21219,"message":"unverified"}"#);
    assert_eq!(placed(refused).await?, SendOutcome::Refused { code: Some(21_219), reason: "unverified".into() });
    assert!(matches!(placed(reply("429 Slow", "", "")).await?, SendOutcome::Throttled { .. }));
    assert!(matches!(placed(reply("503 Away", "", "")).await?, SendOutcome::Unreachable { .. }));
    for lost in [reply("201 Created", "", "{}"), reply("502 Oops", "", ""), Act::SayAndClose(String::new())] {
        assert!(matches!(placed(lost).await?, SendOutcome::Uncertain { .. }));
    }
    Ok(())
}

#[tokio::test]
async fn calls_are_found_by_both_numbers_back_to_a_time() -> Result {
    let listed = |sid: &str, from: &str, at: &str| {
        format!(
            r#"{{"sid":"{sid}","from":"{from}","to":"+14155550100","direction":"outbound-api","date_created":"{at}"}}"#
        )
    };
    let (ours, at) = ("+14155550199", "Tue, 14 Nov 2023 22:13:20 +0000");
    let next = "/2010-04-01/Accounts/AC1/Calls.json?Page=1&PageToken=x";
    let inbound = listed("CA3", ours, at).replace("outbound-api", "inbound");
    let first = [listed("CA1", ours, at), listed("CA2", "+1", at), inbound].join(",");
    let second = [listed("CA4", ours, at), listed("CA5", ours, "Tue, 14 Nov 2023 22:13:19 +0000")].join(",");
    let page = |calls: &str| reply("200 OK", "", &format!(r#"{{"calls":[{calls}],"next_page_uri":"{next}"}}"#));
    let mock = Mock::start(vec![page(&first), page(&second), reply("500 Oops", "", "")]).await?;
    let found = twilio(&mock.url)?.find(&greeting(), 1_700_000_000_900).await?;
    assert_eq!(found.iter().map(|sent| sent.provider_id.as_str()).collect::<Vec<_>>(), ["CA1", "CA4"]);
    let asked = mock.asked();
    assert_eq!(asked.len(), 2, "what is older is not asked for");
    assert!(asked[0].contains("Calls.json?To=%2B14155550100&From=%2B14155550199&PageSize=100 HTTP"), "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn a_call_is_ended_by_its_status() -> Result {
    let over = reply("400 Bad Request", "", r#"{"code":21220,"message":"Invalid call state"}"#);
    let mock = Mock::start(vec![reply("200 OK", "", "{}"), reply("200 OK", "", "{}"), over]).await?;
    let twilio = twilio(&mock.url)?;
    assert_eq!(twilio.end_call("CA1", CallHangupMode::Completed).await, Ok(()));
    assert_eq!(twilio.end_call("CA1", CallHangupMode::Canceled).await, Ok(()));
    let refused = AskError::Refused { code: Some(21_220), reason: "Invalid call state".into() };
    assert_eq!(twilio.end_call("CA1", CallHangupMode::Completed).await, Err(refused));
    let asked = mock.asked();
    assert!(asked[0].starts_with("POST /2010-04-01/Accounts/AC1/Calls/CA1.json HTTP"), "{asked:?}");
    assert!(asked[0].ends_with("Status=completed") && asked[1].ends_with("Status=canceled"), "{asked:?}");
    Ok(())
}

#[tokio::test]
async fn whatsapp_addresses_are_written_with_their_prefix() -> Result {
    let at = "Tue, 14 Nov 2023 22:13:20 +0000";
    let listed = |sid: &str, prefix: &str| {
        format!(
            r#"{{"sid":"{sid}","from":"{prefix}+14155550199","to":"{prefix}+14155550100","body":"hello","direction":"outbound-api","date_created":"{at}"}}"#
        )
    };
    let page = format!(r#"{{"messages":[{},{}]}}"#, listed("SM1", "whatsapp:"), listed("SM2", ""));
    let mock = Mock::start(vec![reply("201 Created", "", r#"{"sid":"SM1"}"#), reply("200 OK", "", &page)]).await?;
    let twilio = twilio(&mock.url)?;
    let message = OutgoingMessage { channel: Channel::Whatsapp, ..outgoing("+14155550100", "hello") };
    twilio.send(&message).await;
    let found = twilio.find(&message, 1_700_000_000_000).await?;
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].provider_id.as_str(), found[0].to.as_str()), ("SM1", "+14155550100"));
    let asked = mock.asked();
    assert!(asked[0].ends_with("To=whatsapp%3A%2B14155550100&From=whatsapp%3A%2B14155550199&Body=hello"), "{asked:?}");
    let query = "?To=whatsapp%3A%2B14155550100&DateSent%3E=2023-11-14&From=whatsapp%3A%2B14155550199&PageSize";
    assert!(asked[1].contains(query), "{asked:?}");
    Ok(())
}
