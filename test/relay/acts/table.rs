//! What there is to be changed, and what changes some of it, but for what the tests of resources say themselves.

use serde_json::{Value, json};

use super::Shown::{Asked, Changed, Gone, Made, Nothing, Same};
use super::{Act, act, on};
use crate::events::receiver::Receiver;
use crate::events::{delivery, endpoint, test_event, text, well};
use crate::harness::{Phone, Result, Server, USER, until};
use crate::messages::TO;
use crate::relay::client::{By, ask, client, key};
use crate::relay::loopback;
use crate::relay::scene::act_well;

/// The client's number.
const FROM: &str = "+15005550101";
/// The operator's.
const OPERATOR: &str = "+15005550100";
/// A call to it lasts until somebody hangs up.
pub const LASTING: &str = "+15005550018";
const TWIML: &str = "<Response><Say>Secret words</Say></Response>";

/// The ids of what is changed.
#[derive(Default)]
pub struct Scene {
    pub account: String,
    /// Nothing hangs on it.
    spare_account: String,
    operator_number: String,
    client: String,
    other_client: String,
    key: String,
    /// The client's.
    pub number: String,
    sent: String,
    scheduled: String,
    lasting: String,
    device: String,
    endpoint: String,
    other_endpoint: String,
    event: String,
    url: String,
}

impl Scene {
    pub async fn set(server: &Server, receiver: &Receiver) -> Result<Self> {
        let mut scene = Self { account: loopback(server).await?, url: receiver.url("/"), ..Self::default() };
        scene.set_operator(server).await?;
        scene.set_client(server).await?;
        scene.set_sent(server).await?;
        Ok(scene)
    }

    async fn set_operator(&mut self, server: &Server) -> Result {
        let id = async |path: &str, body: Value| text(&well(server, "POST", path, Some(body)).await?["id"]);
        let credentials = json!({"account_sid": format!("AC{}", "7".repeat(32)), "auth_token": "8".repeat(32)});
        let twilio = json!({"provider": "twilio", "credentials": credentials, "check": false});
        self.spare_account = id("/v1/accounts", twilio).await?;
        let mut number = self.new_number(OPERATOR);
        number["capabilities"] = json!(["sms", "mms", "voice", "whatsapp"]);
        self.operator_number = id("/v1/numbers", number).await?;
        Phone::new()?.pair(server, USER, &server.sid(USER).await?).await?;
        let devices = well(server, "GET", &format!("/v1/users/{USER}/devices"), None).await?;
        self.device = text(&devices["data"][0]["id"])?;
        self.endpoint = endpoint(server, &self.url, &["*"]).await?.0;
        self.other_endpoint = endpoint(server, &self.url, &["message.*"]).await?.0;
        self.event = test_event(server, &self.endpoint).await?;
        delivery(server, &self.event, "delivered").await.map(drop)
    }

    async fn set_client(&mut self, server: &Server) -> Result {
        let ann = client(server, "Ann", json!({"balance": "10"})).await?;
        self.key = text(&key(server, &ann, json!({})).await?["id"])?;
        self.client = text(&ann["id"])?;
        self.other_client = text(&client(server, "Bob", json!({})).await?["id"])?;
        self.number = self.post(server, "/v1/numbers", self.new_number(FROM)).await?;
        Ok(())
    }

    async fn set_sent(&mut self, server: &Server) -> Result {
        self.sent = self.post(server, "/v1/messages", sms()).await?;
        self.lasting = self.post(server, "/v1/calls", dial(LASTING)).await?;
        let (mut later, now_ms) = (sms(), switchboard::model::Clock::default().now_ms());
        later["send_at"] = switchboard::model::rfc3339(now_ms + 3_600_000).into();
        self.scheduled = self.post(server, "/v1/messages", later).await?;
        let (message, call) = (format!("/v1/messages/{}", self.sent), format!("/v1/calls/{}", self.lasting));
        for (path, field, wanted) in [(message, "state", "delivered"), (call, "status", "in-progress")] {
            until(wanted, async || {
                let (.., found) = ask(server, By::AdminFor(&self.client), "GET", &path, None).await?;
                Ok((found[field] == wanted).then_some(()))
            })
            .await?;
        }
        Ok(())
    }

    /// What is done in the client's name.
    pub async fn act(&self, server: &Server, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
        act_well(server, &self.client, method, path, body).await
    }

    /// Made in the client's name; its id.
    pub async fn post(&self, server: &Server, path: &str, body: Value) -> Result<String> {
        text(&self.act(server, "POST", path, Some(body)).await?["id"])
    }

    pub fn new_number(&self, number: &str) -> Value {
        json!({"number": number, "account_id": self.account, "capabilities": ["sms", "voice"]})
    }

    /// The same acts, in the client's name.
    pub fn for_client(&self, acts: impl IntoIterator<Item = Act>) -> Vec<Act> {
        acts.into_iter().map(|act| Act { client: Some(self.client.clone()), ..act }).collect()
    }
}

fn sms() -> Value {
    json!({"from": FROM, "to": TO, "body": "Secret words"})
}

fn dial(to: &str) -> Value {
    json!({"from": FROM, "to": to, "twiml": TWIML})
}

/// In an order in which they can be done one after the other.
pub fn all(scene: &Scene) -> Vec<Act> {
    let mut all = of_operator(scene);
    all.extend(of_clients(scene));
    all.extend(of_events(scene));
    all.extend(scene.for_client(of_sent(scene)));
    all
}

fn of_operator(scene: &Scene) -> Vec<Act> {
    let Scene { account, spare_account: spare, operator_number: number, device, .. } = scene;
    let flowroute = json!({"provider": "flowroute", "check": false,
        "credentials": {"access_key": "1", "secret_key": "2", "webhook_token": "3".repeat(32)}});
    let next = json!({"next_token": "9".repeat(32)});
    let (ours, person, out) = (OPERATOR.to_owned(), TO.to_owned(), json!({"is_out": true}));
    let opt_out = act("PUT", "/v1/opt-outs/{number}/{person}", &[&ours, &person], out, "opt_out.set", Made);
    vec![
        act("POST", "/v1/accounts", &[], flowroute, "account.add", Made),
        act("PATCH", "/v1/accounts/{id}", &[account], json!({"name": "lo"}), "account.change", Changed),
        act("PATCH", "/v1/accounts/{id}", &[account], json!({"credentials": {}}), "account.credentials", Same),
        act("PATCH", "/v1/accounts/{id}", &[spare], next, "account.credentials", Changed),
        act("POST", "/v1/accounts/{id}/check", &[account], Value::Null, "account.check", Nothing),
        act("DELETE", "/v1/accounts/{id}", &[spare], Value::Null, "account.delete", Gone),
        act("POST", "/v1/numbers", &[], scene.new_number("+15005550103"), "number.add", Made),
        act(
            "POST",
            "/v1/numbers/import",
            &[],
            format!("number,account_id\n+15005550104,{account}\n").into(),
            "number.import",
            Made,
        ),
        Act { object: None, ..act("POST", "/v1/accounts/{id}/numbers", &[account], json!({}), "number.import", Made) },
        act("PATCH", "/v1/numbers/{id}", &[number], json!({"rate": 9}), "number.change", Changed),
        on(&format!("{ours}/{person}"), opt_out),
        act("DELETE", "/v1/numbers/{id}", &[number], Value::Null, "number.delete", Gone),
        act("DELETE", "/v1/devices/{id}", &[device], Value::Null, "device.revoke", Changed),
    ]
}

fn of_clients(scene: &Scene) -> Vec<Act> {
    let Scene { client, other_client: other, key, .. } = scene;
    let credit = json!({"kind": "credit", "amount": "5"});
    let new_key = act("POST", "/v1/clients/{id}/keys", &[client], json!({}), "key.create", Made);
    vec![
        act("POST", "/v1/clients", &[], json!({"name": "Cem", "balance": "1"}), "client.create", Made),
        act("PATCH", "/v1/clients/{id}", &[other], json!({"name": "Rob", "low_at": "2"}), "client.change", Changed),
        act("POST", "/v1/clients/{id}/token", &[other], Value::Null, "client.token", Same),
        act("DELETE", "/v1/clients/{id}", &[other], Value::Null, "client.delete", Changed),
        Act { object: None, ..new_key },
        act("PATCH", "/v1/clients/{id}/keys/{key}", &[client, key], json!({"rate": 5}), "key.change", Changed),
        act("DELETE", "/v1/clients/{id}/keys/{key}", &[client, key], Value::Null, "key.revoke", Changed),
        act("POST", "/v1/clients/{id}/ledger", &[client], credit, "ledger.post", Made),
    ]
}

fn of_events(scene: &Scene) -> Vec<Act> {
    let Scene { endpoint, other_endpoint: other, event, url, .. } = scene;
    let again = json!({"endpoint_id": endpoint});
    vec![
        act("POST", "/v1/endpoints", &[], json!({"url": url}), "endpoint.create", Made),
        act("PATCH", "/v1/endpoints/{id}", &[endpoint], json!({"description": "x"}), "endpoint.change", Changed),
        act("POST", "/v1/endpoints/{id}/rotate", &[endpoint], Value::Null, "endpoint.rotate", Changed),
        act("POST", "/v1/endpoints/{id}/test", &[endpoint], Value::Null, "endpoint.test", Made),
        act("POST", "/v1/events/{id}/replay", &[event], again, "event.replay", Made),
        act("DELETE", "/v1/endpoints/{id}", &[other], Value::Null, "endpoint.delete", Gone),
    ]
}

fn of_sent(scene: &Scene) -> Vec<Act> {
    let Scene { scheduled, sent, lasting, .. } = scene;
    // the first of a path is what its description is tried with: it must last
    vec![
        act("POST", "/v1/messages", &[], sms(), "message.send", Made),
        act("PATCH", "/v1/messages/{id}", &[sent], json!({"body": ""}), "message.redact", Changed),
        act("DELETE", "/v1/messages/{id}", &[scheduled], Value::Null, "message.cancel", Changed),
        act("POST", "/v1/calls", &[], dial(TO), "call.place", Made),
        act("DELETE", "/v1/calls/{id}", &[lasting], Value::Null, "call.end", Asked),
    ]
}
