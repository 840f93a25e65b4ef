//! `/v1/verifications` and what belongs to them: proving by a code that a person holds a phone.

pub(super) mod rate_limit;
pub(super) mod template;
