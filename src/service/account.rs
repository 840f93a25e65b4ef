//! Accounts at providers: what the operator manages of them, and when they rest.

mod lookup;
mod manage;
pub mod rest;
mod token;

pub use lookup::NumberLookup;
pub use manage::{AccountChange, Accounts, NewAccount, usual};

pub use crate::provider::{CarrierConnectorFactory, CarrierKind, CredentialField, Credentials};
pub use crate::service::directory::{
    AccountCall, AccountHandle, BlamedSend, BreakerChange, BreakerRequestOutcome, MatchedWebhookToken, RateLimiter,
    RateReservation, RestPeriod,
};
pub use crate::store::account::token::TokenRotationRole;
pub use crate::store::account::{Account, AccountWebhookToken, RestReason, UncertainPolicy};
