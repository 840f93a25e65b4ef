//! What the product promises.

pub mod device;
pub mod event;
pub mod health;
pub mod pool;
pub mod sync;

/// What a store says of itself, for the doors: they know no store.
pub use crate::store::Error as StoreError;
