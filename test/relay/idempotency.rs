//! `Idempotency-Key` at every door that sends or charges: one request counts once, however it is written again.

use std::collections::BTreeSet;

use anyhow::ensure;
use futures_util::future::try_join_all;
use reqwest::RequestBuilder;
use serde_json::{Value, json};

use super::{Client, balance, client, loopback};
use crate::events::well;
use crate::harness::{ADMIN, Builder, Layout, Result, Server, python, until};
use crate::messages::number;
use crate::on_both_engines;
use crate::outside::sdk::{CLIENT, given, server as development};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// One door: what is posted there, the same written otherwise, and another request.
struct Door {
    path: String,
    same: Vec<(&'static str, String)>,
    other: (&'static str, String),
    /// Where its answer says what was wrong.
    reason: &'static str,
}

fn json_door(path: impl Into<String>, same: &[&str], other: &str, reason: &'static str) -> Door {
    let written = |text: &str| (JSON, text.to_owned());
    Door { path: path.into(), same: same.iter().map(|text| written(text)).collect(), other: written(other), reason }
}

fn form_door(path: String, same: &[&str], other: &str) -> Door {
    let written = |text: &str| (FORM, text.to_owned());
    Door { path, same: same.iter().map(|text| written(text)).collect(), other: written(other), reason: "message" }
}

fn doors(client: &Client) -> Vec<Door> {
    let twilio = |rest: &str| format!("/2010-04-01/Accounts/{}/{rest}", client.sid);
    let mut doors = vec![
        json_door(
            "/v1/messages",
            &[
                r#"{"to": "+14155550100", "body": "x", "metadata": {"a": 1, "b": [2, null]}}"#,
                r#"{"metadata":{"b":[2,null],"a":1},"body":"\u0078","to":"+14155550100","from":null,"channel":"sms"}"#,
            ],
            r#"{"to": "+14155550100", "body": "x", "metadata": {"a": 2, "b": [2, null]}}"#,
            "detail",
        ),
        json_door(
            "/v1/calls",
            &[
                r#"{"to": "+14155550100", "twiml": "<Response/>", "from": "+15005550006"}"#,
                "\n{ \"from\":\"+15005550006\",\n\"twiml\":\"<Response\\/>\",\"to\":\"+14155550100\",\"url\":null } ",
            ],
            r#"{"to": "+14155550101", "twiml": "<Response/>", "from": "+15005550006"}"#,
            "detail",
        ),
        form_door(
            twilio("Messages.json"),
            &[
                "To=%2B14155550100&From=%2B15005550006&Body=a+b&MediaUrl=https://a.example/1&MediaUrl=https://a.example/2",
                "MediaUrl=https%3A%2F%2Fa.example%2F1&Body=a%20b&MediaUrl=https://a.example/2&To=%2b14155550100&From=%2B15005550006&",
            ],
            "To=%2B14155550100&From=%2B15005550006&Body=a+b&MediaUrl=https://a.example/2&MediaUrl=https://a.example/1",
        ),
        form_door(
            twilio("Calls.json"),
            &[
                "To=%2B14155550100&From=%2B15005550006&Twiml=%3CResponse/%3E",
                "Twiml=<Response%2F>&From=%2B15005550006&To=%2B14155550100",
            ],
            "To=%2B14155550100&From=%2B15005550006&Twiml=%3CResponse/%3E&Timeout=9",
        ),
    ];
    for path in ["/relay/sms", "/relay/api/sms", "/relay/api/whatsapp"] {
        let mut door = json_door(
            path,
            &[
                r#"{"To": "+14155550100", "From": "+15005550006", "Body": "x"}"#,
                r#"{"Body":"x","From":"+15005550006","To":"+14155550100"}"#,
            ],
            r#"{"To": "+14155550100", "From": "+15005550006", "Body": "X"}"#,
            "error",
        );
        door.same.push((FORM, "Body=x&From=%2B15005550006&To=%2B14155550100".to_owned()));
        doors.push(door);
    }
    doors.push(json_door(
        "/relay/api/call",
        &[
            r#"{"To": "+14155550100", "Url": "https://a.example/x"}"#,
            r#"{"Url":"https://a.example/x","To":"+14155550100"}"#,
        ],
        r#"{"To": "+14155550100", "Url": "https://a.example/y"}"#,
        "error",
    ));
    doors
}

fn ask(server: &Server, client: &Client, path: &str, (kind, body): &(&str, String)) -> RequestBuilder {
    let request = server.http.post(server.url(path)).basic_auth(&client.sid, Some(&client.token));
    request.header("content-type", *kind).body(body.clone())
}

/// Status, whether it is a repeat's answer, and the answer's bytes.
async fn told(request: RequestBuilder) -> Result<(u16, bool, String)> {
    let answer = request.send().await?;
    let is_repeat = answer.headers().contains_key("idempotent-replayed");
    Ok((answer.status().as_u16(), is_repeat, answer.text().await?))
}

async fn ready(layout: Layout, balance: &str) -> Result<(Server, Client)> {
    let server = Server::start(layout).await?;
    let account = loopback(&server).await?;
    number(&server, &account, "+15005550006", json!({"capabilities": ["sms", "mms", "voice", "whatsapp"]})).await?;
    let client = client(&server, balance).await?;
    Ok((server, client))
}

async fn every_door_knows_a_request_again(layout: Layout) -> Result {
    let (server, client) = ready(layout, "100").await?;
    let doors = doors(&client);
    // the same name everywhere: each path has names of its own
    for Door { path, same, other, reason } in &doors {
        let (status, is_repeat, first) =
            told(ask(&server, &client, path, &same[0]).header("Idempotency-Key", "n 1")).await?;
        ensure!((200..300).contains(&status) && !is_repeat, "{path}: {status} {first}");
        // what the client has left is another by now
        let more = told(ask(&server, &client, path, &same[0])).await?;
        ensure!(more.0 == status && !more.1 && more.2 != first, "{path}: {more:?}");
        for written in same {
            let again = told(ask(&server, &client, path, written).header("idempotency-key", "n 1")).await?;
            ensure!(again == (status, true, first.clone()), "{path} {written:?}: {again:?}\n{first}");
        }
        let (status, _, refused) = told(ask(&server, &client, path, other).header("idempotency-key", "n 1")).await?;
        let refused: Value = serde_json::from_str(&refused)?;
        let said = refused[reason].as_str().unwrap_or_default();
        ensure!(
            status == 409 && said.contains("Idempotency-Key came with another request"),
            "{path}: {status} {refused}"
        );
        for bad in [String::new(), "k".repeat(256)] {
            let (status, _, refused) = told(ask(&server, &client, path, other).header("idempotency-key", bad)).await?;
            ensure!(status == 400 && refused.contains("Idempotency-Key"), "{path}: {status} {refused}");
        }
    }
    let sent = server.rows("SELECT id FROM sb_message").await?.len();
    ensure!(sent == 2 * doors.len(), "{sent} messages by {} doors", doors.len());
    // a ledger is its client's, whoever posts there
    let path = format!("/v1/clients/{}/ledger", client.id);
    let post = |body: &str| {
        let request = server.http.post(server.url(&path)).bearer_auth(ADMIN).header("idempotency-key", "n 1");
        request.body(body.to_owned())
    };
    let (status, is_repeat, first) = told(post(r#"{"kind": "credit", "amount": "1", "reason": "paid"}"#)).await?;
    ensure!(status == 201 && !is_repeat, "{status} {first}");
    let again = told(post(r#"{"reason":" paid","amount":"1.000","kind":"credit"}"#)).await?;
    ensure!(again == (201, true, first), "{again:?}");
    let (status, _, refused) = told(post(r#"{"kind": "credit", "amount": "1.01", "reason": "paid"}"#)).await?;
    ensure!(status == 409, "{status} {refused}");
    Ok(())
}

async fn twilio_s_own_header_names_a_request_too(layout: Layout) -> Result {
    let (server, client) = ready(layout, "1").await?;
    let (path, own) = (format!("/2010-04-01/Accounts/{}/Messages", client.sid), "I-Twilio-Idempotency-Token");
    let form = (FORM, "To=%2B14155550100&From=%2B15005550006&Body=x".to_owned());
    let (status, _, first) = told(ask(&server, &client, &path, &form).header(own, "t")).await?;
    ensure!(status == 201, "{status} {first}");
    // one resource, however its path is written; one name, whichever header brings it
    for path in [path.clone(), format!("{path}.json"), format!("/relay{path}.json")] {
        for headers in [&[own][..], &["Idempotency-Key"], &[own, "idempotency-key"], &[own, own]] {
            let request = ask(&server, &client, &path, &form);
            let request = headers.iter().fold(request, |request, header| request.header(*header, "t"));
            let again = told(request).await?;
            ensure!(again == (201, true, first.clone()), "{path} {headers:?}: {again:?}");
        }
    }
    let two = ask(&server, &client, &path, &form).header(own, "t").header("idempotency-key", "u");
    let (status, _, refused) = told(two).await?;
    ensure!(status == 400 && refused.contains("20001") && refused.contains("Idempotency"), "{status} {refused}");
    // elsewhere it is a header like any other
    let sms = (JSON, r#"{"To": "+14155550100", "Body": "x"}"#.to_owned());
    for _ in 0..2 {
        let (status, is_repeat, sent) = told(ask(&server, &client, "/relay/sms", &sms).header(own, "t")).await?;
        ensure!(status == 200 && !is_repeat, "{status} {sent}");
    }
    Ok(())
}

async fn what_was_refused_is_tried_anew_and_names_come_once(layout: Layout) -> Result {
    let (server, client) = ready(layout, "0").await?;
    let doors = doors(&client);
    for Door { path, same, .. } in &doors {
        let (status, _, refused) = told(ask(&server, &client, path, &same[0]).header("idempotency-key", "k")).await?;
        ensure!(status == 402, "{path}: {status} {refused}");
    }
    let ledger = format!("/v1/clients/{}/ledger", client.id);
    well(&server, "POST", &ledger, Some(json!({"kind": "credit", "amount": "10"}))).await?;
    for Door { path, same, .. } in &doors {
        let (status, is_repeat, sent) =
            told(ask(&server, &client, path, &same[0]).header("idempotency-key", "k")).await?;
        ensure!((200..300).contains(&status) && !is_repeat, "{path}: {status} {sent}");
    }
    let left = balance(&server, &client).await?;
    for (path, body) in [
        ("/v1/messages", r#"{"to": "+14155550100", "to": "+14155550101", "body": "x"}"#),
        ("/v1/messages", r#"{"to": "+14155550100", "body": "x", "metadata": {"a": {"to": 1, "t\u006f": 1}}}"#),
        ("/v1/calls", r#"{"to": "+14155550100", "twiml": "<Response/>", "to": "+14155550100"}"#),
        ("/relay/sms", r#"{"to": 1, "To": "+14155550100", "Body": "x", "to": 2}"#),
    ] {
        let (status, _, refused) = told(ask(&server, &client, path, &(JSON, body.to_owned()))).await?;
        ensure!(status == 400 && refused.contains("to: must come once"), "{path} {body}: {status} {refused}");
    }
    ensure!(balance(&server, &client).await? == left);
    Ok(())
}

/// Who gets into another's way for too long is told to come again.
async fn insisting(request: impl Fn() -> RequestBuilder) -> Result<(u16, bool, String)> {
    until("an answer", async || {
        let answer = told(request()).await?;
        Ok((answer.0 != 503).then_some(answer))
    })
    .await
}

/// Twins come to all doors at once, over all nodes: each door has one first, and says the same to all.
async fn twins_race(nodes: &[&Server], client: &Client) -> Result {
    let doors = doors(client);
    let races = doors.iter().flat_map(|door| (0..6).map(move |twin| (door, twin)));
    let asked = races.map(|(door, twin)| async move {
        let (node, written) = (nodes[twin % nodes.len()], &door.same[twin % door.same.len()]);
        let request = || ask(node, client, &door.path, written).header("idempotency-key", "twins");
        anyhow::Ok((door.path.as_str(), insisting(request).await?))
    });
    let answers = try_join_all(asked).await?;
    for Door { path, .. } in &doors {
        let of: Vec<_> = answers.iter().filter(|(at, _)| at == path).map(|(_, answer)| answer).collect();
        ensure!(of.iter().all(|(status, ..)| (200..300).contains(status)), "{path}: {of:?}");
        ensure!(of.iter().filter(|(_, is_repeat, _)| !is_repeat).count() == 1, "{path}: {of:?}");
        ensure!(of.iter().map(|(.., text)| text).collect::<BTreeSet<_>>().len() == 1, "{path}: {of:?}");
    }
    let sent = nodes[0].rows("SELECT id FROM sb_message").await?.len();
    ensure!(sent == doors.len(), "{sent} messages by {} doors", doors.len());
    super::verified(nodes[0].builder()).await
}

async fn twins_at_every_door_are_one(layout: Layout) -> Result {
    let (server, client) = ready(layout, "100").await?;
    twins_race(&[&server], &client).await
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_at_two_nodes_are_one() -> Result {
    let (one, client) = ready(Layout::MariadbShared, "100").await?;
    let other = Builder::at(one.home()).start_unseeded().await?;
    super::books::known(&other, &client).await?;
    twins_race(&[&one, &other], &client).await
}

const AGAIN: &str = "
class Named(Turned):
    def request(self, method, url, params=None, data=None, headers=None, **more):
        headers = {**(headers or {}), 'I-Twilio-Idempotency-Token': given['name']}
        return super().request(method, url, params=params, data=data, headers=headers, **more)

client = Client(given['sid'], given['token'], http_client=Named())
send = lambda body: client.messages.create(to=to, from_=sender, body=body)
sids = [send('once').sid for _ in range(3)]
answer = {'sids': sids, 'other': refusal(lambda: send('another'))}
";

#[tokio::test]
async fn python_s_library_may_repeat_itself() -> Result {
    let server = development().await?;
    let given = crate::messages::with(given(&server), json!({"name": "6b9d7e2c-5a2e-4c4e-9d52-3f6c2f2f1a10"}));
    let answer = python::run(&format!("{CLIENT}{AGAIN}"), given).await?;
    let sids: BTreeSet<&str> = answer["sids"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    ensure!(sids.len() == 1 && answer["other"] == json!([409, 20409]), "{answer}");
    Ok(())
}

on_both_engines!(
    every_door_knows_a_request_again,
    twilio_s_own_header_names_a_request_too,
    what_was_refused_is_tried_anew_and_names_come_once,
    twins_at_every_door_are_one,
);
