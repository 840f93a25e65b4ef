//! Facts persist. One SQL text runs on two engines; the store URL chooses which. What runs them is `engine`, which knows
//! no table; each table group is a file of its own, and how several of them are leased is said once, in `lease`.
//!
//! What keeps the text portable: ids are ours, they and hashes are `BINARY`, times are `BIGINT`
//! milliseconds, no `ON CONFLICT`, no row locks. Concurrency is compare-and-set: a
//! [`Change`] lists guarded statements that commit together or not at all.

mod engine;
mod schema;
pub mod sweep;

pub mod account;
pub mod admin;
pub mod audit;
pub mod backend;
pub mod backlog;
pub mod call;
pub mod callback;
pub mod client;
pub mod code;
pub mod delivery;
pub mod device;
pub mod endpoint;
pub mod event;
pub mod guard;
pub mod idempotency;
pub mod inbound;
pub mod key;
pub mod lease;
pub mod ledger;
pub mod lockout;
pub mod message;
pub mod meta;
pub mod number;
pub mod number_import;
pub mod old_message;
pub mod opt_out;
pub mod outbox;
pub mod permission;
pub mod pool;
pub mod publication;
pub mod rate;
pub mod receipt;
pub mod redaction;
pub mod route;
pub mod seed;
pub mod session;
pub mod sync;
pub mod verification;
pub mod version;
pub mod wait;

pub use audit::AuditTrail;
pub use engine::{
    Change, CommitResult, CorePace, Error, Metrics, MigrationReport, Query, Result, Row, Settings, Store, StoreUrl,
    Value, batch, blocking, redact_url, serving,
};
pub use schema::set_aside_too_old;

use engine::params;
