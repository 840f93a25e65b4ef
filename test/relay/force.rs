//! What is changed is in force at once on the node that changed it, and within two seconds on the others.

use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::{Value, json};

use super::client::{By, ask, key};
use super::scene::unreachable;
use super::{Client, client, loopback, verified};
use crate::events::{text, well};
use crate::harness::{Builder, Layout, Result, Server};
use crate::on_both_engines;

/// What the contract gives the other nodes.
const SOON: Duration = Duration::from_secs(2);
const TO: &str = "+14155550100";

/// The nodes, and whose turn it is to change something.
struct Nodes<'a> {
    all: &'a [&'a Server],
    turn: usize,
}

impl Nodes<'_> {
    /// Changes something through the next node: what it says.
    async fn change(&mut self, method: &str, path: &str, body: Option<Value>) -> Result<(Value, Instant)> {
        self.turn += 1;
        let told = well(self.changed(), method, path, body).await?;
        Ok((told, Instant::now()))
    }

    /// The node that has changed something last.
    fn changed(&self) -> &Server {
        self.all[self.turn % self.all.len()]
    }

    /// The very next request there is answered as it is to be; the others' within two seconds.
    async fn answer(&self, what: &str, since: Instant, look: impl AsyncFn(&Server) -> Result<bool>) -> Result {
        ensure!(look(self.changed()).await?, "{what}: not at once");
        for other in self.all.iter().filter(|node| node.port != self.changed().port) {
            loop {
                let asked = since.elapsed();
                if look(other).await? {
                    println!("{what}: on the other node {asked:?} after");
                    break;
                }
                ensure!(asked < SOON, "{what}: not after {asked:?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }
}

/// What a text costs; or the status that it is refused with.
async fn cost(node: &Server, key: &str) -> Result<std::result::Result<String, u16>> {
    let body = json!({"To": TO, "From": "+15005550006", "Body": "x"});
    let (status, _, told) = ask(node, By::Proxy(key), "POST", "/relay/sms", Some(body)).await?;
    Ok(if status == 200 { Ok(text(&told["cost"])?) } else { Err(status) })
}

fn costs(key: &str, wanted: std::result::Result<&str, u16>) -> impl AsyncFn(&Server) -> Result<bool> {
    let wanted = wanted.map(str::to_owned);
    async move |node: &Server| Ok(cost(node, key).await? == wanted)
}

async fn rates(nodes: &mut Nodes<'_>, key: &str) -> Result {
    let card = json!({"channel": "sms", "prefix": "1415", "price": "0.5"});
    let (rate, since) = nodes.change("POST", "/v1/rates", Some(card)).await?;
    nodes.answer("a new rate", since, costs(key, Ok("0.5000"))).await?;
    let path = format!("/v1/rates/{}", text(&rate["id"])?);
    let (_, since) = nodes.change("PATCH", &path, Some(json!({"price": "0.25"}))).await?;
    nodes.answer("a changed rate", since, costs(key, Ok("0.2500"))).await?;
    let (_, since) = nodes.change("DELETE", &path, None).await?;
    nodes.answer("a deleted rate", since, costs(key, Ok("0.0075"))).await
}

async fn routes(nodes: &mut Nodes<'_>, client: &Client) -> Result {
    let key = client.key.as_str();
    let route = well(nodes.changed(), "GET", "/v1/routes", None).await?["data"][0].clone();
    let (path, account) = (format!("/v1/routes/{}", text(&route["id"])?), text(&route["account_id"])?);
    let (_, since) = nodes.change("PATCH", &path, Some(json!({"pattern": r"\+237"}))).await?;
    nodes.answer("a route that leads elsewhere", since, costs(key, Err(500))).await?;
    let (_, since) = nodes.change("PATCH", &path, Some(json!({"pattern": r"\+1"}))).await?;
    nodes.answer("a route that leads there", since, costs(key, Ok("0.0075"))).await?;
    let (_, since) = nodes.change("DELETE", &path, None).await?;
    nodes.answer("a deleted route", since, costs(key, Err(500))).await?;
    let new = json!({"priority": 9, "pattern": ".*", "account_id": account});
    let (_, since) = nodes.change("POST", "/v1/routes", Some(new)).await?;
    nodes.answer("a new route", since, costs(key, Ok("0.0075"))).await?;
    // which of two accounts it is, without sending
    let other = unreachable(nodes.changed(), '1').await?;
    let number = json!({"number": "+15005550200", "account_id": other});
    well(nodes.changed(), "POST", "/v1/numbers", Some(number)).await?;
    let new = json!({"priority": 1, "pattern": r"\+1415", "account_id": other});
    let (first, since) = nodes.change("POST", "/v1/routes", Some(new)).await?;
    let leads = |account: &str| {
        let (account, query) = (account.to_owned(), format!("to=%2B14155550100&client={}", client.id));
        async move |node: &Server| {
            let said = well(node, "GET", &format!("/v1/routes/explain?{query}"), None).await?;
            Ok(said["routes"][0]["account_id"] == account.as_str())
        }
    };
    nodes.answer("a route before it", since, leads(&other)).await?;
    let path = format!("/v1/routes/{}", text(&first["id"])?);
    let (_, since) = nodes.change("PATCH", &path, Some(json!({"priority": 10}))).await?;
    nodes.answer("a route behind it", since, leads(&account)).await
}

async fn keys(nodes: &mut Nodes<'_>, client: &Client) -> Result {
    let made = key(nodes.changed(), &json!({"id": client.id}), json!({"scopes": ["read"]})).await?;
    let (path, key) = (format!("/v1/clients/{}/keys/{}", client.id, text(&made["id"])?), text(&made["key"])?);
    let key = key.as_str();
    let (_, since) = nodes.change("PATCH", &path, Some(json!({"scopes": ["sms"]}))).await?;
    nodes.answer("a scope", since, costs(key, Ok("0.0075"))).await?;
    for (what, bound) in [
        ("destinations", json!({"destinations": r"\+237"})),
        ("senders", json!({"destinations": null, "senders": r"\+237"})),
        ("sources", json!({"senders": null, "sources": ["10.0.0.0/8"]})),
    ] {
        let (_, since) = nodes.change("PATCH", &path, Some(bound)).await?;
        nodes.answer(what, since, costs(key, Err(403))).await?;
    }
    let (_, since) = nodes.change("PATCH", &path, Some(json!({"sources": []}))).await?;
    nodes.answer("no bounds", since, costs(key, Ok("0.0075"))).await?;
    let (_, since) = nodes.change("PATCH", &path, Some(json!({"expires_at": "2020-01-01T00:00:00Z"}))).await?;
    nodes.answer("an expired key", since, costs(key, Err(401))).await?;
    let (_, since) = nodes.change("PATCH", &path, Some(json!({"expires_at": null}))).await?;
    nodes.answer("a key that lasts", since, costs(key, Ok("0.0075"))).await?;
    let (_, since) = nodes.change("DELETE", &path, None).await?;
    nodes.answer("a revoked key", since, costs(key, Err(401))).await
}

async fn clients(nodes: &mut Nodes<'_>, client: &Client) -> Result {
    let path = format!("/v1/clients/{}", client.id);
    let by_token = |token: &str, wanted: u16| {
        let (sid, token) = (client.sid.clone(), token.to_owned());
        async move |node: &Server| Ok(ask(node, By::Basic(&sid, &token), "GET", "/v1/balance", None).await?.0 == wanted)
    };
    let (rotated, since) = nodes.change("POST", &format!("{path}/token"), None).await?;
    nodes.answer("an old token", since, by_token(&client.token, 401)).await?;
    nodes.answer("a new token", since, by_token(&text(&rotated["auth_token"])?, 200)).await?;
    let (_, since) = nodes.change("DELETE", &path, None).await?;
    nodes.answer("a deleted client", since, costs(&client.key, Err(401))).await?;
    let (_, since) = nodes.change("PATCH", &path, Some(json!({"is_active": true}))).await?;
    nodes.answer("a client that is back", since, costs(&client.key, Ok("0.0075"))).await?;
    // what is left to spend is asked of the store: every node knows it at once
    let (first, last) = (nodes.all[0], nodes.all[nodes.all.len() - 1]);
    nodes.change("POST", &format!("{path}/ledger"), Some(json!({"set": "0", "reason": "x"}))).await?;
    assert_eq!((cost(first, &client.key).await?, cost(last, &client.key).await?), (Err(402), Err(402)));
    nodes.change("PATCH", &path, Some(json!({"credit_limit": "0.0075"}))).await?;
    assert_eq!(cost(last, &client.key).await?, Ok("0.0075".to_owned()));
    assert_eq!(cost(first, &client.key).await?, Err(402));
    Ok(())
}

async fn changes_are_in_force(all: &[&Server]) -> Result {
    let builder = Builder::at(all[0].home());
    loopback(all[0]).await?;
    let client = client(all[0], "100").await?;
    let mut nodes = Nodes { all, turn: 0 };
    nodes.answer("a new client, key and route", Instant::now(), costs(&client.key, Ok("0.0075"))).await?;
    rates(&mut nodes, &client.key).await?;
    routes(&mut nodes, &client).await?;
    keys(&mut nodes, &client).await?;
    clients(&mut nodes, &client).await?;
    verified(&builder).await
}

async fn a_change_is_in_force_at_once(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    changes_are_in_force(&[&server]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_in_force_on_other_nodes_within_two_seconds() -> Result {
    let one = Server::start(Layout::MariadbShared).await?;
    let other = Builder::at(one.home()).start_unseeded().await?;
    changes_are_in_force(&[&one, &other]).await
}

on_both_engines!(a_change_is_in_force_at_once);
