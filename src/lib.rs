//! Switchboard: one self-hosted server for everything a team does with SMS.
//!
//! The map. Layers outside, features inside: the folder says what code may touch,
//! the file says which promise it keeps. `test/layers.rs` enforces the imports.
//!
//! | folder | what it is | may import |
//! |---|---|---|
//! | [`model`] | the words: ids, phones, spans, secrets; no I/O | nothing of ours |
//! | [`crypto`] | RSA, sealing at rest, password and phone hashes; no I/O | model |
//! | [`store`] | facts persist: one file per table group, above `engine`, which knows none of them | model, crypto |
//! | [`signal`] | nodes tell each other: Redis or memory | model, crypto |
//! | [`provider`] | the outside we call: carriers, and our customers' webhooks | model, crypto |
//! | [`service`] | what the product promises | model, crypto, store, provider, signal |
//! | [`http`] | clients speak | model, crypto, service |
//! | [`worker`] | time speaks: queued jobs, run by one loop, and small loops, in one table | model, crypto, service |
//! | [`config`] | one tree of settings; the commented default is compiled in | settings of each layer |
//! | [`gateway`] | the composition root: the only file that knows everything | all |
//! | [`cli`] | one file per command | all |
//!
//! Inside `service`, what accepts messages ([`service::message`]) and what sends them ([`service::dispatch`]) do not name
//! each other: they meet in [`store::outbox`].

pub mod cli;
pub mod config;
pub mod crypto;
pub mod gateway;
pub mod http;
pub mod model;
pub mod provider;
pub mod service;
pub mod signal;
pub mod store;
pub mod worker;
