//! Accounts at providers: what the operator manages of them, and the handles by which they are used.

mod blame;
mod breaker;
mod handle;
mod lookup;
mod manage;
mod proof;
mod rate_limiter;
pub mod rest;
mod token;

pub use blame::BlamedSend;
pub use breaker::{BreakerChange, RequestVerdict};
pub use handle::{AccountHandle, RestPeriod};
pub use lookup::NumberLookup;
pub use manage::{AccountChange, Accounts, NewAccount, usual};
pub use proof::{BelievedBy, ExtraToken};
pub use rate_limiter::{RateLimiter, RateReservation};

pub use crate::provider::{CarrierKind, Connectors, CredentialField, Credentials};
pub use crate::store::account::token::TokenRole;
pub use crate::store::account::{Account, AccountToken, RestReason, UncertainPolicy};
