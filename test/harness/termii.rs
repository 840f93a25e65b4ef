//! Termii, as far as its public description tells: takes messages from who has the key, and signs what it posts with
//! the account's secret key (<https://developer.termii.com/messaging-api>,
//! <https://developer.termii.com/events-and-reports>). It is spoken to by its description alone.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use serde_json::{Value, json};
use sha2::Sha512;
use switchboard::model::lock::lock;
use warp::Filter as _;
use warp::http::{Response, StatusCode};

use super::{Result, Server};

/// The one API key that is good.
pub const API_KEY: &str = "TLKq7Zr0ffee00c0ffee00";
/// What it signs with.
pub const SECRET_KEY: &str = "tsk_0ffee00c0ffee00c0ffee00";
/// The segment of the path that it posts to.
pub const TOKEN: &str = "a-path-that-termii-knows";

const DESCRIPTION: &str = include_str!("../../src/provider/http_api/termii.json");

/// A running one; it ends when it is dropped.
pub struct Termii {
    pub url: String,
    taken: Arc<Mutex<Vec<Value>>>,
    /// What it answers to the next message, in place of what is described.
    odd: Arc<Mutex<Option<String>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Termii {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn said(status: StatusCode, body: String) -> Response<String> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// As carriers do that their customers should not copy an answer of.
fn unauthorized(key: &str) -> Response<String> {
    said(StatusCode::UNAUTHORIZED, json!({"message": format!("Invalid API key: {key}")}).to_string())
}

/// `POST /api/sms/send`.
fn send(body: &[u8], taken: &Mutex<Vec<Value>>, odd: &Mutex<Option<String>>) -> Response<String> {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    if message["api_key"] != API_KEY {
        return unauthorized(message["api_key"].as_str().unwrap_or_default());
    }
    if ["to", "from", "sms", "type", "channel"].into_iter().any(|name| !message[name].is_string()) {
        return said(StatusCode::BAD_REQUEST, json!({"message": "A required parameter is missing"}).to_string());
    }
    let mut taken = lock(taken);
    taken.push(message);
    if let Some(odd) = lock(odd).take() {
        return said(StatusCode::OK, odd);
    }
    let answer = json!({"message_id": id(taken.len()), "message": "Successfully Sent", "balance": 9, "user": "Ann"});
    said(StatusCode::OK, answer.to_string())
}

/// The name of a message by its place, from 1.
pub fn id(place: usize) -> String {
    format!("91228212705548{place:05}")
}

/// The signature of a body.
pub fn sign(key: &str, body: &str) -> Result<String> {
    let mac = Hmac::<Sha512>::new_from_slice(key.as_bytes()).map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(hex::encode(mac.chain_update(body.as_bytes()).finalize().into_bytes()))
}

impl Termii {
    pub async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (taken, odd) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::<Mutex<Option<String>>>::default());
        let kept = (taken.clone(), odd.clone());
        let messages = warp::path!("api" / "sms" / "send").and(warp::post()).and(warp::body::bytes());
        let messages = messages.map(move |body: Bytes| send(&body, &kept.0, &kept.1));
        let balance = warp::path!("api" / "get-balance").and(warp::get()).and(warp::query::raw());
        let balance = balance.map(|query: String| {
            let key = query.strip_prefix("api_key=").unwrap_or_default();
            let answer = json!({"user": "Ann", "balance": 9, "currency": "NGN"});
            if key == API_KEY { said(StatusCode::OK, answer.to_string()) } else { unauthorized(key) }
        });
        let serving = tokio::spawn(warp::serve(messages.or(balance).unify()).incoming(listener).run());
        Ok(Self { url, taken, odd, serving })
    }

    /// Its description, but for where it is.
    pub fn description(&self) -> Result<Value> {
        Ok(serde_json::from_str(&DESCRIPTION.replace("https://api.ng.termii.com", &self.url))?)
    }

    /// What its customer enters.
    pub fn credentials(&self) -> Result<Value> {
        let secrets = json!({"api_key": API_KEY, "secret_key": SECRET_KEY, "channel": "dnd"});
        Ok(json!({"description": self.description()?, "secrets": secrets, "webhook_token": TOKEN}))
    }

    /// The messages that it has taken, in their order.
    pub fn taken(&self) -> Vec<Value> {
        lock(&self.taken).clone()
    }

    /// Answers the next message so, and takes it.
    pub fn answer(&self, odd: &str) {
        *lock(&self.odd) = Some(odd.to_owned());
    }

    /// Posts what it signs; the status.
    pub async fn post(&self, server: &Server, path: &str, event: &Value) -> Result<u16> {
        let body = event.to_string();
        post(server, path, &sign(SECRET_KEY, &body)?, body).await
    }
}

/// Posts what was signed, or was not; the status.
pub async fn post(server: &Server, path: &str, signature: &str, body: impl Into<String>) -> Result<u16> {
    let request = server.http.post(server.url(path)).header("Content-Type", "application/json");
    let request = request.header("X-Termii-Signature", signature).body(body.into());
    Ok(request.send().await?.status().as_u16())
}
