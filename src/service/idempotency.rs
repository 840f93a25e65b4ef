//! Requests that count once, however often they come: by their client's name for them, and by what they ask.

use crate::crypto::{HashKey, hash};
use crate::model::ClientId;

pub use crate::store::idempotency::{IdempotencyFingerprint, StoredReply};

use super::Error;
use crate::store::Store;
use crate::store::idempotency::{self, FoundRequest};

/// Of what is compared: another where the same request is written in another way.
const VERSION: &[u8] = b"2";

/// Where money is moved by hand.
pub const LEDGER: &str = "/v1/clients/{id}/ledger";

/// What the same request was answered, if it came before.
pub(in crate::service) async fn replayed(
    store: &Store,
    named: Option<&IdempotencyFingerprint>,
) -> Result<Option<StoredReply>, Error> {
    let Some(named) = named else { return Ok(None) };
    match idempotency::find(store, named).await? {
        Some(FoundRequest::Same(reply)) => Ok(Some(reply)),
        Some(FoundRequest::Other) => Err(Error::key_reused()),
        None => Ok(None),
    }
}

/// A client's name for its request.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    pub name: String,
    /// The resource that it is posted to: under the same name another request elsewhere is another request.
    pub path: &'static str,
}

impl IdempotencyKey {
    /// `canonical`: what is compared of two requests. Nobody can tell from the hash what was said.
    pub(in crate::service) fn named(
        self,
        client: ClientId,
        canonical: &[u8],
        secret: &HashKey,
    ) -> IdempotencyFingerprint {
        let Self { name, path } = self;
        let id = hash::sha256(format!("{}\0{path}\0{name}", client.hex()).as_bytes());
        IdempotencyFingerprint { id, hash: secret.mac(&[VERSION, canonical]) }
    }
}
