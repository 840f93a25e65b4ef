//! Requests that count once, however often they come: by their client's name for them, and by what they ask.

use crate::crypto::{HashKey, hash};
use crate::model::ClientId;

pub use crate::store::idempotency::{Named, Reply};

/// Of what is compared: another where the same request is written in another way.
const VERSION: &[u8] = b"2";

/// Where money is moved by hand.
pub const LEDGER: &str = "/v1/clients/{id}/ledger";

/// A client's name for its request.
#[derive(Clone, Debug)]
pub struct IdempotencyKey {
    pub name: String,
    /// The resource that it is posted to: under the same name another request elsewhere is another request.
    pub path: &'static str,
}

impl IdempotencyKey {
    /// `canonical`: what is compared of two requests. Nobody can tell from the hash what was said.
    pub(in crate::service) fn named(self, client: ClientId, canonical: &[u8], secret: &HashKey) -> Named {
        let Self { name, path } = self;
        let id = hash::sha256(format!("{}\0{path}\0{name}", client.hex()).as_bytes());
        Named { id, hash: secret.mac(&[VERSION, canonical]) }
    }
}
