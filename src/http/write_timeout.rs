//! A connection that is cut when its client stops taking what is sent to it, and that hears a client out when it ends.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Sleep;

/// How long what is still on its way is read after our last byte.
const LINGER: Duration = Duration::from_millis(500);

/// Below TLS, where a byte that the client took is seen. A socket that sends nothing waits for
/// nothing, so an idle one is never cut.
pub(super) struct WriteTimeout<I> {
    io: I,
    limit: Duration,
    /// Runs from the moment that the client takes no more until it does again.
    stalled: Option<Pin<Box<Sleep>>>,
    /// Runs since our last byte was sent.
    leaving: Option<Pin<Box<Sleep>>>,
}

impl<I> WriteTimeout<I> {
    pub(super) fn new(io: I, limit: Duration) -> Self {
        Self { io, limit, stalled: None, leaving: None }
    }

    /// Passes on how a write went, unless it has waited too long.
    fn watch<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let limit = self.limit;
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        ready!(stalled.as_mut().poll(context));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the client takes no byte of its answer")))
    }
}

impl<I: AsyncRead + Unpin> WriteTimeout<I> {
    /// Reads on until the client is done: unread, a body that was refused would have a reset overtake the answer that
    /// says why.
    fn hear_out(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let leaving = self.leaving.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        if leaving.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let mut bytes = [0; 4096];
        // the runtime ends this where more comes than others have time for
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            let read = ready!(Pin::new(&mut self.io).poll_read(context, &mut buffer));
            if read.is_err() || buffer.filled().is_empty() {
                return Poll::Ready(());
            }
        }
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for WriteTimeout<I> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(context, into)
    }
}

impl<I: AsyncRead + AsyncWrite + Unpin> AsyncWrite for WriteTimeout<I> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write(context, bytes);
        self.watch(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.io).poll_write_vectored(context, slices);
        self.watch(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // a TCP stream holds nothing back: this says nothing of its client
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.leaving.is_none() {
            ready!(Pin::new(&mut self.io).poll_shutdown(context))?;
        }
        self.hear_out(context).map(Ok)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    #[tokio::test]
    async fn who_reads_slowly_is_served_and_who_stops_is_cut() -> io::Result<()> {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut ours = WriteTimeout::new(ours, Duration::from_secs(2));
        let reader = tokio::spawn(async move {
            let mut taken = [0; 8];
            for _ in 0..8 {
                tokio::time::sleep(Duration::from_millis(400)).await;
                theirs.read_exact(&mut taken).await?;
            }
            io::Result::Ok(theirs)
        });
        // longer in all than it may stand still
        ours.write_all(&[0; 64]).await?;
        // silence on both sides is no waiting
        tokio::time::sleep(Duration::from_secs(3)).await;
        ours.write_all(&[0; 8]).await?;
        let cut = ours.write_all(&[0; 64]).await;
        assert!(cut.is_err_and(|error| error.kind() == io::ErrorKind::TimedOut));
        drop(reader.await);
        Ok(())
    }

    #[tokio::test]
    async fn who_still_sends_is_heard_out_and_not_waited_for_long() -> io::Result<()> {
        let (ours, mut theirs) = tokio::io::duplex(16);
        let mut ours = WriteTimeout::new(ours, Duration::from_secs(60));
        let client = tokio::spawn(async move {
            theirs.write_all(&[0; 4096]).await?;
            let mut answer = Vec::new();
            theirs.read_to_end(&mut answer).await?;
            io::Result::Ok((answer, theirs))
        });
        ours.write_all(b"413").await?;
        // it is open still when we go
        tokio::time::timeout(Duration::from_secs(60), ours.shutdown()).await??;
        let (answer, _theirs) = client.await??;
        assert_eq!(answer, b"413");
        Ok(())
    }
}
