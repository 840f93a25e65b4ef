//! Answers, whole or cut.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::Response;
use hyper::body::{Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use serde_json::{Value, json};
use tokio::time::Sleep;

/// The connection is to end here.
#[derive(Debug, thiserror::Error)]
#[error("cut on command")]
pub struct Cut;

pub type Reply = Response<Body>;

/// A body that may break off.
pub struct Body {
    data: Option<Bytes>,
    cut: Option<Pin<Box<Sleep>>>,
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let Some(cut) = &mut self.cut else { return Poll::Ready(None) };
        ready!(cut.as_mut().poll(context));
        Poll::Ready(Some(Err(Cut)))
    }

    fn is_end_stream(&self) -> bool {
        self.data.is_none() && self.cut.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.data.as_ref().map_or(0, Bytes::len) as u64;
        if self.cut.is_none() { SizeHint::with_exact(length) } else { SizeHint::default() }
    }
}

pub fn text(status: u16, kind: &'static str, body: impl Into<Bytes>) -> Reply {
    let mut reply = Response::new(Body { data: Some(body.into()), cut: None });
    *reply.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    reply.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(kind));
    reply
}

pub fn json(status: u16, body: &Value) -> Reply {
    text(status, "application/json", body.to_string())
}

/// The same reply, broken off in the middle of its body.
pub fn cut(mut reply: Reply) -> Reply {
    let body = reply.body_mut();
    if let Some(data) = &mut body.data {
        let length = data.len();
        data.truncate(length / 2);
        // long enough for the first half to be sent before the connection ends
        body.cut = Some(Box::pin(tokio::time::sleep(Duration::from_millis(20))));
        reply.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    reply
}

/// An error in Twilio's words.
pub struct Refusal {
    status: u16,
    code: u32,
    message: String,
    retry_after: Option<u32>,
}

impl Refusal {
    pub fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    pub fn bad(code: u32, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(404, 20404, format!("The requested resource {what} was not found"))
    }

    /// What a status means there; 502 and 504 come from something before Twilio, which speaks HTML.
    pub fn of_status(status: u16, retry_after: Option<u32>) -> Self {
        let (code, message) = match status {
            401 => (20003, "Authenticate"),
            429 => (20429, "Too Many Requests"),
            500 => (20500, "Internal Server Error"),
            503 => (20503, "Service Unavailable"),
            _ => (u32::from(status) + 20000, "Refused on command"),
        };
        Self { status, code, message: message.into(), retry_after }
    }

    pub fn reply(self) -> Reply {
        let Self { status, code, message, retry_after } = self;
        let mut reply = if matches!(status, 502 | 504) {
            text(status, "text/html", format!("<html><body><h1>{status}</h1></body></html>"))
        } else {
            let more_info = format!("https://www.twilio.com/docs/errors/{code}");
            json(status, &json!({ "code": code, "message": message, "more_info": more_info, "status": status }))
        };
        if let Some(seconds) = retry_after {
            reply.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        reply
    }
}
