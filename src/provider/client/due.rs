//! A request's body that is not written after its time.
//!
//! Between the decision to send a message and the first byte lie the wait for a permit, a name, a connection and TLS,
//! and the process may be stopped in each. Where it goes on after its lease has ended, another node may have sent the
//! message. A head whose body never comes is no request: nobody acts on it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use reqwest::Request;

/// All of a body at once, asked for by hyper right before it writes.
struct DeadlineBody {
    bytes: Option<Bytes>,
    until: Instant,
}

#[derive(Debug, thiserror::Error)]
#[error("its time was over before it could be sent")]
pub(super) struct RequestDeadlinePassed;

/// The same request; what it says is written until then, or not at all. `None`: it has no body that is held whole.
pub(super) fn bound(mut request: Request, until: Instant) -> Option<Request> {
    let bytes = request.body().and_then(reqwest::Body::as_bytes).map(Bytes::copy_from_slice)?;
    *request.body_mut() = Some(reqwest::Body::wrap(DeadlineBody { bytes: Some(bytes), until }));
    Some(request)
}

impl Body for DeadlineBody {
    type Data = Bytes;
    type Error = RequestDeadlinePassed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RequestDeadlinePassed>>> {
        if self.bytes.is_some() && self.until <= Instant::now() {
            return Poll::Ready(Some(Err(RequestDeadlinePassed)));
        }
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    /// Its length goes into the head.
    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
