//! Connections to the server that stands behind the address now.

use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use mysql_async::{Conn, DriverError, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};

use super::script::SESSION;
use crate::model::lock;
use crate::store::engine::{Error, Result};

/// How long a connection is kept that nobody needs.
const IDLE_FOR: Duration = Duration::from_secs(60);

/// A server is left no more often: the connection that has failed is let go of each time.
const TURN: Duration = Duration::from_millis(100);

/// What every connection begins with. A process that was stopped within a transaction must not keep its row locks:
/// MariaDB ends it (MySQL has no such setting, and reads a comment).
const BEGIN: [&str; 3] = [
    SESSION,
    "SET SESSION time_zone = '+00:00' /*M! , idle_transaction_timeout = 10 */",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
];

/// Clones share them.
#[derive(Clone)]
pub(super) struct MysqlConnections {
    opts: Opts,
    now: Arc<RwLock<MysqlPoolGeneration>>,
}

/// Those that were made since a server was last found to be of no use.
#[derive(Clone)]
struct MysqlPoolGeneration {
    number: u64,
    pool: Pool,
    made: Instant,
}

/// A connection, and of which generation it is.
pub(super) struct HeldConnection {
    pub(super) connection: Conn,
    generation: u64,
}

impl MysqlConnections {
    pub(super) fn new(url: &str, most: usize) -> Result<Self> {
        let opts = Opts::from_url(url).map_err(|e| Error::Refused(e.to_string()))?;
        let constraints = PoolConstraints::new(1, most.max(1)).unwrap_or_default();
        // closing what is idle for a moment, or a reset, would cost round trips and every prepared statement
        let pool = PoolOpts::default().with_constraints(constraints).with_reset_connection(false);
        let pool = pool.with_inactive_connection_ttl(IDLE_FOR);
        let builder = OptsBuilder::from_opts(opts)
            // or an UPDATE that changes nothing reports no row
            .client_found_rows(true)
            .stmt_cache_size(256)
            .setup(BEGIN.to_vec())
            .pool_opts(pool);
        let opts = Opts::from(builder);
        let first = MysqlPoolGeneration { number: 0, pool: Pool::new(opts.clone()), made: Instant::now() };
        Ok(Self { opts, now: Arc::new(RwLock::new(first)) })
    }

    pub(super) fn opts(&self) -> Opts {
        self.opts.clone()
    }

    pub(super) fn pool(&self) -> Pool {
        self.generation().pool
    }

    fn generation(&self) -> MysqlPoolGeneration {
        lock::read(&self.now).clone()
    }

    pub(super) async fn get(&self) -> Result<HeldConnection, mysql_async::Error> {
        loop {
            let MysqlPoolGeneration { number, pool, .. } = self.generation();
            match pool.get_conn().await {
                Ok(connection) => return Ok(HeldConnection { connection, generation: number }),
                // whoever waited for one of a server that has been left meanwhile
                Err(mysql_async::Error::Driver(DriverError::PoolDisconnected))
                    if self.generation().number != number => {}
                Err(error) => {
                    if super::failure::is_elsewhere(&error) {
                        self.turn(number);
                    }
                    return Err(error);
                }
            }
        }
    }

    /// Lets go of a server that does not write: of this connection, and of the idle ones beside it.
    pub(super) async fn leave(&self, held: HeldConnection) {
        self.turn(held.generation);
        // it may be gone already
        let _ = held.connection.disconnect().await;
    }

    /// Whatever is connected from now on asks anew who stands behind the address; once for all that found it out.
    fn turn(&self, left: u64) {
        let old = {
            let mut now = lock::write(&self.now);
            // those who find it out one after the other must not each begin anew
            if now.number != left || (left > 0 && now.made.elapsed() < TURN) {
                return;
            }
            let next =
                MysqlPoolGeneration { number: left + 1, pool: Pool::new(self.opts.clone()), made: Instant::now() };
            std::mem::replace(&mut *now, next).pool
        };
        // ends when what is under way there has ended
        tokio::spawn(old.disconnect());
    }

    pub(super) async fn close(&self) {
        let _ = self.pool().disconnect().await;
    }
}
