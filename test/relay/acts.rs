//! Every path by which an administrator changes something, as the API describes them: what is done there is in the
//! audit log, once; and what cannot be written there is not done.

use std::collections::BTreeSet;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use switchboard::store::Change;

use super::client::{By, ask, client, key};
use crate::events::receiver::Receiver;
use crate::events::{builder, delivery, endpoint, test_event, text, well};
use crate::harness::{ADMIN, Layout, Phone, Result, Server, USER, until};
use crate::messages::TO;
use crate::on_both_engines;

/// Paths that change something which is no administrator's doing: a person's phone is played, and texts.
const OTHERS: [(&str, &str); 1] = [("POST", "/v1/loopback/inbound")];

/// Their number lasts until somebody hangs up.
const LASTING: &str = "+15005550018";
const TWIML: &str = "<Response><Say>Secret words</Say></Response>";
const CARD: &str = "channel,prefix,price\nsms,990,0.5\n";

/// What an entry has of what something is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Made,
    Changed,
    /// A secret is another, which is not shown.
    Same,
    Gone,
    /// How it was; what comes of it, others will say.
    Asked,
    Nothing,
}

/// One thing that an administrator does.
struct Act {
    method: &'static str,
    /// As the description has it, and what stands in its braces.
    template: &'static str,
    args: Vec<String>,
    body: Value,
    /// For which client.
    client: Option<String>,
    action: &'static str,
    /// `None`: the id in the answer.
    object: Option<String>,
    shown: Shown,
}

impl Act {
    fn path(&self) -> String {
        let mut args = self.args.iter();
        let fill = |part: &str| {
            if part.starts_with('{') { args.next().cloned().unwrap_or_default() } else { part.to_owned() }
        };
        self.template.split('/').map(fill).collect::<Vec<_>>().join("/")
    }

    async fn play(&self, server: &Server) -> Result<(u16, Value)> {
        let request = server.http.request(self.method.parse()?, server.url(&self.path())).bearer_auth(ADMIN);
        let request = match &self.client {
            Some(client) => request.header("switchboard-client", client),
            None => request,
        };
        let request = match &self.body {
            Value::Null => request,
            Value::String(csv) => request.header("content-type", "text/csv").body(csv.clone()),
            json => request.header("content-type", "application/json").body(json.to_string()),
        };
        let answer = request.send().await?;
        let (status, said) = (answer.status().as_u16(), answer.text().await?);
        Ok((status, if said.is_empty() { Value::Null } else { serde_json::from_str(&said).context(said)? }))
    }
}

/// All of them, in an order in which they can be done one after the other.
async fn acts(server: &Server, receiver: &Receiver) -> Result<Vec<Act>> {
    let id = async |path: &str, body: Value| text(&well(server, "POST", path, Some(body)).await?["id"]);
    let account = super::loopback(server).await?;
    let (sid, token) = (format!("AC{}", "7".repeat(32)), "8".repeat(32));
    let twilio =
        json!({"provider": "twilio", "credentials": {"account_sid": sid, "auth_token": token}, "check": false});
    let spare = id("/v1/accounts", twilio).await?;
    let house = id("/v1/numbers", json!({"number": "+15005550100", "account_id": account})).await?;
    let (ann, bob) = (client(server, "Ann", json!({"balance": "10"})).await?, client(server, "Bob", json!({})).await?);
    let made = text(&key(server, &ann, json!({})).await?["id"])?;
    let (ann, bob) = (text(&ann["id"])?, text(&bob["id"])?);
    let of_ann = async |path: &str, body: Value| -> Result<String> {
        let (status, _, answer) = ask(server, By::AdminFor(&ann), "POST", path, Some(body)).await?;
        ensure!((200..300).contains(&status), "{path}: {status} {answer}");
        text(&answer["id"])
    };
    let capabilities = json!(["sms", "voice"]);
    let number = |number: &str| json!({"number": number, "account_id": account, "capabilities": capabilities});
    let from = "+15005550101";
    let (one, two) = (of_ann("/v1/numbers", number(from)).await?, of_ann("/v1/numbers", number("+15005550102")).await?);
    let pool = of_ann("/v1/pools", json!({"name": "sales"})).await?;
    let put = format!("/v1/pools/{pool}/numbers/{two}");
    ask(server, By::AdminFor(&ann), "PUT", &put, None).await?;
    let route = json!({"priority": 900, "pattern": "\\+99", "account_id": account});
    let rate = json!({"channel": "sms", "prefix": "99", "price": "1"});
    let (a_route, a_rate) = (id("/v1/routes", route.clone()).await?, id("/v1/rates", rate).await?);

    let sms = json!({"from": from, "to": TO, "body": "Secret words"});
    let (sent, mut later) = (of_ann("/v1/messages", sms.clone()).await?, sms.clone());
    later["send_at"] = switchboard::model::rfc3339(switchboard::model::Clock::default().now_ms() + 3_600_000).into();
    let later = of_ann("/v1/messages", later).await?;
    let call = |to: &str| json!({"from": from, "to": to, "twiml": TWIML});
    let lasting = of_ann("/v1/calls", call(LASTING)).await?;
    for (path, field, wanted) in [
        (format!("/v1/messages/{sent}"), "state", "delivered"),
        (format!("/v1/calls/{lasting}"), "status", "in-progress"),
    ] {
        until(wanted, async || {
            let (.., found) = ask(server, By::AdminFor(&ann), "GET", &path, None).await?;
            Ok((found[field] == wanted).then_some(()))
        })
        .await?;
    }
    Phone::new()?.pair(server, USER, &server.sid(USER).await?).await?;
    let device = well(server, "GET", &format!("/v1/users/{USER}/devices"), None).await?;
    let device = text(&device["data"][0]["id"])?;
    let (told, gone) = (endpoint(server, &receiver.url("/"), &["*"]).await?.0, receiver.url("/gone"));
    let gone = endpoint(server, &gone, &["message.*"]).await?.0;
    let event = test_event(server, &told).await?;
    delivery(server, &event, "delivered").await?;

    let act = |method, template, args: &[&String], body, action, shown| Act {
        method,
        template,
        args: args.iter().map(|arg| (*arg).clone()).collect(),
        body,
        client: None,
        action,
        object: args.last().map(|arg| (*arg).clone()),
        shown,
    };
    let on = |object: &String, act: Act| Act { object: Some(object.clone()), ..act };
    let for_ann = |act: Act| Act { client: Some(ann.clone()), ..act };
    let none = Value::Null;
    let flowroute = json!({"provider": "flowroute", "check": false,
        "credentials": {"access_key": "1", "secret_key": "2", "webhook_token": "3".repeat(32)}});
    let rates = "rates".to_owned();
    let (ours, person) = ("+15005550100".to_owned(), TO.to_owned());
    use Shown::{Asked, Changed, Gone, Made, Nothing, Same};
    Ok(vec![
        act("POST", "/v1/accounts", &[], flowroute, "account.add", Made),
        act("PATCH", "/v1/accounts/{id}", &[&account], json!({"name": "lo"}), "account.change", Changed),
        act("PATCH", "/v1/accounts/{id}", &[&account], json!({"credentials": {}}), "account.credentials", Same),
        act("POST", "/v1/accounts/{id}/check", &[&account], none.clone(), "account.check", Nothing),
        act("DELETE", "/v1/accounts/{id}", &[&spare], none.clone(), "account.delete", Gone),
        act("POST", "/v1/numbers", &[], number("+15005550103"), "number.add", Made),
        act("PATCH", "/v1/numbers/{id}", &[&house], json!({"rate": 9}), "number.change", Changed),
        for_ann(act("POST", "/v1/pools", &[], json!({"name": "other"}), "pool.create", Made)),
        for_ann(act("PATCH", "/v1/pools/{id}", &[&pool], json!({"name": "more"}), "pool.change", Changed)),
        for_ann(on(
            &pool,
            act("PUT", "/v1/pools/{id}/numbers/{number_id}", &[&pool, &one], none.clone(), "pool.put", Changed),
        )),
        for_ann(on(
            &pool,
            act("DELETE", "/v1/pools/{id}/numbers/{number_id}", &[&pool, &two], none.clone(), "pool.take_out", Changed),
        )),
        for_ann(act("DELETE", "/v1/pools/{id}", &[&pool], none.clone(), "pool.delete", Gone)),
        act("POST", "/v1/clients", &[], json!({"name": "Cem", "balance": "1"}), "client.create", Made),
        act("PATCH", "/v1/clients/{id}", &[&bob], json!({"name": "Rob", "low_at": "2"}), "client.change", Changed),
        act("POST", "/v1/clients/{id}/token", &[&bob], none.clone(), "client.token", Same),
        act("DELETE", "/v1/clients/{id}", &[&bob], none.clone(), "client.delete", Changed),
        Act { object: None, ..act("POST", "/v1/clients/{id}/keys", &[&ann], json!({}), "key.create", Made) },
        act("PATCH", "/v1/clients/{id}/keys/{key}", &[&ann, &made], json!({"rate": 5}), "key.change", Changed),
        act("DELETE", "/v1/clients/{id}/keys/{key}", &[&ann, &made], none.clone(), "key.revoke", Changed),
        act("POST", "/v1/clients/{id}/ledger", &[&ann], json!({"kind": "credit", "amount": "5"}), "ledger.post", Made),
        act("POST", "/v1/routes", &[], route, "route.create", Made),
        act("PATCH", "/v1/routes/{id}", &[&a_route], json!({"pattern": "\\+98"}), "route.change", Changed),
        act("DELETE", "/v1/routes/{id}", &[&a_route], none.clone(), "route.delete", Gone),
        act("POST", "/v1/rates", &[], json!({"channel": "sms", "prefix": "98", "price": "1"}), "rate.create", Made),
        act("PATCH", "/v1/rates/{id}", &[&a_rate], json!({"price": "3"}), "rate.change", Changed),
        act("DELETE", "/v1/rates/{id}", &[&a_rate], none.clone(), "rate.delete", Gone),
        on(&rates, act("POST", "/v1/rates.csv", &[], CARD.into(), "rate.import", Made)),
        on(&rates, act("PUT", "/v1/rates.csv", &[], CARD.replace("990", "991").into(), "rate.import", Made)),
        act("POST", "/v1/endpoints", &[], json!({"url": receiver.url("/new")}), "endpoint.create", Made),
        act("PATCH", "/v1/endpoints/{id}", &[&told], json!({"description": "x"}), "endpoint.change", Changed),
        act("POST", "/v1/endpoints/{id}/rotate", &[&told], none.clone(), "endpoint.rotate", Changed),
        act("POST", "/v1/endpoints/{id}/test", &[&told], none.clone(), "endpoint.test", Made),
        act("POST", "/v1/events/{id}/replay", &[&event], json!({"endpoint_id": told}), "event.replay", Made),
        act("DELETE", "/v1/endpoints/{id}", &[&gone], none.clone(), "endpoint.delete", Gone),
        on(
            &format!("{ours}/{person}"),
            act(
                "PUT",
                "/v1/opt-outs/{number}/{person}",
                &[&ours, &person],
                json!({"is_out": true}),
                "opt_out.set",
                Made,
            ),
        ),
        act("DELETE", "/v1/devices/{id}", &[&device], none.clone(), "device.revoke", Changed),
        for_ann(act("POST", "/v1/messages", &[], sms, "message.send", Made)),
        for_ann(act("DELETE", "/v1/messages/{id}", &[&later], none.clone(), "message.cancel", Changed)),
        for_ann(act("PATCH", "/v1/messages/{id}", &[&sent], json!({"body": ""}), "message.redact", Changed)),
        for_ann(act("POST", "/v1/calls", &[], call(TO), "call.place", Made)),
        for_ann(act("DELETE", "/v1/calls/{id}", &[&lasting], none.clone(), "call.end", Asked)),
        act("DELETE", "/v1/numbers/{id}", &[&house], none, "number.delete", Gone),
    ])
}

/// What the acts are about, but for the log itself.
async fn state(server: &Server) -> Result<Vec<Vec<Vec<String>>>> {
    let mut all = Vec::new();
    for sql in [
        "SELECT * FROM sb_account ORDER BY id",
        "SELECT * FROM sb_number ORDER BY id",
        "SELECT * FROM sb_pool ORDER BY id",
        "SELECT * FROM sb_client ORDER BY id",
        "SELECT * FROM sb_balance ORDER BY client_id",
        "SELECT * FROM sb_ledger ORDER BY client_id, id",
        "SELECT * FROM sb_key ORDER BY id",
        "SELECT * FROM sb_route ORDER BY id",
        "SELECT * FROM sb_rate ORDER BY id",
        "SELECT * FROM sb_endpoint ORDER BY id",
        "SELECT * FROM sb_event ORDER BY id",
        "SELECT * FROM sb_delivery ORDER BY event_id, target_id",
        "SELECT * FROM sb_opt_out ORDER BY id",
        "SELECT * FROM sb_device ORDER BY id",
        "SELECT * FROM sb_message ORDER BY id",
        "SELECT * FROM sb_schedule ORDER BY message_id",
        "SELECT * FROM sb_call ORDER BY message_id",
    ] {
        all.push(server.rows(sql).await?);
    }
    Ok(all)
}

async fn run(server: &Server, sql: &'static str) -> Result {
    Ok(server.home().databases.store()?.commit(Change::new().run(sql, Vec::new())).await?)
}

/// The log is away: whatever is asked for fails, and nothing of it is done.
pub async fn without_the_log(server: &Server) -> Result {
    run(server, "ALTER TABLE sb_audit RENAME TO sb_audit_away").await
}

pub async fn with_the_log(server: &Server) -> Result {
    run(server, "ALTER TABLE sb_audit_away RENAME TO sb_audit").await
}

async fn every_act_is_written_down_once_or_not_done(layout: Layout) -> Result {
    let (server, receiver) = (builder(layout).await?.start().await?, Receiver::start().await?);
    let acts = acts(&server, &receiver).await?;
    let described = well(&server, "GET", "/v1/openapi.json", None).await?;
    let mut wanted = BTreeSet::new();
    for (path, methods) in described["paths"].as_object().context("paths")? {
        let changing = ["post", "put", "patch", "delete"].into_iter().filter(|method| methods[method].is_object());
        wanted.extend(changing.map(|method| (method.to_uppercase(), path.clone())));
    }
    let here = acts.iter().map(|act| (act.method, act.template)).chain(OTHERS);
    let here: BTreeSet<_> = here.map(|(method, path)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(here, wanted, "a path that changes something is held against the audit log here");

    let before = state(&server).await?;
    without_the_log(&server).await?;
    for act in &acts {
        let (status, answer) = act.play(&server).await?;
        ensure!(status == 500, "{} {}: {status} {answer}", act.method, act.path());
    }
    assert_eq!(state(&server).await?, before, "something was done that is not written down");
    with_the_log(&server).await?;

    for act in &acts {
        let what = format!("{} {}", act.method, act.path());
        let entries = server.rows("SELECT id FROM sb_audit").await?.len();
        let (status, answer) = act.play(&server).await?;
        ensure!((200..300).contains(&status), "{what}: {status} {answer}");
        let more = server.rows("SELECT id FROM sb_audit").await?.len() - entries;
        let entry = well(&server, "GET", "/v1/audit?limit=1", None).await?["data"][0].clone();
        ensure!(more == 1, "{what} was written down {more} times, last as {entry}");
        is_right(act, &answer, &entry).with_context(|| format!("{what}: {entry}"))?;
    }
    let log = server.rows("SELECT before_text, after_text FROM sb_audit").await?.concat().join("\n");
    for hidden in ["Secret words", ADMIN, &"8".repeat(32), &"3".repeat(32), "whsec_", "sbkey_0", "credentials"] {
        ensure!(!log.contains(hidden), "{hidden} in {log}");
    }
    Ok(())
}

fn is_right(act: &Act, answer: &Value, entry: &Value) -> Result {
    ensure!(entry["action"] == act.action && entry["who"] == "config token" && entry["address"] == "127.0.0.1");
    let object = act.object.as_deref().or(answer["id"].as_str()).context("no id in the answer")?;
    ensure!(entry["object"] == object, "not of {object}");
    let (before, after) = (&entry["before"], &entry["after"]);
    let (was, is) = (!before.is_null(), !after.is_null());
    let fits = match act.shown {
        Shown::Made => !was && is,
        Shown::Changed => was && is && before != after,
        Shown::Same => was && is && before == after,
        Shown::Gone | Shown::Asked => was && !is,
        Shown::Nothing => !was && !is,
    };
    ensure!(fits, "not {:?}", act.shown);
    Ok(())
}

on_both_engines!(every_act_is_written_down_once_or_not_done);
