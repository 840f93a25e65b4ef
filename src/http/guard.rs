//! `/v1/guard`: whom codes are not sent to, and what keeps others from being paid for them.

pub(super) mod country;
