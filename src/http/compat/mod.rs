//! Older systems' own paths and bodies over the same services: thin adapters, no rules of their own.

pub(super) mod relay;
