//! Proving that a person holds a phone: a code goes out, and comes back.

mod order;

pub use order::{CheckOutcome, CheckResult, CheckTarget, CreateResult, VerificationOrder};

pub use crate::store::verification::{ServiceSettings, Verification, VerificationExtra, VerificationFilter};
