//! `make bench`: what pairing, sending and receiving cost, each figure beside its reference, measured in one run.
//!
//! `make bench ARGS=handshakes` runs one part, see [`PARTS`]; with `--short` the newer ones only try whether they
//! work. Those of [`NAMED`] run only where they are named; `make bench-large` names `large`.

#![expect(clippy::cast_precision_loss, reason = "counts of sockets and handshakes are small")]

#[expect(dead_code, unused_imports, reason = "the tests' harness; a benchmark needs less of it")]
#[path = ".."]
mod tests {
    pub mod harness;
}

mod argon2;
mod carrier;
mod choose;
mod disk;
mod fill;
mod flow;
mod handshake;
mod inbound;
mod large;
mod latency;
mod load;
mod mask;
mod masked;
mod message;
mod meter;
mod number_import;
mod older_load;
mod password;
mod pending;
mod plan;
mod process;
mod relay;
mod seed;
mod sessions;
mod socket;
mod stage;
mod start;
mod table;
mod values;
mod verification;
mod wire;

use anyhow::ensure;

use harness::Result;
use plan::Plan;
use table::Table;
use tests::harness;

/// In the order in which they run.
const PARTS: [&str; 19] = [
    "start",
    "password",
    "handshakes",
    "argon2",
    "sockets",
    "seed",
    "messages",
    "flow",
    "latency",
    "carrier",
    "inbound",
    "relay",
    "sessions",
    "masked",
    "choose",
    "older-load",
    "import",
    "verification",
    "mariadb",
];

/// What decides how something is built, once; what needs much of the disk.
const NAMED: [&str; 2] = ["values", "large"];

fn needs_mariadb() -> Result {
    let named = std::env::var_os("SWITCHBOARD_TEST_MYSQL").is_some();
    ensure!(named, "SWITCHBOARD_TEST_MYSQL names no server: `make bench` starts one");
    Ok(())
}

/// What `messages`, `relay`, and all of sessions and numbers are on a server.
async fn mariadb(table: &mut Table, plan: &Plan) -> Result {
    needs_mariadb()?;
    message::on_mariadb(table, plan).await?;
    relay::on_mariadb(table, plan).await?;
    sessions::on_mariadb(table, plan).await?;
    masked::on_mariadb(table, plan).await?;
    choose::on_mariadb(table, plan).await?;
    older_load::on_mariadb(table, plan).await?;
    number_import::on_mariadb(table, plan).await
}

fn main() -> Result {
    // cargo gives --bench
    let (options, mut wanted): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|argument| argument.starts_with('-'));
    let unknown = wanted.iter().find(|part| !PARTS.contains(&part.as_str()) && !NAMED.contains(&part.as_str()));
    ensure!(unknown.is_none(), "no part {unknown:?}: there are {PARTS:?}, and {NAMED:?}");
    if wanted.is_empty() {
        wanted = PARTS.map(str::to_owned).to_vec();
    }
    let plan = Plan::new(options.iter().any(|option| option == "--short"));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let mut table = Table::default();
    let done = runtime.block_on(async {
        let mut found = None;
        for part in PARTS.into_iter().chain(NAMED).filter(|part| wanted.iter().any(|one| one == part)) {
            eprintln!("{part}:");
            match part {
                "start" => start::measure(&mut table).await?,
                "password" => password::measure(&mut table),
                "handshakes" => handshake::measure(&mut table).await?,
                "argon2" => argon2::measure(&mut table).await?,
                "sockets" => socket::measure(&mut table).await?,
                "seed" => seed::measure(&mut table).await?,
                "messages" => message::measure(&mut table, &plan).await?,
                "flow" => found = Some(flow::measure(&mut table, &plan).await?),
                "latency" => latency::measure(&mut table, &plan, found).await?,
                "carrier" => carrier::measure(&mut table, &plan).await?,
                "inbound" => inbound::measure(&mut table, &plan).await?,
                "relay" => relay::measure(&mut table, &plan).await?,
                "sessions" => sessions::measure(&mut table, &plan).await?,
                "masked" => masked::measure(&mut table, &plan).await?,
                "choose" => choose::measure(&mut table, &plan).await?,
                "older-load" => older_load::measure(&mut table, &plan).await?,
                "import" => number_import::measure(&mut table, &plan).await?,
                "verification" => verification::measure(&mut table, &plan).await?,
                "mariadb" => mariadb(&mut table, &plan).await?,
                "values" => {
                    needs_mariadb()?;
                    values::measure(&mut table, &plan).await?;
                }
                _ => large::measure(&mut table, &plan).await?,
            }
        }
        Result::Ok(())
    });
    // what was measured before something failed too
    table.print();
    if plan.is_short {
        println!("\nA short run: its figures say nothing.");
    }
    done
}
