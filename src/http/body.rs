//! Request bodies: read under a limit of size and time, and the JSON that old clients send.

mod answer;
mod share;

pub(super) use self::answer::{ResponseBodyMemory, crowded};
pub use self::share::BodyMemory;

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::Deref;

use ::http::header::CONNECTION;
use ::http::{HeaderValue, StatusCode};
use bytes::{Buf, Bytes, BytesMut};
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use warp::Filter;
use warp::reply::Response;

use self::share::BodyShare;
use super::reply::{self, Refusal};
use super::{App, RequestContext, Settings, address};

/// A body of so many bytes is held whoever sends it: what phones and most clients post is shorter.
const SHORT: usize = 8192;
/// Half-sent bodies are gone after `http.body_timeout`, and whole ones once they are answered.
const RETRY: &str = "2";

/// What comes after a request's head, not yet read.
pub(super) struct UnreadBody {
    chunks: BoxStream<'static, Result<Bytes, warp::Error>>,
    /// Its length, where the head says so.
    promised: Option<usize>,
    /// Whose it is, as limits count.
    address: IpAddr,
}

/// What has come. It counts towards `http.bodies_memory` until it is dropped: who waits for a turn, or answers late,
/// keeps it as long.
pub(super) struct ReadBody {
    bytes: Bytes,
    _share: BodyShare,
}

impl ReadBody {
    /// The same without what has come: it counts as before.
    pub(super) fn emptied(self) -> Self {
        Self { bytes: Bytes::new(), ..self }
    }
}

impl Deref for ReadBody {
    type Target = Bytes;

    fn deref(&self) -> &Bytes {
        &self.bytes
    }
}

pub(super) fn posted() -> impl Filter<Extract = (UnreadBody,), Error = warp::Rejection> + Copy {
    let length = warp::header::optional("content-length");
    warp::ext::get().and(length).and(warp::body::stream()).map(|caller: RequestContext, promised, stream| UnreadBody {
        chunks: boxed(stream),
        promised,
        address: address::group(caller.address),
    })
}

fn boxed<B: Buf>(
    stream: impl Stream<Item = Result<B, warp::Error>> + Send + 'static,
) -> BoxStream<'static, Result<Bytes, warp::Error>> {
    stream.map_ok(|mut chunk| chunk.copy_to_bytes(chunk.remaining())).boxed()
}

#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not arrive in time")]
    TooSlow,
    #[error("the body broke off")]
    Broken,
    #[error("too many bodies are under way; try again")]
    Crowded,
}

impl BodyError {
    /// The answer that says so.
    pub(super) fn refuse(&self, say: impl Fn(StatusCode, &str) -> Response) -> Refusal {
        let (status, wait) = match self {
            Self::TooLarge(_) => (StatusCode::PAYLOAD_TOO_LARGE, None),
            Self::TooSlow => (StatusCode::REQUEST_TIMEOUT, None),
            Self::Broken => (StatusCode::BAD_REQUEST, None),
            Self::Crowded => (StatusCode::SERVICE_UNAVAILABLE, Some(RETRY)),
        };
        let mut response = say(status, &self.to_string());
        // the rest of the body is left unread: nothing can follow it on this connection
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        match wait {
            Some(seconds) => reply::retry_after(response, seconds).into(),
            None => response.into(),
        }
    }
}

/// Collects a body within its bounds and `http.body_timeout`.
pub(super) async fn read(
    mut posted: UnreadBody,
    bodies: &BodyMemory,
    settings: &Settings,
) -> Result<ReadBody, BodyError> {
    let collect = async {
        let (mut body, mut share) = (BytesMut::new(), bodies.share(posted.address));
        let promised = posted.promised.unwrap_or_default().min(bodies.longest);
        while let Some(chunk) = posted.chunks.next().await {
            let chunk = chunk.map_err(|_| BodyError::Broken)?;
            let arrived = body.len() + chunk.len();
            if arrived > bodies.longest {
                return Err(BodyError::TooLarge(bodies.longest));
            }
            if arrived > SHORT {
                if !share.grow(arrived) {
                    return Err(BodyError::Crowded);
                }
                body.reserve(promised.saturating_sub(body.len()));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(ReadBody { bytes: body.freeze(), _share: share })
    };
    tokio::time::timeout(settings.body_timeout.as_duration(), collect).await.unwrap_or(Err(BodyError::TooSlow))
}

/// Collects a body within the limits of the settings, or says in plain text which it broke.
pub(super) async fn receive(posted: UnreadBody, app: &App) -> Result<ReadBody, Refusal> {
    read(posted, &app.bodies, &app.settings)
        .await
        .map_err(|error| error.refuse(|status, said| reply::text(status, said)))
}

/// Escapes raw control characters inside JSON strings: shell clients put a PEM with its
/// newlines there as it is. Everything else is left as it was.
pub(super) fn escape_controls(json: &[u8]) -> Cow<'_, [u8]> {
    let mut out = Vec::new();
    let (mut in_string, mut after_backslash, mut copied) = (false, false, 0);
    for (at, &byte) in json.iter().enumerate() {
        if in_string && byte < 0x20 {
            out.extend_from_slice(&json[copied..at]);
            // after a backslash it stays what it is: an escape that JSON does not know
            let escaped = if after_backslash { "x".into() } else { format!("\\u{byte:04x}") };
            out.extend_from_slice(escaped.as_bytes());
            copied = at + 1;
            after_backslash = false;
            continue;
        }
        match byte {
            _ if after_backslash => after_backslash = false,
            b'\\' if in_string => after_backslash = true,
            b'"' => in_string = !in_string,
            _ => {}
        }
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    out.extend_from_slice(&json[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn parse(json: &[u8]) -> Option<Value> {
        serde_json::from_slice(&escape_controls(json)).ok()
    }

    #[test]
    fn raw_newlines_in_strings_are_taken_and_elsewhere_mean_nothing() {
        assert_eq!(parse(b"{\"a\":\"x\ny\tz\"\n}"), Some(serde_json::json!({"a": "x\ny\tz"})));
        assert_eq!(parse(b"{\"a\\\"\":\n\"\\\\\"}"), Some(serde_json::json!({"a\"": "\\"})));
        assert_eq!(parse(b"{\"a\":\"x"), None);
    }

    proptest! {
        /// What strict JSON takes means the same to us.
        #[test]
        fn strict_json_is_left_alone(text in "\\PC{0,30}") {
            let json = serde_json::json!({ "a": text, "b": [text] }).to_string();
            let escaped = escape_controls(json.as_bytes());
            prop_assert_eq!(escaped.as_ref(), json.as_bytes());
        }

        #[test]
        fn any_string_survives_raw(text in "[ -!#-\\[\\]-~\\n\\r\\t\\x00-\\x1f]{0,40}") {
            let json = format!("{{\"a\":\"{text}\"}}");
            prop_assert_eq!(parse(json.as_bytes()), Some(serde_json::json!({ "a": text })));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = parse(&bytes);
        }
    }
}
