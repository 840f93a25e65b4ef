//! Signed webhooks to the gateway: delivery receipts, and messages from people.

use std::sync::Arc;

use hyper::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::call;
use crate::message::{Message, new_sid};
use crate::send::wait;
use crate::signature::sign;
use crate::state::Carrier;

/// Which receipts follow every message with a `StatusCallback`; none at first.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Receipts {
    /// In this order, such as `["sent", "delivered"]`; empty: none.
    pub states: Vec<String>,
    /// From the acceptance to the first.
    pub delay_ms: u64,
    /// From each to the next.
    pub gap_ms: u64,
    /// How often each is posted; 0 is once.
    pub times: u32,
    /// Given with `undelivered` and `failed`.
    pub error_code: Option<u32>,
    /// See [`Post::via`].
    pub via: Option<String>,
}

/// One receipt, now.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipt {
    pub sid: String,
    pub state: String,
    pub error_code: Option<u32>,
    pub via: Option<String>,
}

/// A message from a person.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inbound {
    url: String,
    from: String,
    to: String,
    #[serde(default)]
    body: String,
    sid: Option<String>,
    /// How often it is posted, one after the other; once where not given.
    times: Option<u32>,
    /// More parameters, or others in place of these.
    #[serde(default)]
    form: serde_json::Map<String, Value>,
    /// Signs in place of the account's.
    token: Option<String>,
    via: Option<String>,
}

/// A form and where it goes.
struct Post<'a> {
    /// As it is signed.
    url: &'a str,
    /// The origin to connect to in place of the URL's, such as `http://127.0.0.1:6996`.
    via: Option<&'a str>,
    token: &'a str,
    form: Vec<(String, String)>,
}

impl Post<'_> {
    async fn send(&self, carrier: &Carrier) -> Result<(u16, String), String> {
        let _place = carrier.webhooks.acquire().await.map_err(|error| error.to_string())?;
        let mut address = self.url.to_owned();
        if let Some(via) = self.via {
            let after = address.find("://").map_or(0, |at| at + 3);
            let path = address[after..].find('/').map_or(String::new(), |at| address[after + at..].to_owned());
            address = format!("{via}{path}");
        }
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.form).finish();
        let request = carrier
            .http
            .post(address)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("X-Twilio-Signature", sign(self.token, self.url, &self.form))
            .body(body);
        let response = request.send().await.map_err(|error| error.to_string())?;
        let status = response.status().as_u16();
        Ok((status, response.text().await.map_err(|error| error.to_string())?))
    }
}

fn pair(name: &str, value: impl ToString) -> (String, String) {
    (name.to_owned(), value.to_string())
}

/// Records a message; the receipts that are wanted follow, even where its sender has hung up meanwhile.
pub async fn record(carrier: &Arc<Carrier>, message: Message, delay_ms: u64) {
    let wanted = carrier.receipts.lock().map(|receipts| receipts.clone()).unwrap_or_default();
    if wanted.states.is_empty() || message.status_callback.is_none() {
        return carrier.log.record(message).await;
    }
    let (done, recorded) = oneshot::channel();
    let carrier = carrier.clone();
    tokio::spawn(async move {
        carrier.log.record(message.clone()).await;
        let _ = done.send(());
        wait(delay_ms + wanted.delay_ms).await;
        let asked = wanted.states.iter().filter(|state| message.is_asked_for(state));
        for (nth, state) in asked.enumerate() {
            wait(if nth == 0 { 0 } else { wanted.gap_ms }).await;
            for _ in 0..wanted.times.max(1) {
                let _ = post_receipt(&carrier, &message, state, wanted.error_code, wanted.via.as_deref()).await;
            }
        }
    });
    let _ = recorded.await;
}

/// Posts one receipt; what the gateway answered, or why it could not be asked.
pub async fn post_receipt(
    carrier: &Carrier,
    message: &Message,
    state: &str,
    error_code: Option<u32>,
    via: Option<&str>,
) -> Result<(u16, String), String> {
    let error_code = error_code.filter(|_| matches!(state, "undelivered" | "failed"));
    carrier.log.index().set_status(&message.sid, state, error_code);
    let mut form = if message.is_call() {
        call::fields(message, state)
    } else {
        vec![
            pair("MessageSid", &message.sid),
            pair("MessageStatus", state),
            pair("SmsSid", &message.sid),
            pair("SmsStatus", state),
        ]
    };
    form.extend([pair("To", &message.to), pair("AccountSid", &carrier.account), pair("ApiVersion", "2010-04-01")]);
    form.extend(message.from.iter().map(|from| pair("From", from)));
    form.extend(message.messaging_service_sid.iter().map(|sid| pair("MessagingServiceSid", sid)));
    form.extend(error_code.iter().map(|code| pair("ErrorCode", code)));
    let url = message.status_callback.as_deref().ok_or("the message has no StatusCallback")?;
    let posted = Post { url, via, token: &carrier.token, form }.send(carrier).await;
    let is_taken = posted.as_ref().is_ok_and(|(status, _)| (200..300).contains(status));
    carrier.count(if is_taken { "receipts_taken" } else { "receipts_failed" });
    posted
}

/// Posts a message from a person, and tells each answer.
pub async fn post_inbound(carrier: &Carrier, inbound: Inbound) -> Value {
    let sid = inbound.sid.unwrap_or_else(|| new_sid("SM"));
    let mut form = vec![
        pair("MessageSid", &sid),
        pair("SmsSid", &sid),
        pair("SmsMessageSid", &sid),
        pair("SmsStatus", "received"),
        pair("AccountSid", &carrier.account),
        pair("From", inbound.from),
        pair("To", inbound.to),
        pair("Body", inbound.body),
        pair("NumMedia", 0),
        pair("NumSegments", 1),
        pair("ApiVersion", "2010-04-01"),
    ];
    for (name, value) in inbound.form {
        form.retain(|(own, _)| *own != name);
        form.push((name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)));
    }
    let token = inbound.token.as_deref().unwrap_or(&carrier.token);
    let post = Post { url: &inbound.url, via: inbound.via.as_deref(), token, form };
    let mut answers = Vec::new();
    for _ in 0..inbound.times.unwrap_or(1) {
        answers.push(show(post.send(carrier).await));
    }
    json!({ "sid": sid, "answers": answers })
}

pub fn show(posted: Result<(u16, String), String>) -> Value {
    match posted {
        Ok((status, body)) => json!({ "status": status, "body": body }),
        Err(error) => json!({ "error": error }),
    }
}
