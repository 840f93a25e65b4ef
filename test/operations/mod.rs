//! Tests: operations.
