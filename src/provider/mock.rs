//! A server of a few lines: does what a test tells it to, and keeps what it was asked.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{BaseUrl, CarrierKind, HttpClient, OutgoingMessage, Settings};
use crate::model::{Channel, DurationSetting, MessageId};

pub(super) type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What the server does with one request.
#[derive(Clone)]
pub(super) enum Act {
    /// Writes these bytes.
    Say(String),
    /// Writes these bytes and closes.
    SayAndClose(String),
    Hang,
}

pub(super) struct Mock {
    pub(super) url: String,
    asked: Arc<Mutex<Vec<String>>>,
    connections: Arc<Mutex<usize>>,
    task: tokio::task::JoinHandle<()>,
}

pub(super) fn reply(status: &str, headers: &str, body: &str) -> Act {
    Act::Say(format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len()))
}

impl Mock {
    /// Each request takes the next act; the last one is for all that follow.
    pub(super) async fn start(acts: Vec<Act>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let (asked, connections) = (Arc::<Mutex<Vec<String>>>::default(), Arc::<Mutex<usize>>::default());
        let (kept, counted) = (asked.clone(), connections.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *counted.lock().unwrap() += 1;
                tokio::spawn(serve(stream, acts.clone(), kept.clone()));
            }
        });
        Ok(Self { url, asked, connections, task })
    }

    pub(super) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, acts: Vec<Act>, asked: Arc<Mutex<Vec<String>>>) {
    while let Some(request) = read(&mut stream).await {
        let act = {
            let mut asked = asked.lock().unwrap();
            asked.push(request);
            acts.get(asked.len() - 1).or(acts.last()).cloned()
        };
        match act {
            Some(Act::Say(text)) if stream.write_all(text.as_bytes()).await.is_ok() => {}
            Some(Act::SayAndClose(text)) => {
                let _ = stream.write_all(text.as_bytes()).await;
                return;
            }
            Some(Act::Hang) => tokio::time::sleep(Duration::from_secs(60)).await,
            _ => return,
        }
    }
}

/// One request, head and body.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return Some(text);
            }
        }
        let mut part = [0; 4096];
        match stream.read(&mut part).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&part[..count]),
            _ => return None,
        }
    }
}

/// Settings under which every carrier is at `url`, and short of patience.
pub(super) fn settings(url: &str) -> Result<Settings> {
    let base: BaseUrl = url.parse()?;
    Ok(Settings {
        twilio_base_url: url.parse()?,
        twilio_lookup_base_url: url.parse()?,
        flowroute_base_url: url.parse()?,
        base_urls: CarrierKind::ALL.map(|kind| (kind.name().to_owned(), base.clone())).into(),
        timeout: DurationSetting::from_millis(1_500),
        connect_timeout: DurationSetting::from_millis(700),
        connections_per_host: 4,
        loopback_latency: DurationSetting::from_millis(0),
        loopback_receipts: true,
    })
}

/// rustls wants to be told whose cryptography it uses.
pub(super) fn install_tls() {
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
}

pub(super) fn client(settings: &Settings) -> Result<HttpClient> {
    install_tls();
    Ok(HttpClient::new(settings)?)
}

pub(super) fn outgoing(to: &str, body: &str) -> OutgoingMessage {
    OutgoingMessage {
        id: MessageId::new(1),
        channel: Channel::Sms,
        from: "+14155550199".into(),
        to: to.into(),
        body: body.into(),
        media_urls: Vec::new(),
        template: None,
        valid_for_secs: None,
        status_url: None,
        instructions: None,
        until: Instant::now() + Duration::from_secs(60),
        secret: None,
    }
}
