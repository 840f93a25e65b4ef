//! A client's server that is asked what becomes of texts, and answers as it is told.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{HeaderMap, Response};
use switchboard::model::lock::lock;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use warp::Filter as _;

use super::talk::Talk;
use crate::harness::{Builder, Layout, Result, until};

/// A question as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub headers: HeaderMap,
    pub body: String,
}

impl Asked {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What is said in a text that it is asked about.
    pub fn said(&self) -> String {
        let asked: serde_json::Value = serde_json::from_str(&self.body).unwrap_or_default();
        asked["data"]["body"].as_str().unwrap_or_default().to_owned()
    }
}

/// What is answered, and after how long.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: u16,
    pub kind: &'static str,
    pub body: Vec<u8>,
    pub location: Option<String>,
    pub delay: Duration,
    /// Nothing is answered before this.
    pub after: Option<Arc<Notify>>,
}

impl Answer {
    pub fn new(status: u16, body: &str) -> Self {
        let kind = "application/json";
        Self { status, kind, body: body.as_bytes().to_vec(), location: None, delay: Duration::ZERO, after: None }
    }

    pub fn late(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    pub fn after(self, gate: &Arc<Notify>) -> Self {
        Self { after: Some(gate.clone()), ..self }
    }
}

pub struct Hook {
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Hook {
    pub async fn start(answer: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Result<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let (asked, answer) = (Arc::new(Mutex::new(Vec::new())), Arc::new(answer));
        let noted = asked.clone();
        let route = warp::path::full().and(warp::header::headers_cloned()).and(warp::body::bytes());
        let route = route.then(move |path: warp::path::FullPath, headers: HeaderMap, body: bytes::Bytes| {
            let body = String::from_utf8_lossy(&body).into_owned();
            let one = Asked { path: path.as_str().to_owned(), headers, body };
            let said = answer(&one);
            lock(&noted).push(one);
            async move {
                tokio::time::sleep(said.delay).await;
                if let Some(gate) = said.after {
                    gate.notified().await;
                }
                let mut response = Response::builder().status(said.status).header("content-type", said.kind);
                if let Some(location) = said.location {
                    response = response.header("location", location);
                }
                response.body(said.body).unwrap_or_default()
            }
        });
        let task = tokio::spawn(warp::serve(route).incoming(listener).run());
        Ok(Self { port, asked, task })
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server that may call this machine.
pub async fn talk(layout: Layout, numbers: usize) -> Result<Talk> {
    Talk::of(Builder::new(layout).await?.set("event.allow", "127.0.0.1"), numbers).await
}

/// Waits until no text waits for an answer.
pub async fn answered(talk: &Talk) -> Result {
    until("the end of all questions", async || {
        let left = talk.server.rows("SELECT COUNT(*) FROM sb_asked_text").await?;
        Ok((left[0][0] == "0").then_some(()))
    })
    .await
}
