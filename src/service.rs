//! What the product promises.

pub mod account;
pub mod admin;
pub mod audit;
pub mod client;
pub mod cpu_pool;
pub mod device;
pub mod directory;
pub mod dispatch;
mod error;
pub mod event;
pub mod guard;
pub mod health;
pub mod idempotency;
pub mod inbound;
pub mod ledger;
pub mod media;
pub mod message;
pub mod number;
pub mod opt_out;
pub mod outbox;
pub mod permission;
pub mod publish;
mod race;
pub mod relay;
pub mod retention;
mod retry;
mod salt;
pub mod session;
pub mod sheet;
mod snapshot;
pub mod sync;
pub mod tariff;
pub mod vault;
pub mod verification;
pub mod wait;

/// What a call has besides its message.
pub mod call {
    pub use crate::provider::CallHangupMode;
    pub use crate::store::call::Call;
}

pub use error::{Error, ErrorKind, Result};

/// What a store says of itself, for the doors: they know no store.
pub use crate::store::Error as StoreError;

/// A page out of one item more than it holds, and whether there are more.
fn page<T>(mut items: Vec<T>, limit: usize) -> (Vec<T>, bool) {
    let more = items.len() > limit;
    items.truncate(limit);
    (items, more)
}
