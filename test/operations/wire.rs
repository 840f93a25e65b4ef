//! HTTP by hand over a bare connection, for what no client library would do.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{LONG, Result, Server};

pub struct Wire(TcpStream);

/// One answer off the wire.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    /// A header's value; its name in lower case, as the server writes them.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.split_once(": ").filter(|(n, _)| *n == name).map(|(_, value)| value))
    }
}

impl Wire {
    pub async fn open(server: &Server) -> Result<Self> {
        Self::to(server.port).await
    }

    pub async fn to(port: u16) -> Result<Self> {
        Ok(Self(TcpStream::connect(("127.0.0.1", port)).await?))
    }

    pub fn over(stream: TcpStream) -> Self {
        Self(stream)
    }

    pub async fn send(&mut self, text: &str) -> Result {
        Ok(self.0.write_all(text.as_bytes()).await?)
    }

    /// Asks for a path and keeps the connection open.
    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        self.ask(path).await?;
        self.answer().await
    }

    pub async fn ask(&mut self, path: &str) -> Result {
        self.send(&format!("GET {path} HTTP/1.1\r\nHost: test\r\n\r\n")).await
    }

    pub async fn answer(&mut self) -> Result<Answer> {
        timeout(LONG, self.read_answer()).await.context("no answer")?
    }

    /// Whether nothing comes for a while.
    pub async fn is_silent(&mut self, time: Duration) -> bool {
        timeout(time, self.0.peek(&mut [0])).await.is_err()
    }

    /// Waits until the server closes the connection; what it said before is returned.
    pub async fn closed(&mut self) -> Result<String> {
        let mut said = Vec::new();
        let read = timeout(LONG, self.0.read_to_end(&mut said)).await.context("still open")?;
        // a reset closes it as well
        let _ = read;
        Ok(String::from_utf8_lossy(&said).into_owned())
    }

    async fn read_answer(&mut self) -> Result<Answer> {
        let mut said = Vec::new();
        let mut byte = [0];
        while !said.ends_with(b"\r\n\r\n") {
            ensure!(self.0.read(&mut byte).await? == 1, "closed after {:?}", String::from_utf8_lossy(&said));
            said.push(byte[0]);
        }
        let head = String::from_utf8(said)?;
        let status = head.split(' ').nth(1).context("a status")?.parse()?;
        let mut answer = Answer { status, head, body: String::new() };
        let length = answer.header("content-length").map_or(Ok(0), str::parse)?;
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        answer.body = String::from_utf8(body)?;
        Ok(answer)
    }
}
