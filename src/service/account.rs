//! Accounts at providers: what the operator manages of them, and when they rest.

mod lookup;
mod manage;
pub mod rest;
mod token;

pub use lookup::NumberLookup;
pub use manage::{AccountChange, Accounts, NewAccount, usual};

pub use crate::provider::{CarrierKind, Connectors, CredentialField, Credentials};
pub use crate::service::directory::{
    AccountHandle, BelievedBy, BlamedSend, BreakerChange, RateLimiter, RateReservation, RequestVerdict, RestPeriod,
};
pub use crate::store::account::token::TokenRole;
pub use crate::store::account::{Account, AccountToken, RestReason, UncertainPolicy};
