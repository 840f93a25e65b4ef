//! The carrier's webhooks: signed as Twilio signs, in the order and as often as commanded.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::ensure;
use serde_json::{Value, json};
use warp::Filter as _;

use super::{FROM, TO, send};
use crate::harness::carrier::TOKEN;
use crate::harness::carrier::signature::sign;
use crate::harness::{Carrier, Result, python};
use crate::operations::vectors::vectors;

/// A signature and the form that came with it.
type Post = (String, Vec<(String, String)>);

/// A stand-in for the gateway: keeps every form with its signature, and answers 204.
struct Listener {
    url: String,
    heard: Arc<Mutex<Vec<Post>>>,
}

impl Listener {
    async fn start() -> Result<Self> {
        let heard: Arc<Mutex<Vec<_>>> = Arc::default();
        let kept = heard.clone();
        let route = warp::post().and(warp::header("x-twilio-signature")).and(warp::body::bytes()).map(
            move |signature: String, body: bytes::Bytes| {
                let form = form_urlencoded::parse(&body).into_owned().collect();
                if let Ok(mut kept) = kept.lock() {
                    kept.push((signature, form));
                }
                warp::http::StatusCode::NO_CONTENT
            },
        );
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/webhooks/twilio?a=b&c=d", listener.local_addr()?);
        tokio::spawn(warp::serve(route).incoming(listener).run());
        Ok(Self { url, heard })
    }

    /// The values of one parameter, once so many forms came.
    async fn values(&self, name: &str, count: usize) -> Result<Vec<String>> {
        for _ in 0..500 {
            if self.forms().len() >= count {
                let forms = self.forms();
                let pairs = forms.iter().flat_map(|(_, form)| form);
                return Ok(pairs.filter(|pair| pair.0 == name).map(|pair| pair.1.clone()).collect());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::bail!("only {} came", self.forms().len())
    }

    fn forms(&self) -> Vec<Post> {
        self.heard.lock().map(|heard| heard.clone()).unwrap_or_default()
    }

    /// What Twilio's library says of each signature, for the URL that was signed.
    async fn verdicts(&self, url: &str) -> Result<Value> {
        python::run(VERIFY, json!({ "token": TOKEN, "url": url, "posts": self.forms() })).await
    }
}

const VERIFY: &str = "
from twilio.request_validator import RequestValidator

validator = RequestValidator(given['token'])
answer = [validator.validate(given['url'], dict(form), signature) for signature, form in given['posts']]
";

#[tokio::test(flavor = "multi_thread")]
async fn receipts_follow_as_commanded() -> Result {
    let (carrier, listener) = (Carrier::start().await?, Listener::start().await?);
    carrier.receipts(json!({ "states": ["delivered", "sent"], "delay_ms": 10, "times": 2 })).await?;
    let form = [("To", TO), ("From", FROM), ("Body", "é & +"), ("StatusCallback", &*listener.url)];
    let (status, message) = send(&carrier.http, &carrier.messages_url(), &form).await?;
    assert_eq!(status, 201);
    assert_eq!(listener.values("MessageStatus", 4).await?, ["delivered", "delivered", "sent", "sent"]);
    let sid = message["sid"].as_str().unwrap_or_default();
    assert_eq!(listener.values("MessageSid", 4).await?, [sid; 4]);
    assert_eq!(carrier.receipt(sid, "undelivered", Some(30003)).await?, 204);
    assert_eq!(listener.values("ErrorCode", 5).await?, ["30003"]);
    assert_eq!(carrier.messages(Some(TO)).await?[0].status, "undelivered");
    assert_eq!(listener.verdicts(&listener.url).await?, json!(vec![true; 5]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_come_where_the_answer_was_lost() -> Result {
    let (carrier, listener) = (Carrier::start().await?, Listener::start().await?);
    carrier.receipts(json!({ "states": ["sent"] })).await?;
    carrier.behave(json!({ "do": "cut" })).await?;
    let form = [("To", TO), ("From", FROM), ("Body", "x"), ("StatusCallback", &*listener.url)];
    assert!(send(&carrier.http, &carrier.messages_url(), &form).await.is_err());
    assert_eq!(listener.values("MessageStatus", 1).await?, ["sent"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn people_write() -> Result {
    let (carrier, listener) = (Carrier::start().await?, Listener::start().await?);
    let mut message = json!({ "url": listener.url, "from": TO, "to": FROM, "body": "START ✓", "times": 3 });
    message["form"] = json!({ "NumMedia": 1, "MediaUrl0": "http://127.0.0.1/1.png" });
    let (sid, statuses) = carrier.inbound(message).await?;
    assert_eq!(statuses, [204; 3]);
    assert_eq!(listener.values("MessageSid", 3).await?, [sid.as_str(); 3]);
    assert_eq!(listener.values("NumMedia", 3).await?, ["1"; 3]);
    assert_eq!(listener.verdicts(&listener.url).await?, json!(vec![true; 3]));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_url_is_signed_and_the_machine_at_hand_connected_to() -> Result {
    let (carrier, listener) = (Carrier::start().await?, Listener::start().await?);
    let public = "https://gw.example.com/webhooks/twilio?a=b";
    let via = listener.url.split("/webhooks").next().unwrap_or_default();
    let message =
        |token: Option<&str>| json!({ "url": public, "via": via, "from": TO, "to": FROM, "body": "x", "token": token });
    carrier.inbound(message(None)).await?;
    carrier.inbound(message(Some("a stranger's"))).await?;
    listener.values("Body", 2).await?;
    assert_eq!(listener.verdicts(public).await?, json!([true, false]));
    let nobody = carrier.inbound(json!({ "url": "http://127.0.0.1:1/", "from": TO, "to": FROM })).await;
    ensure!(nobody.is_err(), "an answer came from nobody");
    Ok(())
}

#[test]
fn signatures_are_those_of_twilios_library() -> Result {
    let vectors = vectors("twilio_signatures.json")?;
    let token = vectors["auth_token"].as_str().unwrap_or_default();
    let mut checked = 0;
    for case in vectors["cases"].as_array().into_iter().flatten().filter(|case| case["params"].is_object()) {
        let mut form = Vec::new();
        for (name, value) in case["params"].as_object().into_iter().flatten() {
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            form.extend(values.iter().map(|value| (name.clone(), value.as_str().unwrap_or_default().to_owned())));
        }
        let url = case["url"].as_str().unwrap_or_default();
        assert_eq!(sign(token, url, &form), case["signature"], "{}", case["name"]);
        checked += 1;
    }
    assert!(checked >= 5, "only {checked} cases");
    Ok(())
}
