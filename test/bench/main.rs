//! `make bench`: what pairing costs, each figure beside its reference, measured in one run.
//!
//! `make bench ARGS=handshakes` runs one part: start, sockets, handshakes, password, argon2, seed, messages, carrier.

#![expect(clippy::cast_precision_loss, reason = "counts of sockets and handshakes are small")]

#[expect(dead_code, unused_imports, reason = "the tests' harness; a benchmark needs less of it")]
#[path = "../harness/mod.rs"]
mod harness;

mod argon2;
mod carrier;
mod disk;
mod handshake;
mod message;
mod password;
mod process;
mod seed;
mod socket;
mod start;
mod table;
mod wire;

use harness::Result;
use table::Table;

fn main() -> Result {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|one| one == part);
    let mut table = Table::default();
    runtime.block_on(async {
        if is_wanted("start") {
            start::measure(&mut table).await?;
        }
        if is_wanted("password") {
            password::measure(&mut table);
        }
        if is_wanted("handshakes") {
            handshake::measure(&mut table).await?;
        }
        if is_wanted("argon2") {
            argon2::measure(&mut table).await?;
        }
        if is_wanted("sockets") {
            socket::measure(&mut table).await?;
        }
        if is_wanted("seed") {
            seed::measure(&mut table).await?;
        }
        if is_wanted("messages") {
            message::measure(&mut table).await?;
        }
        if is_wanted("carrier") {
            carrier::measure(&mut table).await?;
        }
        Result::Ok(())
    })?;
    table.print();
    Ok(())
}
