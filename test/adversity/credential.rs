//! A dump of the store and a log at its chattiest hold no credential in the clear, nor a paired phone's text that came
//! by a carrier's webhook.

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use switchboard::crypto::{EncryptedPayload, SharedKey};

use super::secrecy::{dump, holds, spellings};
use crate::events::{call, endpoint, test_event, text, well};
use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{ADMIN, Builder, Carrier, Layout, PHONE, Result, Server, USER, until};
use crate::inbound::play::{OURS, PERSON, builder, number, post_json, post_twilio, settled};
use crate::on_both_engines;
use crate::operations::command::run;
use crate::publish::play::{SOON, pair, platforms};
use crate::publish::sink::{SECRET, Sink};
use crate::relay::scene::act_well;
use crate::relay::{client, post, route};

/// A number at Flowroute.
const OTHER: &str = "+14155550188";
/// A number at Twilio whose texts are forwarded.
const PLAIN: &str = "+14155550187";
/// A number of a client whose callbacks bring a login.
const TOLD: &str = "+14155550186";

fn random() -> String {
    format!("{:032x}", rand::random::<u128>())
}

async fn quick(layout: Layout, carrier: &Carrier, sink: &Sink) -> Result<Builder> {
    let builder = builder(layout).await?.set("log.level", "trace").set("platforms", platforms(sink));
    let builder = builder.set("provider.twilio_base_url", carrier.url()).set("outbox.retry_first", "50ms");
    let builder = builder.set("provider.flowroute_base_url", "http://127.0.0.1:9");
    Ok(builder.set("event.allow", "127.0.0.1").set("event.retries", "50ms,50ms"))
}

/// Accounts that are good, refused and unreachable, each used: their numbers, and what nobody may find.
async fn accounts(server: &Server) -> Result<Vec<String>> {
    let good = json!({"account_sid": ACCOUNT, "auth_token": TOKEN});
    let (token, api_secret) = (random(), random());
    let sid = format!("AC{}", random());
    let refused = json!({"account_sid": sid, "auth_token": token, "api_key": "SK1",
        "api_secret": api_secret});
    let (access_key, secret_key, webhook_token) = (random(), random(), random());
    let away = json!({"access_key": access_key, "secret_key": secret_key, "webhook_token": webhook_token});
    let mut ids = Vec::new();
    for (provider, credentials, status) in [("twilio", good, 201), ("twilio", refused, 400), ("flowroute", away, 400)] {
        let mut new = json!({"provider": provider, "credentials": credentials});
        let (seen, mut answer) = call(server, "POST", "/v1/accounts", Some(new.clone())).await?;
        ensure!(seen == status, "{seen}: {answer}");
        if status == 400 {
            new["check"] = json!(false);
            answer = well(server, "POST", "/v1/accounts", Some(new)).await?;
        }
        ids.push(text(&answer["id"])?);
    }
    let (next, new) = (random(), random());
    let changed = json!({"account_sid": sid, "auth_token": new, "api_key": "SK1", "api_secret": api_secret});
    let changed = json!({"credentials": changed, "check": false});
    for (account, change) in [(&ids[0], json!({"next_token": next})), (&ids[1], changed)] {
        well(server, "PATCH", &format!("/v1/accounts/{account}"), Some(change)).await?;
    }
    for (account, address, meaning) in
        [(&ids[0], OURS, "encrypted"), (&ids[0], PLAIN, "forward"), (&ids[2], OTHER, "encrypted")]
    {
        let more = if meaning == "encrypted" { json!({"meaning": meaning, "platform": "gmail"}) } else { json!({}) };
        number(server, account, address, more).await?;
        let message = json!({"from": address, "to": PERSON, "body": "an ordinary text"});
        well(server, "POST", "/v1/messages", Some(message)).await?;
    }
    let logins = [(ACCOUNT, TOKEN), ("SK1", &api_secret), (&access_key, &secret_key)];
    let logins = logins.map(|(user, password)| STANDARD.encode(format!("{user}:{password}")));
    let secrets =
        [TOKEN.to_owned(), token, api_secret.clone(), access_key.clone(), secret_key.clone(), webhook_token, next, new];
    Ok(secrets.into_iter().chain(logins).collect())
}

/// The secrets of an endpoint, past and present, of callbacks, and an administrator's key.
async fn keys(server: &Server) -> Result<Vec<String>> {
    let (id, first) = endpoint(server, &server.url("/nobody"), &["*"]).await?;
    test_event(server, &id).await?;
    let second = well(server, "POST", &format!("/v1/endpoints/{id}/rotate"), None).await?;
    test_event(server, &id).await?;
    let callback = well(server, "GET", "/v1/endpoints/callback-secret", None).await?;
    let key = run(server.builder(), &["admin", "key", "create", "somebody", "--json"]).await?.well()?;
    let key: Value = serde_json::from_str(&key)?;
    let key = text(&key["key"]).context(key.to_string())?;
    until("the new key's use", async || {
        let asked = server.http.get(server.url("/v1/accounts")).bearer_auth(&key).send().await?;
        Ok((asked.status() == 200).then_some(()))
    })
    .await?;
    let webhooks = [first, text(&second["secret"])?, text(&callback["secret"])?, SECRET.to_owned()];
    Ok(webhooks.into_iter().chain([key, ADMIN.to_owned()]).collect())
}

/// A paired phone's texts, by the webhooks of two carriers and by Twilio's form: one that its sink takes, two that
/// wait, and one that nobody can open.
async fn texts(server: &Server, sink: &Sink, webhook_token: &str) -> Result<Vec<String>> {
    let key = pair(server, USER).await?;
    let plain = ["a text that was taken", "a text that has to wait", "a text by the form", "a text for nobody"];
    let sealed = |key: &SharedKey, nth: usize| EncryptedPayload::seal(key, &format!("g:{}", plain[nth]));
    let twilio = async |path: &str, sid: &str, body: &str| {
        let form = [("MessageSid", sid), ("AccountSid", ACCOUNT), ("From", PHONE), ("To", OURS), ("Body", body)];
        Result::Ok(post_twilio(server, path, &form, TOKEN).await?.0)
    };
    ensure!(twilio("/webhooks/twilio/sms", "SM1", &sealed(&key, 0)?).await? == 200);
    sink.await_heard(1, SOON).await?;
    sink.answer(500);
    let body = json!({"to": &OTHER[1..], "from": &PHONE[1..], "body": sealed(&key, 1)?, "id": "mdr1-1"});
    ensure!(post_json(server, &format!("/webhooks/flowroute/{webhook_token}/sms"), &body).await? == 200);
    ensure!(post_json(server, &format!("/webhooks/flowroute/x{webhook_token}/sms"), &body).await? == 403);
    ensure!(twilio("/sms/platform/twilio", "SM2", &sealed(&key, 2)?).await? == 200);
    sink.await_heard(3, SOON).await?;
    ensure!(twilio("/webhooks/twilio/sms", "SM3", &sealed(&SharedKey::generate(), 3)?).await? == 200);
    settled(server).await?;
    // the raw webhooks are emptied, and with them what was kept of the texts as messages
    let rows = server.rows("SELECT COUNT(*) FROM sb_inbound WHERE payload = ''").await?;
    ensure!(rows == [["3"]], "{rows:?}");
    let rows = server.rows("SELECT DISTINCT body FROM sb_message WHERE direction = 'inbound'").await?;
    ensure!(rows == [[""]], "{rows:?}");
    let rows = server.rows("SELECT LENGTH(sealed) > 0 FROM sb_publication ORDER BY id").await?;
    ensure!(rows == [["0"], ["1"], ["1"]], "{rows:?}");
    let key = String::from_utf8_lossy(key.as_bytes()).into_owned();
    Ok(plain.map(str::to_owned).into_iter().chain([key]).collect())
}

/// The login of a callback URL that is called in vain, and of which more may be told.
async fn login(server: &Server) -> Result<Vec<String>> {
    let numbers = well(server, "GET", "/v1/numbers", None).await?;
    let ours = numbers["data"].as_array().into_iter().flatten().find(|number| number["number"] == OURS);
    let account = text(&ours.context("no number")?["account_id"])?;
    let ann = client(server, "10").await?;
    let new = json!({"number": TOLD, "account_id": account, "capabilities": ["sms"]});
    act_well(server, &ann.id, "POST", "/v1/numbers", Some(new)).await?;
    route(server, &account).await?;
    let (user, password) = (random(), random());
    let url = format!("http://{user}:{password}@127.0.0.1:9/told");
    let sms = json!({"To": PERSON, "From": TOLD, "Body": "told of", "StatusCallback": url});
    let (status, sent) = post(server, &ann.key, "/relay/api/sms", &sms).await?;
    ensure!(status == 200, "{status} {sent}");
    until("a callback that was tried", async || {
        let tried = "SELECT event_id FROM sb_delivery WHERE target = 'callback' AND tries > 0";
        Ok((!server.rows(tried).await?.is_empty()).then_some(()))
    })
    .await?;
    ensure!(server.rows("SELECT message_id FROM sb_callback").await?.len() == 1);
    Ok(vec![STANDARD.encode(format!("{user}:{password}")), user, password])
}

async fn no_credential_lies_about(layout: Layout) -> Result {
    let (carrier, sink) = (Carrier::start().await?, Sink::start().await?);
    let server = quick(layout, &carrier, &sink).await?.start().await?;
    let mut secrets = accounts(&server).await?;
    let webhook_token = secrets[5].clone();
    secrets.extend(keys(&server).await?);
    secrets.extend(texts(&server, &sink, &webhook_token).await?);
    secrets.extend(login(&server).await?);
    until("a call of each provider", async || {
        let tried = server.rows("SELECT DISTINCT account_id FROM sb_attempt").await?;
        Ok((tried.len() == 2).then_some(()))
    })
    .await?;

    let (dump, log) = (dump(&server, layout).await?, server.log()?.into_bytes());
    // the search finds what is there
    assert!(holds(&dump, ACCOUNT.as_bytes()) && holds(&dump, b"an ordinary text"));
    assert!(holds(&log, b"could not be checked") || holds(&log, b"/v1/accounts"));
    for secret in secrets {
        let mut forms = spellings(secret.as_bytes());
        if let Some(key) = secret.strip_prefix("whsec_") {
            forms.extend(spellings(&STANDARD.decode(key)?));
        }
        for form in forms {
            assert!(!holds(&dump, &form), "in the store: {secret} as {}", String::from_utf8_lossy(&form));
            let line = log.split(|byte| *byte == b'\n').find(|line| holds(line, &form)).unwrap_or_default();
            assert!(line.is_empty(), "in the log: {secret} in {}", String::from_utf8_lossy(line));
        }
    }
    Ok(())
}

on_both_engines!(no_credential_lies_about);
