//! A receiver in Python, with the `standardwebhooks` package, verifies all that a running server posts.

use std::collections::BTreeSet;

use anyhow::ensure;
use serde::Deserialize;
use serde_json::{Value, json};
use switchboard::crypto::EncryptedPayload;
use switchboard::store::Change;

use crate::events::{builder, delivery, endpoint, test_event, text, well};
use crate::harness::python::Serving;
use crate::harness::{Layout, Result, Server, USER, until};
use crate::inbound::play::{self, OURS, PERSON, in_state, loopback, number, settled};
use crate::on_both_engines;
use crate::publish::play::{pair, platforms, post};
use crate::publish::sink::{SECRET, Sink};

/// Says of each post whose secret verifies it; refuses what none does. At `/bent` a bit of the body is flipped on
/// its way in.
const RECEIVE: &str = "
from http.server import BaseHTTPRequestHandler, HTTPServer
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

secrets, answer, more = given['secrets'], [], [True]

def verifies(secret, body, head):
    try:
        return Webhook(secret).verify(body, head) == json.loads(body)
    except WebhookVerificationError:
        return False

class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body, status = self.rfile.read(int(self.headers['content-length'])), 204
        if self.path == '/stop':
            more.clear()
        elif self.path == '/learn':
            secrets.update(json.loads(body))
        else:
            if self.path == '/bent':
                body = body[:20] + bytes([body[20] ^ 1]) + body[21:]
            head = dict(self.headers)
            signers = sorted(name for name in secrets if verifies(secrets[name], body, head))
            kind = json.loads(body).get('type') if signers else None
            answer.append({'path': self.path, 'id': head['webhook-id'], 'kind': kind, 'signers': signers})
            status = 204 if signers else 400
        self.send_response(status)
        self.end_headers()

    def log_message(self, *words):
        pass

server = HTTPServer(('127.0.0.1', given['port']), Receiver)
while more:
    server.handle_request()
";

/// A post that it got.
#[derive(Debug, Deserialize)]
struct Got {
    path: String,
    id: String,
    kind: Option<String>,
    signers: Vec<String>,
}

struct Receiver {
    port: u16,
    serving: Serving,
}

impl Receiver {
    async fn start(port: u16, secrets: Value) -> Result<Self> {
        let given = json!({"port": port, "secrets": secrets});
        let serving = Serving::start(RECEIVE, &given)?;
        let connect = async || Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok());
        until("the receiver's port", connect).await?;
        Ok(Self { port, serving })
    }

    async fn tell(&self, path: &str, body: &Value) -> Result {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        ensure!(reqwest::Client::new().post(url).json(body).send().await?.status() == 204);
        Ok(())
    }

    /// All that it got, by path.
    async fn end(self) -> Result<Vec<Got>> {
        self.tell("/stop", &Value::Null).await?;
        Ok(serde_json::from_value(self.serving.answer().await?)?)
    }
}

/// Something of every kind: messages out and in, a callback, a paired phone, and its text for a sink.
async fn all_kinds(server: &Server, callback_url: &str) -> Result {
    let account = loopback(server).await?;
    number(server, &account, OURS, json!({})).await?;
    let message = json!({"from": OURS, "to": PERSON, "body": "Ça va ? ✓ 😀 \u{2028}", "callback_url": callback_url,
        "metadata": {"é": ["\"quoted\"", 1.5, null]}});
    let sent = well(server, "POST", "/v1/messages", Some(message)).await?;
    in_state(server, &text(&sent["id"])?, "delivered").await?;
    play::text(server, PERSON, OURS, "Ça va bien\r\n").await?;
    settled(server).await?;
    let key = pair(server, USER).await?;
    ensure!(post(server, &EncryptedPayload::seal(&key, "g:a@example.org:::Été:✓")?).await?.0 == 200);
    until("the end of all posts", async || {
        let sql = "SELECT (SELECT COUNT(*) FROM sb_delivery WHERE state <> 'delivered') + \
                   (SELECT COUNT(*) FROM sb_publication WHERE state <> 'published')";
        Ok((server.rows(sql).await?.concat() == ["0"]).then_some(()))
    })
    .await
}

async fn python_verifies_what_is_posted(layout: Layout) -> Result {
    let sink = Sink::absent()?;
    let url = |path: &str| format!("http://127.0.0.1:{}{path}", sink.port);
    let server = builder(layout).await?.set("platforms", platforms(&sink)).start().await?;
    let (id, first) = endpoint(&server, &url("/events"), &["*"]).await?;
    let (bent_id, bent) = endpoint(&server, &url("/bent"), &["endpoint.test"]).await?;
    let callback = text(&well(&server, "GET", "/v1/endpoints/callback-secret", None).await?["secret"])?;
    let stranger = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
    let secrets = json!({"first": first, "bent": bent, "callback": callback, "sink": SECRET, "stranger": stranger});
    let receiver = Receiver::start(sink.port, secrets).await?;

    all_kinds(&server, &url("/callback")).await?;
    let rotated = well(&server, "POST", &format!("/v1/endpoints/{id}/rotate"), None).await?;
    receiver.tell("/learn", &json!({"second": rotated["secret"]})).await?;
    let overlap = test_event(&server, &id).await?;
    delivery(&server, &overlap, "delivered").await?;
    let later =
        Change::new().run("UPDATE sb_endpoint SET previous_until_ms = 1 WHERE previous_secret IS NOT NULL", Vec::new());
    server.home().databases.store()?.commit(later).await?;
    let after = test_event(&server, &id).await?;
    delivery(&server, &after, "delivered").await?;
    let refused = test_event(&server, &bent_id).await?;
    assert_eq!(delivery(&server, &refused, "exhausted").await?["last_status"], 400);

    let got = receiver.end().await?;
    println!("standardwebhooks verified {} posts", got.iter().filter(|post| !post.signers.is_empty()).count());
    for post in &got {
        let expected: &[&str] = match post.path.as_str() {
            "/callback" => &["callback"],
            "/sink" => &["sink"],
            "/bent" => &[],
            _ if post.id == overlap => &["first", "second"],
            _ if post.id == after => &["second"],
            _ => &["first"],
        };
        assert_eq!(post.signers, expected, "{post:?}");
    }
    let kinds = |path: &str| -> BTreeSet<&str> {
        got.iter().filter(|post| post.path == path).filter_map(|post| post.kind.as_deref()).collect()
    };
    for kind in ["message.sent", "message.delivered", "message.received", "device.paired", "endpoint.test"] {
        assert!(kinds("/events").contains(kind), "no {kind}: {got:#?}");
    }
    assert!(kinds("/callback").contains("message.delivered"), "{got:#?}");
    let bent = got.iter().filter(|post| post.path == "/bent").count();
    assert_eq!((bent, got.iter().filter(|post| post.path == "/sink").count()), (3, 1), "each try is refused");
    Ok(())
}

on_both_engines!(python_verifies_what_is_posted);
