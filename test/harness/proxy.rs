//! A wire that can be cut: stands between a server and its database or Redis.

use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Result;

/// Forwards connections while it is whole; cut, it drops them all and takes none.
pub struct Proxy {
    pub port: u16,
    whole: Arc<watch::Sender<bool>>,
}

impl Proxy {
    pub async fn to(host: &'static str, port: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own = listener.local_addr()?.port();
        let (whole, state) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let mut state = state.clone();
                tokio::spawn(async move {
                    if !*state.borrow() {
                        return;
                    }
                    let Ok(mut server) = TcpStream::connect((host, port)).await else { return };
                    let mut client = client;
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut client, &mut server) => {}
                        _ = state.wait_for(|whole| !whole) => {}
                    }
                });
            }
        });
        Ok(Self { port: own, whole: Arc::new(whole) })
    }

    /// When this returns, no connection is left: what is asked from now on is not answered.
    pub async fn cut(&self) {
        let _ = self.whole.send(false);
        // each connection has a receiver, and the listener one
        while self.whole.receiver_count() > 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    pub fn mend(&self) {
        let _ = self.whole.send(true);
    }
}
