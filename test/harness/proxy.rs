//! A wire that can be cut: stands between a server and its database or Redis.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use switchboard::model::lock::lock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Result;

/// Forwards connections while it is whole; cut, it drops them all and takes none.
pub struct Proxy {
    pub port: u16,
    /// Where new connections lead.
    target: Arc<AtomicU16>,
    whole: Arc<watch::Sender<bool>>,
    /// The wire is cut behind the commit of what holds this text.
    fatal: Arc<Mutex<Option<&'static str>>>,
}

impl Proxy {
    pub async fn to(host: &'static str, port: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own = listener.local_addr()?.port();
        let (whole, state) = watch::channel(true);
        let (whole, fatal) = (Arc::new(whole), Arc::<Mutex<Option<&str>>>::default());
        let target = Arc::new(AtomicU16::new(port));
        let leads = target.clone();
        let (cutter, wanted) = (Arc::downgrade(&whole), fatal.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (mut state, cutter, wanted) = (state.clone(), cutter.clone(), wanted.clone());
                let port = leads.load(Ordering::Relaxed);
                tokio::spawn(async move {
                    if !*state.borrow() {
                        return;
                    }
                    let Ok(mut server) = TcpStream::connect((host, port)).await else { return };
                    let mut client = client;
                    let (mut from_client, mut to_client) = client.split();
                    let (mut from_server, mut to_server) = server.split();
                    let is_fatal = tokio::select! {
                        is_fatal = up(&mut from_client, &mut to_server, &wanted) => is_fatal.unwrap_or(false),
                        _ = tokio::io::copy(&mut from_server, &mut to_client) => false,
                        _ = state.wait_for(|whole| !whole) => false,
                    };
                    if is_fatal {
                        // the server does what it was told; nobody forwards its answer
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        cutter.upgrade().map(|whole| whole.send(false));
                    }
                });
            }
        });
        Ok(Self { port: own, target, whole, fatal })
    }

    /// Cuts everything once the server has been given the commit of what holds this text: its answer is lost.
    pub fn cut_after_commit_of(&self, text: &'static str) {
        *lock(&self.fatal) = Some(text);
    }

    /// When this returns, no connection is left: what is asked from now on is not answered.
    pub async fn cut(&self) {
        let _ = self.whole.send(false);
        // each connection has a receiver, and the listener one
        while self.whole.receiver_count() > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Leads new connections to another port; those that are there stay where they are.
    pub fn switch(&self, port: u16) {
        self.target.store(port, Ordering::Relaxed);
    }

    pub fn mend(&self) {
        let _ = self.whole.send(true);
    }
}

fn holds(chunk: &[u8], text: &str) -> bool {
    chunk.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Forwards what a client says. `true`: the wire is to be cut now.
async fn up(
    from: &mut tokio::net::tcp::ReadHalf<'_>,
    to: &mut tokio::net::tcp::WriteHalf<'_>,
    fatal: &Mutex<Option<&'static str>>,
) -> Result<bool> {
    let (mut chunk, mut is_doomed) = (vec![0; 64 * 1024], false);
    loop {
        let count = from.read(&mut chunk).await?;
        if count == 0 {
            return Ok(false);
        }
        let said = &chunk[..count];
        to.write_all(said).await?;
        let wanted = *lock(fatal);
        is_doomed |= wanted.is_some_and(|text| holds(said, text));
        if is_doomed && holds(said, "COMMIT") {
            return Ok(true);
        }
    }
}
