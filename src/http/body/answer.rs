//! Answers that are made and not yet written: what a client is slow to read, or never reads, stays with us.

use std::net::IpAddr;

use ::http::{Response as HttpResponse, StatusCode};
use bytes::Bytes;
use hyper::body::Body as _;
use warp::Reply as _;
use warp::reply::Response;

use super::share::BodyShare;
use super::{BodyMemory, RETRY, Settings, reply};

/// An answer of so many bytes is held whoever asked: the system's send buffer takes it.
const SHORT: u64 = 65_536;

/// Bounds as bodies have them, for what is asked for and not read.
pub(in crate::http) struct ResponseBodyMemory(BodyMemory);

/// The bytes of one answer, counted until the connection has dropped them: written, or never to be.
struct CountedBody {
    bytes: Bytes,
    _share: BodyShare,
}

impl AsRef<[u8]> for CountedBody {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl ResponseBodyMemory {
    pub(in crate::http) fn new(settings: &Settings) -> Self {
        Self(BodyMemory::of_requests(settings))
    }

    /// The same answer, counted to an address if it is long. `None`: too much is held already.
    pub(in crate::http) fn count(&self, response: Response, address: IpAddr) -> Option<Response> {
        if response.body().size_hint().exact().is_none_or(|length| length <= SHORT) {
            return Some(response);
        }
        let (head, mut bytes) = reply::parts(response);
        // what is compiled in is there anyway
        if bytes.is_unique() {
            let share = self.0.share_of(address, bytes.len())?;
            bytes = Bytes::from_owner(CountedBody { bytes, _share: share });
        }
        Some(HttpResponse::from_parts(head, bytes).into_response())
    }
}

/// What is answered instead.
pub(in crate::http) fn crowded() -> Response {
    let said = "too many answers wait to be read; try again";
    reply::retry_after(reply::problem(StatusCode::SERVICE_UNAVAILABLE, said), RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    static COMPILED: [u8; 100_000] = [b'x'; 100_000];

    #[test]
    fn long_answers_are_counted_until_their_last_byte_is_gone() -> Result<(), &'static str> {
        let answers = ResponseBodyMemory(BodyMemory::new(0, 400_000, 150_000));
        let [here, there, elsewhere]: [IpAddr; 3] = [1, 2, 3].map(|n| [127, 0, 0, n].into());
        let count = |length, address| answers.count(reply::content("text/plain", vec![b'x'; length]), address);
        let (first, second) = (count(70_000, here).ok_or("none")?, count(70_000, here).ok_or("no second")?);
        assert!(count(70_000, here).is_none(), "more than an address has");
        assert!(count(65_536, here).is_some(), "a short one");
        assert!(answers.count(reply::content("text/plain", &COMPILED[..]), here).is_some());

        let longest = count(300_000, there).ok_or("longer than an address has, and alone")?;
        assert!(count(70_000, there).is_none() && count(300_000, elsewhere).is_none(), "more than all have");
        assert_eq!(reply::parts(longest).1.len(), 300_000);
        assert!(count(300_000, elsewhere).is_some(), "not given back");

        let (_, bytes) = reply::parts(first);
        let rest = bytes.slice(69_999..);
        drop(bytes);
        assert!(count(70_000, here).is_none(), "written in part");
        drop(rest);
        assert!(count(70_000, here).is_some());
        drop(second);
        Ok(())
    }
}
