//! The relay: clients, keys, money, routes, and the doors that their programs know.
mod acting;
pub mod acts;
mod address;
mod audit;
mod auth;
mod balance;
pub mod books;
mod bound;
mod callback;
mod card;
mod carried;
mod change;
pub mod client;
mod command;
mod contract;
mod crash;
mod doors;
mod exclusive;
mod explain;
mod failed;
mod flurry;
mod folded;
mod force;
mod forms;
mod gone;
mod hangup;
mod idempotency;
mod idle;
mod key;
mod ledger;
mod login;
mod low;
mod moved;
mod node;
pub mod number_import;
mod number_import_crash;
mod number_import_slice;
mod pace;
mod parameter;
mod picture;
mod pool;
mod race;
mod rate;
mod repeat;
mod report;
mod reserved;
pub mod route;
pub mod scene;
mod scope;
mod sealed;
mod sequence;
mod step;
mod text;
mod twilio;
mod unreadable;
mod validity;
mod value;
mod voice;
mod whatsapp;
mod words;

use anyhow::ensure;
use serde_json::{Value, json};

use self::acts::{Act, Scene};
use crate::events::{text, well};
use crate::harness::{Builder, Result, Server};

/// What is done to the resources whose tests say so themselves, a row each: it is to be in the audit log.
async fn acts_of_resources(server: &Server, scene: &Scene) -> Result<Vec<Act>> {
    let all = [
        pool::acts(server, scene).await?,
        rate::acts(server).await?,
        route::acts(server, scene).await?,
        crate::session::acts(server, scene).await?,
        crate::verification::scene::acts(server, scene).await?,
        crate::verification::template::acts(server, scene).await?,
        crate::verification::permission::acts(),
        crate::verification::rate_limit::acts(server, scene).await?,
        crate::verification::guard::acts(server).await?,
    ];
    Ok(all.into_iter().flatten().collect())
}

/// A consumer of the API, with a key that may do all.
#[derive(Clone, Debug)]
pub struct Client {
    pub id: String,
    pub sid: String,
    pub token: String,
    pub key: String,
}

/// A client with so much money.
pub async fn client(server: &Server, balance: &str) -> Result<Client> {
    let made = well(server, "POST", "/v1/clients", Some(json!({"name": "tester", "balance": balance}))).await?;
    let id = text(&made["id"])?;
    let key = well(server, "POST", &format!("/v1/clients/{id}/keys"), Some(json!({"name": "test"}))).await?;
    Ok(Client { id, sid: text(&made["sid"])?, token: text(&made["auth_token"])?, key: text(&key["key"])? })
}

/// A client's balance, by the administrator's door.
pub async fn balance(server: &Server, client: &Client) -> Result<String> {
    text(&well(server, "GET", &format!("/v1/clients/{}", client.id), None).await?["balance"])
}

/// The loopback account, taking whatever sender there is, and a route for everything to it.
pub async fn loopback(server: &Server) -> Result<String> {
    let new = json!({"provider": "loopback", "credentials": {}, "any_sender": true});
    let account = text(&well(server, "POST", "/v1/accounts", Some(new)).await?["id"])?;
    route(server, &account).await?;
    Ok(account)
}

/// A route for everything to an account.
pub async fn route(server: &Server, account: &str) -> Result {
    let rule = json!({"priority": 100, "pattern": ".*", "account_id": account});
    well(server, "POST", "/v1/routes", Some(rule)).await.map(drop)
}

/// A post with a client's key: status and answer.
pub async fn post(server: &Server, key: &str, path: &str, body: &Value) -> Result<(u16, Value)> {
    let request = server.http.post(server.url(path)).header("x-proxy-auth", key);
    let response = request.header("content-type", "application/json").body(body.to_string()).send().await?;
    let status = response.status().as_u16();
    Ok((status, response.json().await?))
}

/// Whether every movement of money is accounted for, as `switchboard ledger verify` says.
pub async fn verified(builder: &Builder) -> Result {
    let output = builder.run(&["ledger", "verify"]).await?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{said}");
    Ok(())
}
