//! Telnyx, as far as its public description tells: takes messages from who has the key, and signs what it posts
//! (<https://developers.telnyx.com/docs/messaging/messages/receiving-webhooks>).

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use serde_json::{Value, json};
use switchboard::model::lock::lock;
use warp::Filter as _;
use warp::http::{Response, StatusCode};

use super::{Result, Server};

/// The one API key that is good.
pub const API_KEY: &str = "KEY0ffee00c0ffee00c0ffee00c0ffee00";

/// A running one; it ends when it is dropped.
pub struct Telnyx {
    pub url: String,
    key: PKey<Private>,
    taken: Arc<Mutex<Vec<Value>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Telnyx {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

fn said(status: StatusCode, body: &Value) -> Response<String> {
    let mut response = Response::new(body.to_string());
    *response.status_mut() = status;
    response
}

/// The refusal of who has no key, or a wrong one.
fn refusal(login: Option<&str>) -> Option<Response<String>> {
    let error = json!({"code": "10009", "title": "Authentication failed", "detail": "The required authentication \
        headers were either invalid or not included in the request."});
    let is_known = login == Some(format!("Bearer {API_KEY}").as_str());
    (!is_known).then(|| said(StatusCode::UNAUTHORIZED, &json!({"errors": [error]})))
}

/// `POST /v2/messages`.
fn send(login: Option<&str>, body: &[u8], taken: &Mutex<Vec<Value>>) -> Response<String> {
    if let Some(refusal) = refusal(login) {
        return refusal;
    }
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let Some(to) = message["to"].as_str().filter(|_| message["from"].is_string()) else {
        return said(
            StatusCode::UNPROCESSABLE_ENTITY,
            &json!({"errors": [{"code": "10004", "title": "Missing required parameter"}]}),
        );
    };
    let mut taken = lock(taken);
    taken.push(message.clone());
    let answer = json!({"data": {"record_type": "message", "direction": "outbound", "id": id(taken.len()),
        "type": "SMS", "from": {"phone_number": message["from"]}, "to": [{"phone_number": to, "status": "queued"}],
        "text": message["text"], "parts": 1, "errors": []}});
    said(StatusCode::OK, &answer)
}

/// `GET /v2/phone_numbers`: three on each of two pages, one of which is not active.
fn numbers(query: &str) -> Response<String> {
    let page = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "page[number]");
    let page: u32 = page.and_then(|(_, page)| page.parse().ok()).unwrap_or(1);
    let number = |at: u32| {
        let status = if at == 5 { "ported-out" } else { "active" };
        let phone = format!("+1415557000{at}");
        json!({"id": format!("12930{at}"), "record_type": "phone_number", "phone_number": phone, "status": status})
    };
    let data: Vec<Value> = (0..3).map(|place| number((page - 1) * 3 + place)).collect();
    let meta = json!({"total_pages": 2, "total_results": 6, "page_number": page, "page_size": 3});
    said(StatusCode::OK, &json!({"data": data, "meta": meta}))
}

/// The name of a message by its place, from 1.
pub fn id(place: usize) -> String {
    format!("40385f64-5717-4562-b3fc-{place:012x}")
}

impl Telnyx {
    pub async fn start() -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let taken = Arc::<Mutex<Vec<Value>>>::default();
        let (kept, login) = (taken.clone(), warp::header::optional::<String>("authorization"));
        let messages = warp::path!("v2" / "messages").and(warp::post()).and(login).and(warp::body::bytes());
        let messages = messages.map(move |login: Option<String>, body: Bytes| send(login.as_deref(), &body, &kept));
        let profiles = warp::path!("v2" / "messaging_profiles").and(warp::get()).and(login);
        let profiles = profiles.map(|login: Option<String>| {
            refusal(login.as_deref())
                .unwrap_or_else(|| said(StatusCode::OK, &json!({"data": [], "meta": {"total_results": 0}})))
        });
        let listed = warp::path!("v2" / "phone_numbers").and(warp::get()).and(login).and(warp::query::raw());
        let listed = listed
            .map(|login: Option<String>, query: String| refusal(login.as_deref()).unwrap_or_else(|| numbers(&query)));
        let all = messages.or(profiles).unify().or(listed).unify();
        let serving = tokio::spawn(warp::serve(all).incoming(listener).run());
        Ok(Self { url, key: PKey::generate_ed25519()?, taken, serving })
    }

    /// The settings that lead to it.
    pub fn base_urls(&self) -> String {
        format!("{{ telnyx = \"{}\" }}", self.url)
    }

    /// What it gives its customer.
    pub fn credentials(&self) -> Result<Value> {
        Ok(json!({"api_key": API_KEY, "public_key": STANDARD.encode(self.key.raw_public_key()?)}))
    }

    /// The messages that it has taken, in their order.
    pub fn taken(&self) -> Vec<Value> {
        lock(&self.taken).clone()
    }

    /// Signs an event as one of so many seconds ago, and its text.
    pub fn sign(&self, event: &Value, ago: u64) -> Result<(String, String, String)> {
        let timestamp = (SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs() - ago).to_string();
        let body = event.to_string();
        let said = format!("{timestamp}|{body}");
        let signature = Signer::new_without_digest(&self.key)?.sign_oneshot_to_vec(said.as_bytes())?;
        Ok((STANDARD.encode(signature), timestamp, body))
    }

    /// Posts an event, signed now; the status.
    pub async fn post(&self, server: &Server, path: &str, event: &Value) -> Result<u16> {
        let (signature, timestamp, body) = self.sign(event, 0)?;
        post(server, path, (signature.as_str(), timestamp.as_str()), body).await
    }
}

/// Posts what was signed, or was not; the status.
pub async fn post(
    server: &Server,
    path: &str,
    (signature, timestamp): (&str, &str),
    body: impl Into<String>,
) -> Result<u16> {
    let request = server.http.post(server.url(path)).header("Content-Type", "application/json");
    let request = request.header("telnyx-signature-ed25519", signature).header("telnyx-timestamp", timestamp);
    Ok(request.body(body.into()).send().await?.status().as_u16())
}
