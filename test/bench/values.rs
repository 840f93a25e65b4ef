//! How values reach MariaDB: as literals in one text, as the store sends a change, or as parameters of prepared
//! statements. Measured by transactions of the shape in which a paying client's messages are accepted.

mod batch;

use std::time::Instant;

use anyhow::{Context as _, ensure};
use mysql_async::prelude::Queryable as _;
use mysql_async::{Opts, OptsBuilder, Params, Pool, PoolConstraints, PoolOpts, Transaction, TxOpts};
use switchboard::model::{ClientId, DurationSetting};
use switchboard::store::{Change, Metrics, Settings, Store, Value};

use self::batch::{Batch, Rows, TABLES, TAKE};
use crate::harness::server::Home;
use crate::harness::{Layout, Result};
use crate::plan::Plan;
use crate::table::{Table, median};
use crate::{disk, process};

/// Each with a client of its own, so that none waits for the row of another's balance.
const CONNECTIONS: usize = 4;
const ROUNDS: usize = 5;
/// Messages of one run: some seconds' worth. All are made before its clock begins, and there is room for them.
const MESSAGES: usize = 40_000;
const FEW_MESSAGES: usize = 4_000;
/// Messages of one transaction: as many as it takes at most, and about what two writers have of 64 callers.
const BATCHES: [usize; 2] = [64, 29];
/// What is left at least of the text's rate, and spent at most of its processor time, where another way is worth it.
const LEFT: f64 = 0.95;
const MORE: f64 = 1.05;
/// Never spent here.
const BALANCE: i64 = 1 << 60;

#[derive(Clone, Copy)]
enum Way {
    /// One text of all statements, written and sent by the store itself.
    Text,
    /// Statements for so many rows at once, largest first.
    Prepared(&'static [usize]),
    /// A statement for one row, and all rows with it: MariaDB alone takes that.
    Bulk,
}

/// The first is what the others are held against.
const WAYS: [(&str, Way); 4] = [
    ("one text with literals", Way::Text),
    ("prepared, row by row", Way::Prepared(&[1])),
    ("prepared, 64, 32, 16, 8, 4, 2 or 1 rows at once", Way::Prepared(&[64, 32, 16, 8, 4, 2, 1])),
    ("prepared, in bulk", Way::Bulk),
];

/// As the store's sessions begin.
const SESSION: [&str; 2] = [
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
];

pub async fn measure(table: &mut Table, plan: &Plan) -> Result {
    let home = Home::make(Layout::MariadbShared).await?;
    let senders = Senders::over(&home.databases.store_url).await?;
    let (count, messages) = if plan.is_short { (1, FEW_MESSAGES) } else { (ROUNDS, MESSAGES) };
    for size in BATCHES {
        let mut first = 0;
        let round = async || {
            let mut spent = [Spent::default(); WAYS.len()];
            for n in 0..WAYS.len() {
                // another begins each time
                let at = (first + n) % WAYS.len();
                let (name, way) = WAYS[at];
                spent[at] = senders.send(way, size, messages).await?;
                eprintln!("{size} a transaction, {name}: {}", spent[at].shown());
            }
            first += 1;
            Result::Ok(spent)
        };
        let (rounds, fdatasync) = disk::runs(&home, plan, count, round).await?;
        show(table, size, &rounds, fdatasync);
    }
    senders.store.close().await;
    senders.pool.disconnect().await?;
    Ok(())
}

fn show(table: &mut Table, size: usize, rounds: &[[Spent; WAYS.len()]], fdatasync: f64) {
    let middle = |at: usize, of: fn(&Spent) -> f64| median(rounds.iter().map(|round| of(&round[at])).collect());
    let spent = |at: usize| Spent {
        rate: middle(at, |spent| spent.rate),
        ours_us: middle(at, |spent| spent.ours_us),
        server_us: middle(at, |spent| spent.server_us),
    };
    let text = spent(0);
    let bound = format!("{LEFT} of {:.0}/s, {MORE} of our {:.1} us", text.rate, text.ours_us);
    for (at, (name, _)) in WAYS.into_iter().enumerate() {
        let ours = spent(at);
        let what = format!("{size} messages a transaction, {name}");
        let shown = format!("{} (fdatasync {fdatasync:.2} ms)", ours.shown());
        if at == 0 {
            table.add_reference(&what, shown);
            continue;
        }
        let holds = ours.rate >= LEFT * text.rate && ours.ours_us <= MORE * text.ours_us;
        table.add(&what, shown, &bound, holds);
    }
}

/// Messages a second, and processor time of each in microseconds: this process's and MariaDB's.
#[derive(Clone, Copy, Default)]
struct Spent {
    rate: f64,
    ours_us: f64,
    server_us: f64,
}

impl Spent {
    fn shown(&self) -> String {
        let Self { rate, ours_us, server_us } = self;
        format!("{rate:.0}/s, processor time of each: ours {ours_us:.1} us, MariaDB's {server_us:.1} us")
    }
}

/// Connections on which transactions are sent, some of them the store's own.
#[derive(Clone)]
struct Senders {
    store: Store,
    pool: Pool,
    clients: [ClientId; CONNECTIONS],
    /// MariaDB's process.
    server: u32,
}

impl Senders {
    async fn over(url: &str) -> Result<Self> {
        let settings =
            Settings { url: url.parse()?, connections: CONNECTIONS, timeout: DurationSetting::from_millis(60_000) };
        let store = Store::open("bench", &settings, Metrics::default())?;
        store.migrate().await?;
        let clients: [ClientId; CONNECTIONS] = std::array::from_fn(|_| ClientId::new(1));
        let balance = |client: ClientId| -> Vec<Value> { vec![client.into(), BALANCE.into(), 0.into()] };
        let into = "INSERT INTO sb_balance (client_id, balance, credit_limit)";
        store.commit(Change::new().insert(into, clients.map(balance).to_vec())).await?;

        let all = PoolConstraints::new(CONNECTIONS, CONNECTIONS).context("no connections")?;
        // a reset would cost every prepared statement
        let kept = PoolOpts::default().with_constraints(all).with_reset_connection(false);
        let options = OptsBuilder::from_opts(Opts::from_url(url)?).client_found_rows(true).stmt_cache_size(256);
        let pool = Pool::new(Opts::from(options.setup(SESSION.to_vec()).pool_opts(kept)));
        let file: Option<String> = pool.get_conn().await?.query_first("SELECT @@pid_file").await?;
        let server: u32 = std::fs::read_to_string(file.context("no pid file")?)?.trim().parse()?;
        Ok(Self { store, pool, clients, server })
    }

    /// Sends some `messages` into empty tables, `size` of them in a transaction, over all connections at once.
    async fn send(&self, way: Way, size: usize, messages: usize) -> Result<Spent> {
        let mut connection = self.pool.get_conn().await?;
        for (name, _) in TABLES {
            connection.query_drop(format!("TRUNCATE TABLE {name}")).await?;
        }
        drop(connection);
        let made = self.clients.map(|client| -> Result<Vec<Batch>> {
            (0..messages / CONNECTIONS / size).map(|_| Batch::of(client, size)).collect()
        });
        let made = made.into_iter().collect::<Result<Vec<_>>>()?;
        let count = made.iter().map(Vec::len).sum::<usize>() * size;
        let cpu = || Result::Ok((process::cpu_seconds(std::process::id())?, process::cpu_seconds(self.server)?));
        let (before, begun) = (cpu()?, Instant::now());
        let mut tasks = Vec::new();
        for batches in made {
            let senders = self.clone();
            tasks.push(tokio::spawn(async move {
                for batch in batches {
                    senders.accept(way, batch).await?;
                }
                Result::Ok(())
            }));
        }
        for task in tasks {
            task.await??;
        }
        let (seconds, after) = (begun.elapsed().as_secs_f64(), cpu()?);
        self.holds(count).await?;
        let each = |after: f64, before: f64| (after - before) * 1e6 / count as f64;
        let (ours_us, server_us) = (each(after.0, before.0), each(after.1, before.1));
        Ok(Spent { rate: count as f64 / seconds, ours_us, server_us })
    }

    async fn accept(&self, way: Way, batch: Batch) -> Result {
        match way {
            Way::Text => {
                let insert = |change: Change, (into, rows): (String, Rows)| change.insert(&into, rows);
                let change = batch.inserts.into_iter().fold(Change::new(), insert);
                self.store.commit(change.one(TAKE, batch.charge)).await?;
                Ok(())
            }
            Way::Prepared(sizes) => self.accept_prepared(batch, Some(sizes)).await,
            Way::Bulk => self.accept_prepared(batch, None).await,
        }
    }

    async fn accept_prepared(&self, batch: Batch, sizes: Option<&'static [usize]>) -> Result {
        let mut connection = self.pool.get_conn().await?;
        let mut transaction = connection.start_transaction(TxOpts::default()).await?;
        for (into, rows) in batch.inserts {
            insert(&mut transaction, &into, rows, sizes).await?;
        }
        transaction.exec_drop(TAKE, params(batch.charge)).await?;
        ensure!(transaction.affected_rows() == 1, "nobody has paid");
        transaction.commit().await?;
        Ok(())
    }

    /// Whether every table has a row of each message: a way that loses some is not quick.
    async fn holds(&self, count: usize) -> Result {
        let mut connection = self.pool.get_conn().await?;
        for (name, _) in TABLES {
            let found: Option<usize> = connection.query_first(format!("SELECT COUNT(*) FROM {name}")).await?;
            ensure!(found == Some(count), "{count} were accepted, {found:?} are in {name}");
        }
        Ok(())
    }
}

/// `sizes`: none means in bulk.
async fn insert(on: &mut Transaction<'_>, into: &str, rows: Rows, sizes: Option<&'static [usize]>) -> Result {
    let row = format!("({})", vec!["?"; rows.first().map_or(0, Vec::len)].join(", "));
    let Some(sizes) = sizes else {
        on.exec_batch(format!("{into} VALUES {row}"), rows.into_iter().map(params)).await?;
        return Ok(());
    };
    let mut rows = rows.into_iter();
    for size in sizes {
        let sql = format!("{into} VALUES {}", vec![row.as_str(); *size].join(", "));
        while rows.len() >= *size {
            let values: Vec<Value> = rows.by_ref().take(*size).flatten().collect();
            on.exec_drop(sql.as_str(), params(values)).await?;
        }
    }
    Ok(())
}

fn params(values: Vec<Value>) -> Params {
    Params::Positional(values.into_iter().map(Into::into).collect())
}
