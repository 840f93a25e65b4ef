//! A sync socket as a page sees it.

use anyhow::{Context as _, bail};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use super::{LONG, Result, Server};

pub struct Socket(pub WebSocketStream<MaybeTlsStream<TcpStream>>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// A rotation frame's session id.
    Code(String),
    Pause,
    Ack,
    Closed(u16),
    /// The connection ended without a close frame.
    Lost,
}

impl Socket {
    pub async fn open(server: &Server, path: &str) -> Result<Self> {
        let (socket, _) = tokio_tungstenite::connect_async(server.socket_url(path)).await?;
        Ok(Self(socket))
    }

    /// On a user's session, or on a new one.
    pub async fn of(server: &Server, user: &str, sid: Option<&str>) -> Result<Self> {
        let sid = sid.map(|sid| format!("/{sid}")).unwrap_or_default();
        Self::open(server, &format!("/v2/sync/init/{user}{sid}")).await
    }

    /// The next text frame, as it stands; an error where the socket closes instead.
    pub async fn text(&mut self) -> Result<String> {
        loop {
            let next = tokio::time::timeout(LONG, self.0.next()).await.context("silence")?;
            match next.context("ended")?? {
                Message::Text(text) => return Ok(text.to_string()),
                Message::Close(frame) => bail!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    /// What comes next, pings aside.
    pub async fn hear(&mut self) -> Result<Heard> {
        loop {
            let next = tokio::time::timeout(LONG, self.0.next()).await.context("silence")?;
            return Ok(match next {
                Some(Ok(Message::Text(text))) => match text.as_str() {
                    "201- pause" => Heard::Pause,
                    "200- ack" => Heard::Ack,
                    frame => Heard::Code(sid_of(frame)?),
                },
                Some(Ok(Message::Close(frame))) => Heard::Closed(frame.map_or(1005, |frame| frame.code.into())),
                Some(Ok(_)) => continue,
                None
                | Some(Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Io(_) | Error::Protocol(_))) => {
                    Heard::Lost
                }
                Some(Err(error)) => bail!(error),
            });
        }
    }

    /// A rotation frame's session id.
    pub async fn code(&mut self) -> Result<String> {
        match self.hear().await? {
            Heard::Code(sid) => Ok(sid),
            other => bail!("{other:?} instead of a code"),
        }
    }

    /// Passes over further codes to what is not one.
    pub async fn hear_past_codes(&mut self) -> Result<Heard> {
        loop {
            match self.hear().await? {
                Heard::Code(_) => {}
                other => return Ok(other),
            }
        }
    }

    pub async fn send(&mut self, message: Message) -> Result {
        Ok(self.0.send(message).await?)
    }
}

fn sid_of(frame: &str) -> Result<String> {
    let frame: Value = serde_json::from_str(frame).with_context(|| format!("not JSON: {frame}"))?;
    let url = frame["qr_url"].as_str().context("no qr_url")?;
    Ok(url.trim_end_matches('/').rsplit('/').next().context("no sid")?.to_owned())
}
