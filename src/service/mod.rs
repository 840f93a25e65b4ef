//! What the product promises.

pub mod device;
pub mod health;
pub mod pool;
pub mod sync;
