//! Listens, takes connections within limits, and lets them finish at shutdown.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_util::io::InspectReader;

use super::body::ResponseBodyMemory;
use super::connection_limit::{ConnectionLimit, ConnectionPermit};
use super::refused::RawRequestLine;
use super::write_timeout::WriteTimeout;
use super::{AddressLimit, App, HttpRoutes, Metrics, ReloadableTls, address, refused, trace};

/// The bytes of a request head that we read at most.
const HEAD_BYTES: usize = 16 * 1024;
/// A TLS handshake that takes longer is none.
const TLS_HANDSHAKE: Duration = Duration::from_secs(10);

/// What the system holds at most of what a client does not read: it takes twice what it is asked for.
const SEND_BUFFER: u32 = 128 * 1024;
/// Connections that wait to be accepted: as many as the library's own listeners have.
const BACKLOG: u32 = 128;

/// Bound addresses, before anything is served on them.
pub struct TcpListeners(Vec<TcpListener>);

impl TcpListeners {
    /// Within a runtime.
    pub fn bind(addresses: &[SocketAddr]) -> std::io::Result<Self> {
        let mut bound = Vec::with_capacity(addresses.len());
        for address in addresses {
            let listener = listen(*address);
            bound.push(listener.map_err(|error| std::io::Error::new(error.kind(), format!("{address}: {error}")))?);
        }
        Ok(Self(bound))
    }

    /// The addresses as bound: where port 0 was asked for, the port that was given.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }
}

/// As the library's own listeners are, but for the send buffer, which connections have from theirs.
fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// How long a connection without a request may take to close at shutdown.
const FAREWELL: Duration = Duration::from_secs(1);

/// What all connections share.
pub(super) struct ServerContext {
    pub(super) app: Arc<App>,
    pub(super) routes: HttpRoutes,
    pub(super) limit: AddressLimit,
    /// What is asked for and not read.
    pub(super) answers: ResponseBodyMemory,
    pub(super) metrics: Metrics,
    /// What the log says of connections that speak no HTTP: once a minute for each address.
    refusals: AddressLimit,
    tls: Option<ReloadableTls>,
}

/// Serves until the app's `stop`; connections are among its tasks, to be joined by the caller.
pub fn serve(bound: TcpListeners, tls: Option<ReloadableTls>, routes: HttpRoutes, app: &Arc<App>, metrics: Metrics) {
    let settings = &app.settings;
    let (limit, answers) = (AddressLimit::new(settings.requests_per_address), ResponseBodyMemory::new(settings));
    let connections = ConnectionLimit::new(settings.connections, settings.connections_per_address, metrics.clone());
    let refusals = AddressLimit::new(1);
    let shared = Arc::new(ServerContext { app: app.clone(), routes, limit, answers, metrics, refusals, tls });
    for listener in bound.0 {
        app.tasks.spawn(accept(listener, shared.clone(), connections.clone()));
    }
}

async fn accept(listener: TcpListener, shared: Arc<ServerContext>, connections: ConnectionLimit) {
    loop {
        let accepted = tokio::select! {
            () = shared.app.stop.cancelled() => return,
            accepted = take(&listener, &connections, &shared.app.settings.trusted_proxies) => accepted,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                shared.app.tasks.spawn(connect(shared.clone(), stream, peer, permit));
            }
            Err(error) => {
                // out of descriptors, most likely: those who wait in the backlog are not lost
                tracing::warn!(%error, "could not take a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Accepts a connection, then waits for a permit for it. In that order: a listener that waited for a
/// connection with a permit in its hand would keep that permit from the other listeners.
/// While all permits are taken, each listener so holds one connection that waits, and
/// the kernel's backlog holds the rest.
async fn take(
    listener: &TcpListener,
    connections: &ConnectionLimit,
    proxies: &[IpNet],
) -> std::io::Result<(TcpStream, SocketAddr, ConnectionPermit)> {
    loop {
        let (stream, peer) = listener.accept().await?;
        match connections.admit(peer.ip(), proxies) {
            Some(admitted) => return Ok((stream, peer, connections.wait(admitted).await?)),
            None => tracing::debug!(%peer, "closed: its address has http.connections_per_address open"),
        }
    }
}

async fn connect(shared: Arc<ServerContext>, stream: TcpStream, peer: SocketAddr, permit: ConnectionPermit) {
    let _ = stream.set_nodelay(true);
    let stream = WriteTimeout::new(stream, shared.app.settings.write_timeout.as_duration());
    let permit = Arc::new(permit);
    match &shared.tls {
        None => converse(&shared, stream, peer, false, permit).await,
        Some(tls) => match tokio::time::timeout(TLS_HANDSHAKE, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => converse(&shared, stream, peer, true, permit).await,
            Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => tracing::debug!("TLS handshake took too long"),
        },
    }
}

async fn converse<I>(
    shared: &Arc<ServerContext>,
    stream: I,
    peer: SocketAddr,
    over_tls: bool,
    permit: Arc<ConnectionPermit>,
) where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (under_way, line) = (Arc::new(AtomicUsize::new(0)), Arc::new(RawRequestLine::default()));
    let service = {
        let (shared, under_way, line) = (shared.clone(), under_way.clone(), line.clone());
        service_fn(move |request| {
            let counted = under_way.clone();
            counted.fetch_add(1, Ordering::Relaxed);
            line.forget();
            let answered = trace::answer(shared.clone(), peer, over_tls, permit.clone(), request);
            async move {
                let result = answered.await;
                counted.fetch_sub(1, Ordering::Relaxed);
                result
            }
        })
    };
    let read = line.clone();
    let stream = InspectReader::new(stream, move |bytes: &[u8]| read.add(bytes));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.app.settings.header_timeout.as_duration())
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shared.app.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            if under_way.load(Ordering::Relaxed) == 0 {
                // nothing was asked: half a request's head is not waited for, an answer's last bytes are
                let _ = tokio::time::timeout(FAREWELL, connection).await;
                return;
            }
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
        if error.is_parse() && shared.refusals.take(address::group(peer.ip()), Instant::now()).is_ok() {
            refused::tell(peer, &line, &error);
        }
    }
}
