//! Proving phones by codes, and who is not helped to pump them.

pub mod guard;
mod guard_node;
