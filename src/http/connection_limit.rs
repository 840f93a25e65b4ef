//! Who may be connected: so many in all, so many from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex};

use ipnet::IpNet;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Metrics, address};
use crate::model::lock::lock;

/// Connections open by address group; who is not in it has none.
type ConnectionCounts = Arc<Mutex<HashMap<IpAddr, usize>>>;

/// `http.connections` permits, which a node's listeners share.
#[derive(Clone)]
pub(super) struct ConnectionLimit {
    free: Arc<Semaphore>,
    /// From one address; 0: any number.
    per_address: usize,
    counts: ConnectionCounts,
    metrics: Metrics,
}

impl ConnectionLimit {
    pub(super) fn new(total: usize, per_address: usize, metrics: Metrics) -> Self {
        let free = Arc::new(Semaphore::new(total.clamp(1, Semaphore::MAX_PERMITS)));
        Self { free, per_address, counts: ConnectionCounts::default(), metrics }
    }

    /// Counts a connection to its address, unless that has enough of them.
    pub(super) fn admit(&self, peer: IpAddr, proxies: &[IpNet]) -> Option<CountedConnection> {
        let peer = peer.to_canonical();
        if self.per_address == 0 || speaks_for_many(peer, proxies) {
            return Some(CountedConnection(None));
        }
        let group = address::group(peer);
        let mut counts = lock(&self.counts);
        let count = counts.entry(group).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(CountedConnection(Some((group, self.counts.clone()))))
    }

    /// Waits for a free permit.
    pub(super) async fn wait(&self, admitted: CountedConnection) -> std::io::Result<ConnectionPermit> {
        let permit = self.free.clone().acquire_owned().await.map_err(std::io::Error::other)?;
        self.metrics.connections.inc();
        Ok(ConnectionPermit { _permit: permit, _admitted: admitted, metrics: self.metrics.clone() })
    }
}

/// Proxies, and what runs beside us: a proxy that nobody named, a probe.
fn speaks_for_many(peer: IpAddr, proxies: &[IpNet]) -> bool {
    peer == Ipv4Addr::LOCALHOST || peer == Ipv6Addr::LOCALHOST || address::is_trusted(proxies, peer)
}

/// One connection in its address's count, where that is counted.
#[derive(Debug)]
pub(super) struct CountedConnection(Option<(IpAddr, ConnectionCounts)>);

impl Drop for CountedConnection {
    fn drop(&mut self) {
        let Some((group, counts)) = &self.0 else { return };
        let mut counts = lock(counts);
        if let Some(count) = counts.get_mut(group) {
            *count -= 1;
            if *count == 0 {
                counts.remove(group);
            }
        }
    }
}

/// One of `http.connections`, held for as long as the connection is open: a socket takes it over from its connection.
#[derive(Debug)]
pub(crate) struct ConnectionPermit {
    _permit: OwnedSemaphorePermit,
    _admitted: CountedConnection,
    metrics: Metrics,
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.metrics.connections.dec();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_and_gives_them_back() -> Result<(), Box<dyn std::error::Error>> {
        let limit = ConnectionLimit::new(100, 2, Metrics::default());
        let proxies = ["10.0.0.0/8".parse()?];
        let admit = |peer: &str| Ok::<_, std::net::AddrParseError>(limit.admit(peer.parse()?, &proxies));
        let (first, _second) = (admit("2001:db8:1:2::1")?, admit("2001:db8:1:2:ffff::1")?);
        assert!(first.is_some() && admit("2001:db8:1:2::3")?.is_none(), "a /64 is one address");
        assert!(admit("2001:db8:1:3::1")?.is_some());
        drop(first);
        assert!(admit("2001:db8:1:2::3")?.is_some());
        let many = ["127.0.0.1", "::1", "::ffff:127.0.0.1", "10.1.1.1"];
        let held = many.map(|peer| [admit(peer), admit(peer), admit(peer)]);
        assert!(held.iter().flatten().all(|one| matches!(one, Ok(Some(_)))));
        assert_eq!(lock(&limit.counts).len(), 1, "only who is connected");
        Ok(())
    }

    #[test]
    fn no_limit_means_none() {
        let limit = ConnectionLimit::new(100, 0, Metrics::default());
        let held: Vec<_> = (0..5000).map(|_| limit.admit(Ipv4Addr::new(198, 51, 100, 1).into(), &[])).collect();
        assert!(held.iter().all(Option::is_some));
    }
}
