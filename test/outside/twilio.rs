//! Our Twilio connector against a Twilio that nobody here wrote: whatever the running server asks, Prism accepts.

use anyhow::ensure;
use reqwest::Method;
use serde_json::{Value, json};

use super::witness::Witness;
use crate::events::{call, text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Builder, Layout, Result, Server, until};
use crate::messages::{FROM, TO, account, drained, in_state, number, outcomes, send_id, sms};
use crate::on_both_engines;

const PUBLIC: &str = "https://sms.example.org";

async fn serve(layout: Layout, witness: &Witness) -> Result<Builder> {
    let builder = Builder::new(layout).await?.set("provider.twilio_base_url", witness.url());
    let builder = builder.set("outbox.poll_every", "20ms").set("outbox.retry_first", "50ms");
    Ok(builder.set("outbox.look_up_after", "100ms,200ms,300ms"))
}

/// Every kind of message that a client may post.
fn messages() -> Vec<Value> {
    let picture = |n: usize| format!("https://media.example.org/{n}.png?a=b&c=d%20e");
    vec![
        sms(TO, "hello & good-bye + 100 %", json!({})),
        sms(TO, "Ça va ? ✓ 😀\r\n\tsecond line", json!({})),
        sms(TO, &"0123456789".repeat(150), json!({})),
        sms(TO, "one picture", json!({"media_urls": [picture(1)]})),
        sms(TO, "", json!({"media_urls": [picture(1)]})),
        sms(TO, "several", json!({"media_urls": (0..10).map(picture).collect::<Vec<_>>()})),
        sms(TO, "valid for a while", json!({"valid_for": "10m", "metadata": {"order": 7}})),
        sms("+33612345678", "abroad", json!({})),
        json!({"from": "72772", "to": TO, "body": "from a short code"}),
        json!({"from": "SENDER", "to": TO, "body": "from a name"}),
        sms(TO, "to a chat", json!({"channel": "whatsapp"})),
    ]
}

/// Every kind of call.
fn calls() -> [Value; 2] {
    let joining = "<Response><Say>Ça va ? &amp; ✓</Say><Dial><Conference>call-0a</Conference></Dial></Response>";
    [
        json!({"to": TO, "twiml": joining}),
        json!({"to": TO, "url": "https://twiml.example.org/1?a=b&c=d%20e", "from": FROM}),
    ]
}

/// Places a call, with these attempts; its path.
async fn placed(server: &Server, posted: Value, attempts: &[&str]) -> Result<String> {
    let id = text(&well(server, "POST", "/v1/calls", Some(posted)).await?["id"])?;
    let path = format!("/v1/calls/{id}");
    until("a placed call", async || {
        let call = well(server, "GET", &path, None).await?;
        ensure!(call["status"] == "queued", "{call}");
        Ok((outcomes(&call) == attempts).then_some(()))
    })
    .await?;
    Ok(path)
}

/// Ends a call, and asks for one whose answer was lost.
async fn end_and_find(server: &Server, witness: &Witness) -> Result {
    let before = witness.seen().len();
    let [first, second] = calls();
    well(server, "DELETE", &placed(server, first, &["accepted"]).await?, None).await?;
    witness.lose(1);
    placed(server, second, &["uncertain", "accepted"]).await?;
    let seen = witness.seen().split_off(before);
    let ended: Vec<_> = seen.iter().filter(|seen| seen.path.contains("/Calls/")).collect();
    assert_eq!(ended.iter().map(|seen| seen.values("Status")).collect::<Vec<_>>(), [["completed"]]);
    let asked = seen.iter().filter(|seen| seen.method == Method::GET && seen.path.ends_with("/Calls.json")).count();
    assert!(asked >= 3, "as often as there are look-ups: {seen:?}");
    Ok(())
}

/// Places them all, and looks that the requests say what was posted.
async fn call_all(server: &Server, witness: &Witness, status_url: Option<&str>) -> Result {
    let before = witness.seen().len();
    for posted in calls() {
        placed(server, posted, &["accepted"]).await?;
    }
    for (seen, posted) in witness.seen().split_off(before).iter().zip(calls()) {
        assert_eq!((seen.status, seen.values("From")), (201, vec![FROM]), "{seen:?}");
        assert!(seen.path.ends_with("/Calls.json"), "{seen:?}");
        let said = [seen.values("Twiml"), seen.values("Url")].concat();
        assert_eq!(said, Vec::from_iter(posted["twiml"].as_str().or(posted["url"].as_str())));
        let events = if status_url.is_some() { 4 } else { 0 };
        assert_eq!(seen.values("StatusCallback"), Vec::from_iter(status_url), "{seen:?}");
        assert_eq!(seen.values("StatusCallbackEvent").len(), events, "{seen:?}");
    }
    Ok(())
}

/// Sends them all, and looks that the requests say what was posted.
async fn send_all(server: &Server, witness: &Witness, status_url: Option<&str>) -> Result {
    let before = witness.seen().len();
    for message in messages() {
        in_state(server, &send_id(server, message).await?, "sent").await?;
    }
    let seen = witness.seen().split_off(before);
    assert_eq!(seen.len(), messages().len());
    for (seen, posted) in seen.iter().zip(messages()) {
        let prefix = posted["channel"].as_str().map(|channel| format!("{channel}:")).unwrap_or_default();
        let to = format!("{prefix}{}", posted["to"].as_str().unwrap_or_default());
        assert_eq!((seen.status, seen.values("To")), (201, vec![to.as_str()]));
        let media = posted["media_urls"].as_array().into_iter().flatten().filter_map(Value::as_str);
        assert_eq!(seen.values("MediaUrl"), media.collect::<Vec<_>>());
        assert_eq!(seen.values("StatusCallback"), Vec::from_iter(status_url), "{seen:?}");
    }
    Ok(())
}

async fn prism_accepts_all_that_is_asked(layout: Layout) -> Result {
    let Some(witness) = Witness::start().await? else { return Ok(()) };
    let public = serve(layout, &witness).await?.set("http.public_url", PUBLIC).start().await?;
    let private = serve(layout, &witness).await?.start().await?;
    let status_url = format!("{PUBLIC}:443/webhooks/twilio/status");
    for (server, status_url) in [(&public, Some(status_url.as_str())), (&private, None)] {
        // with the check that is usual
        let account = account(server, json!({"check": true})).await?;
        well(server, "POST", &format!("/v1/accounts/{account}/check"), None).await?;
        for (sender, can) in
            [(FROM, vec!["sms", "mms", "whatsapp", "voice"]), ("72772", vec!["sms"]), ("SENDER", vec!["sms"])]
        {
            number(server, &account, sender, json!({"capabilities": can})).await?;
        }
        send_all(server, &witness, status_url).await?;
        call_all(server, &witness, status_url).await?;
    }
    let checks = witness.seen().iter().filter(|seen| seen.method == Method::GET).count();
    assert_eq!(checks, 4, "two checks of each account");
    end_and_find(&public, &witness).await?;
    let asked = reconciled(&public, &witness).await?;
    assert!(asked.iter().any(|query| query.contains("PageToken=")), "next pages too: {asked:?}");
    for name in ["To=", "From=", "DateSent%3E=", "PageSize="] {
        assert!(asked.iter().all(|query| query.contains(name)), "{name}: {asked:?}");
    }
    println!("Prism accepted {} requests", witness.seen().len());
    witness.verify()
}

/// Loses the answer to a send, so that it is asked for until it is sent again; the queries that asked.
async fn reconciled(server: &Server, witness: &Witness) -> Result<Vec<String>> {
    let before = witness.seen().len();
    witness.lose(1);
    let id = send_id(server, sms(TO, "did you get this?", json!({"media_urls": ["https://a.example/1"]}))).await?;
    let sent = in_state(server, &id, "sent").await?;
    ensure!(outcomes(&sent) == ["uncertain", "accepted"], "{sent}");
    drained(server).await?;
    let seen = witness.seen().split_off(before);
    Ok(seen.into_iter().filter(|seen| seen.method == Method::GET).map(|seen| seen.query).collect())
}

on_both_engines!(prism_accepts_all_that_is_asked);

/// The control: through the same server and witness, what the description forbids is seen and refused.
#[tokio::test(flavor = "multi_thread")]
async fn prism_refuses_what_is_wrong() -> Result {
    let Some(witness) = Witness::start().await? else { return Ok(()) };
    let server = serve(Layout::SqliteShared, &witness).await?.start().await?;
    // no account SID of Twilio's is that short
    let credentials = json!({"account_sid": "AC1", "auth_token": TOKEN});
    let checked = json!({"provider": "twilio", "credentials": credentials});
    let (status, problem) = call(&server, "POST", "/v1/accounts", Some(checked)).await?;
    assert!((400..500).contains(&status) && text(&problem["detail"])?.contains("422"), "{status} {problem}");
    assert_eq!(witness.seen().len(), 1);
    assert!(witness.verify().is_err(), "the witness passes over a refusal");

    let account = account(&server, json!({"credentials": credentials})).await?;
    number(&server, &account, FROM, json!({})).await?;
    let id = send_id(&server, sms(TO, "x", json!({}))).await?;
    let failed = until("a refusal", async || {
        let message = well(&server, "GET", &format!("/v1/messages/{id}"), None).await?;
        Ok((message["state"] == "failed").then_some(message))
    });
    assert_eq!(outcomes(&failed.await?), ["refused"]);
    assert_eq!(witness.seen().last().map(|seen| seen.status), Some(422));

    // a name that no description has passes Prism, and not the witness
    let good = Witness::start().await?;
    let Some(good) = good else { return Ok(()) };
    let url = format!("{}/2010-04-01/Accounts/{ACCOUNT}/Messages.json", good.url());
    let request = server.http.post(url).basic_auth(ACCOUNT, Some(TOKEN));
    let form = [("To", TO), ("From", FROM), ("Body", "x"), ("StatusCalback", "https://a.example/")];
    assert_eq!(request.form(&form).send().await?.status(), 201);
    assert!(good.verify().is_err_and(|error| error.to_string().contains("StatusCalback")));
    Ok(())
}
