//! A Redis of one test's own: what is said over it reaches all nodes that listen, those of other tests too.

use std::process::{Child, Command, Stdio};

use super::port::free_port;
use super::prism::KEEPER;
use super::{Result, until};

/// A running Redis; ended when dropped.
pub struct Redis {
    child: Child,
    pub port: u16,
}

impl Redis {
    pub async fn start() -> Result<Self> {
        let port = free_port()?;
        let child = Command::new("sh")
            .args(["-c", KEEPER, "sh", "redis-server", "--bind", "127.0.0.1", "--save", "", "--port"])
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let redis = Self { child, port };
        until("a Redis", async || Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok())).await?;
        Ok(redis)
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}
