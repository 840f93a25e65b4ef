//! A platform's sink inside the test: hears what is posted, checks the signature by itself, answers as told.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use switchboard::model::lock::lock;
use tokio::net::TcpListener;
use warp::Filter as _;
use warp::http::{HeaderMap, StatusCode};

use crate::harness::Result;
use crate::harness::port::free_port;

/// The secret of every sink here.
pub const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
/// An answer that never comes.
pub const SILENCE: u16 = 0;

/// One post that was heard, whatever was answered.
#[derive(Clone, Debug)]
pub struct Heard {
    pub id: String,
    pub body: Value,
}

#[derive(Clone)]
struct Shared {
    heard: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
    answer: Arc<AtomicU16>,
}

pub struct Sink {
    pub port: u16,
    shared: Shared,
    serving: Option<tokio::task::JoinHandle<()>>,
}

impl Sink {
    /// Where a sink may be some day; nobody listens there yet.
    pub fn absent() -> Result<Self> {
        let shared = Shared { heard: Arc::default(), answer: Arc::new(AtomicU16::new(200)) };
        Ok(Self { port: free_port()?, shared, serving: None })
    }

    pub async fn start() -> Result<Self> {
        let mut sink = Self::absent()?;
        sink.listen().await?;
        Ok(sink)
    }

    pub async fn listen(&mut self) -> Result {
        let listener = TcpListener::bind(("127.0.0.1", self.port)).await?;
        let shared = self.shared.clone();
        let hear = warp::post().and(warp::header::headers_cloned()).and(warp::body::bytes()).then(
            move |headers: HeaderMap, body: Bytes| {
                let shared = shared.clone();
                async move {
                    lock(&shared.heard).push((headers, body));
                    let answer = shared.answer.load(Ordering::SeqCst);
                    if answer == SILENCE {
                        std::future::pending::<()>().await;
                    }
                    StatusCode::from_u16(answer).unwrap_or_default()
                }
            },
        );
        self.serving = Some(tokio::spawn(warp::serve(hear).incoming(listener).run()));
        Ok(())
    }

    pub fn answer(&self, status: u16) {
        self.shared.answer.store(status, Ordering::SeqCst);
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/sink", self.port)
    }

    /// Everything heard so far, each post's signature checked.
    pub fn heard(&self) -> Result<Vec<Heard>> {
        let heard = lock(&self.shared.heard).clone();
        heard.iter().map(|(headers, body)| verified(headers, body)).collect()
    }

    /// The plaintexts heard so far.
    pub fn texts(&self) -> Result<Vec<String>> {
        let heard = self.heard()?;
        heard.iter().map(|one| Ok(one.body["plaintext"].as_str().context("no plaintext")?.to_owned())).collect()
    }

    /// Waits until so many posts were heard.
    pub async fn await_heard(&self, count: usize, within: Duration) -> Result<Vec<Heard>> {
        let begun = Instant::now();
        loop {
            let heard = self.heard()?;
            if heard.len() >= count {
                return Ok(heard);
            }
            ensure!(begun.elapsed() < within, "{} of {count} within {within:?}", heard.len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(serving) = &self.serving {
            serving.abort();
        }
    }
}

/// Standard Webhooks, worked out anew: not by the code that signed.
fn verified(headers: &HeaderMap, body: &Bytes) -> Result<Heard> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).with_context(|| name.to_owned());
    let (id, timestamp, signature) =
        (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_"))?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    ensure!(signature == expected, "signature {signature}, not {expected}");
    ensure!(header("content-type")?.starts_with("application/json"));
    let age = crate::publish::play::now_secs()?.abs_diff(timestamp.parse()?);
    ensure!(age < 300, "a timestamp {age} s off");
    let body: Value = serde_json::from_slice(body)?;
    ensure!(body["message_id"] == id, "{body}");
    Ok(Heard { id: id.to_owned(), body })
}
