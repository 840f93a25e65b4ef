//! The bytes of a client, counted below the WebSocket library: it hands out whole messages only, and of a message that
//! never ends there may be any number of frames.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::model::Gcra;

/// Bytes that a client may send at once, and then each second: room for its answers to pings.
const AT_ONCE: u32 = 4096;
const PER_SECOND: u64 = 256;
const BYTES: Gcra = Gcra::new(Duration::from_nanos(1_000_000_000 / PER_SECOND), AT_ONCE);

/// How often a kibibyte is thrown away after that: what was on its way, but not all that may follow.
const THROWN_AWAY: usize = 1024;

/// A connection whose reads fail with [`io::ErrorKind::QuotaExceeded`] once its client has sent too much.
pub(super) struct RateLimitedConnection<I> {
    io: I,
    /// When the client will have made up for all that it has sent.
    due: Instant,
}

impl<I> RateLimitedConnection<I> {
    pub(super) fn new(io: I) -> Self {
        Self { io, due: Instant::now() }
    }

    fn count(&mut self, bytes: usize, now: Instant) -> io::Result<()> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        self.due = BYTES.take(self.due, bytes, now).map_err(|_| io::ErrorKind::QuotaExceeded)?;
        Ok(())
    }
}

impl<I: AsyncRead + Unpin> RateLimitedConnection<I> {
    /// Reads on, uncounted, what comes too late: unread, it would have a reset overtake our close frame.
    pub(super) async fn throw_away(&mut self) {
        let mut bytes = [0; 1024];
        for _ in 0..THROWN_AWAY {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = poll_fn(|context| Pin::new(&mut self.io).poll_read(context, &mut buffer)).await;
            if read.is_err() || buffer.filled().is_empty() {
                return;
            }
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for RateLimitedConnection<I> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(context, into))?;
        let bytes = into.filled().len() - before;
        Poll::Ready(self.count(bytes, Instant::now()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for RateLimitedConnection<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_kibibytes_at_once_and_256_bytes_a_second() {
        let mut metered = RateLimitedConnection::new(());
        let opened = metered.due;
        let mut may = |bytes, secs| metered.count(bytes, opened + Duration::from_secs(secs)).is_ok();
        assert!(may(4096, 0) && may(256, 1) && may(2560, 11));
        // silence saves up no more than that
        assert!(may(4096, 1000) && !may(1, 1000));
    }
}
