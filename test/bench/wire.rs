//! A load generator that costs little itself: HTTP/1.1 on kept connections, by hand.

use anyhow::{Context as _, ensure};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::harness::Result;

pub struct Wire {
    stream: TcpStream,
    port: u16,
    buffer: Vec<u8>,
}

pub struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

impl Wire {
    pub async fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, port, buffer: Vec::with_capacity(4096) })
    }

    pub async fn get(&mut self, path: &str) -> Result<Answer> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n\r\n", self.port);
        self.stream.write_all(head.as_bytes()).await?;
        self.answer().await
    }

    pub async fn post(&mut self, path: &str, body: &str) -> Result<Answer> {
        self.post_with(path, "", body).await
    }

    /// With more lines in the head, each ended.
    pub async fn post_with(&mut self, path: &str, head: &str, body: &str) -> Result<Answer> {
        let port = self.port;
        let length = body.len();
        let request =
            format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{head}Content-Length: {length}\r\n\r\n{body}");
        self.stream.write_all(request.as_bytes()).await?;
        self.answer().await
    }

    /// Asks for a WebSocket and waits for its 101; what follows is the caller's to read.
    pub async fn upgrade(mut self, path: &str) -> Result<TcpStream> {
        let head = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.port
        );
        self.stream.write_all(head.as_bytes()).await?;
        let end = self.head().await?;
        ensure!(self.buffer[..end].starts_with(b"HTTP/1.1 101"), "no upgrade");
        Ok(self.stream)
    }

    async fn head(&mut self) -> Result<usize> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                return Ok(end + 4);
            }
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "closed");
        }
    }

    async fn answer(&mut self) -> Result<Answer> {
        self.buffer.clear();
        let end = self.head().await?;
        let head = std::str::from_utf8(&self.buffer[..end])?;
        let status = head.split(' ').nth(1).context("no status")?.parse()?;
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length: usize = length.context("no length")?.trim().parse()?;
        while self.buffer.len() < end + length {
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "closed");
        }
        Ok(Answer { status, body: self.buffer[end..end + length].to_vec() })
    }
}
