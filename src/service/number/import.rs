//! Numbers taken into use many at once, from a file or from what a carrier's account has: all of them or none.
//!
//! All is checked first. Then they are written in slices with pauses between, as others use the store too, and are
//! there from the last commit on. What a failure or a dead process leaves is removed.

mod carrier;
mod clear;
mod sheet;
mod slice;
mod write;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::model::{AccountId, ClientId, Clock, Country, Millis, NumberId, NumberImportId, PoolId};
use crate::service::audit::AuditContext;
use crate::service::directory::{Directory, DirectoryEntries};
use crate::service::{Error, ErrorKind, Result, snapshot};
use crate::store::lease::{Lease, LeaseOwner};
use crate::store::number::Number;
use crate::store::number_import::{self, TakenAddress};
use crate::store::pool::{self, Pool};
use crate::store::{self, CorePace, Store};

pub use crate::store::number_import::{NumberImport, NumberImportState};
pub use carrier::CarriedNumber;

/// So long after its last slice an import is its writer's, or that of who clears up after it; slices take milliseconds.
const LEASE_MS: Millis = 15_000;

/// What holds for numbers of a file that says nothing of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct NumberDefaults {
    pub account: Option<AccountId>,
    pub pool: Option<PoolId>,
    /// Where numbers are that are written without a country code.
    pub country: Option<Country>,
}

/// What an import has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportedNumbers {
    pub id: NumberImportId,
    pub added: usize,
    /// The first and the last of its numbers: the ids of all others are between theirs.
    pub bounds: Option<(NumberId, NumberId)>,
}

/// What lines of a file may name.
struct NamedThings {
    client: ClientId,
    entries: Arc<DirectoryEntries>,
    pools: HashMap<PoolId, Pool>,
    platforms: Vec<String>,
}

/// What is taken in, all or none.
struct NumberBatch {
    client: ClientId,
    numbers: Vec<Number>,
    /// Those that they are in, as they were read.
    pools: Vec<Pool>,
}

pub struct NumberImports {
    pub directory: Arc<Directory>,
    pub clock: Clock,
    pub owner: LeaseOwner,
    /// Names of the configured platforms.
    pub platforms: Vec<String>,
    /// A node that stops waits for these.
    pub tasks: TaskTracker,
    /// From then on nothing is written any more.
    pub stop: CancellationToken,
}

impl NumberImports {
    fn store(&self) -> &Store {
        &self.directory.store
    }

    fn lease(&self) -> Lease<'_> {
        let now_ms = self.clock.now_ms();
        Lease { owner: &self.owner, now_ms, until_ms: now_ms + LEASE_MS }
    }

    /// A client's imports that are under way, or have left something to do; newest first.
    pub async fn list(&self, client: ClientId) -> Result<Vec<NumberImport>> {
        Ok(number_import::list(self.store(), client).await?)
    }

    /// Takes numbers from CSV. It goes on where whoever asked waits no longer.
    pub async fn from_sheet(
        self: &Arc<Self>,
        client: ClientId,
        text: Bytes,
        defaults: NumberDefaults,
        audit: AuditContext<'static, ImportedNumbers>,
    ) -> Result<ImportedNumbers> {
        let (known, now_ms) = (self.known(client).await?, self.clock.now_ms());
        // the directory is not held longer: whoever holds the last of its time frees it
        let read = tokio::task::spawn_blocking(move || (sheet::read(&text, &known, defaults, now_ms), known.pools));
        let (contents, pools) = read.await.map_err(broken)?;
        let addresses: Vec<&str> = contents.lines.iter().map(|(_, number)| number.address.as_str()).collect();
        let taken = number_import::taken(self.store(), &addresses).await?;
        let free = tokio::task::spawn_blocking(move || sheet::free(contents, reasons(client, taken)));
        let numbers = free.await.map_err(broken)?.map_err(Error::lines)?;
        self.take_in(client, pools, numbers, audit).await
    }

    async fn known(&self, client: ClientId) -> Result<NamedThings> {
        self.directory.refresh().await?;
        let pools = pool::list(self.store(), client, None, usize::MAX).await?;
        let pools = pools.into_iter().map(|pool| (pool.id, pool)).collect();
        Ok(NamedThings { client, entries: self.directory.current(), pools, platforms: self.platforms.clone() })
    }

    /// Takes in what has been checked, in a task of its own; `pools` are the client's.
    async fn take_in(
        self: &Arc<Self>,
        client: ClientId,
        pools: HashMap<PoolId, Pool>,
        mut numbers: Vec<Number>,
        audit: AuditContext<'static, ImportedNumbers>,
    ) -> Result<ImportedNumbers> {
        let imports = self.clone();
        let ordered = tokio::task::spawn_blocking(move || {
            put_in_order(&mut numbers);
            let used: HashSet<PoolId> = numbers.iter().filter_map(|number| number.pool).collect();
            (numbers, used)
        });
        let (numbers, used) = ordered.await.map_err(broken)?;
        let pools = pools.into_values().filter(|pool| used.contains(&pool.id)).collect();
        let batch = NumberBatch { client, numbers, pools };
        let work = async move {
            let done = imports.run(&batch, &audit).await;
            // as reading a hundred thousand, freeing them takes longer than a thread may that serves
            tokio::task::spawn_blocking(move || free(batch));
            done
        };
        self.tasks.spawn(work).await.map_err(broken)?
    }

    async fn run(
        self: &Arc<Self>,
        batch: &NumberBatch,
        audit: &AuditContext<'static, ImportedNumbers>,
    ) -> Result<ImportedNumbers> {
        let (client, count) = (batch.client, batch.numbers.len());
        let created_ms = self.clock.now_ms();
        let (id, total) = (NumberImportId::new(created_ms), i64::try_from(count).unwrap_or(i64::MAX));
        let import = NumberImport { id, client, state: NumberImportState::Writing, total, written: 0, created_ms };
        let bounds = batch.numbers.first().zip(batch.numbers.last()).map(|(first, last)| (first.id, last.id));
        let done = ImportedNumbers { id, added: count, bounds };
        number_import::begin(self.store(), self.lease(), &import).await?;
        if let Err(error) = self.write(&import, batch, &done, audit).await
            && !self.is_done_all_the_same(id, batch).await
        {
            tracing::warn!(import = %id, %error, "numbers were not taken in; what was written of them is removed");
            return Err(told(error, self.stop.is_cancelled()));
        }
        snapshot::renewed("numbers", self.directory.refresh().await);
        // nobody waits for it, but sessions get no number of an exclusive pool before
        let imports = self.clone();
        self.tasks.spawn(async move { imports.clear(id, NumberImportState::Done).await });
        Ok(done)
    }
}

/// Which of these addresses cannot be taken, and why.
fn reasons(client: ClientId, taken: Vec<TakenAddress>) -> HashMap<String, &'static str> {
    let with_reason = |one: TakenAddress| match one.import {
        Some(NumberImportState::Writing | NumberImportState::Failed) => {
            (one.address, "is held by another import, which has not ended")
        }
        _ if one.client == client => (one.address, "is there already"),
        _ => (one.address, "is in use already"),
    };
    taken.into_iter().map(with_reason).collect()
}

/// Ids of one moment are in no order: they are dealt out anew, so that numbers are listed as they were given.
fn put_in_order(numbers: &mut [Number]) {
    let (mut ids, mut pace) = (BTreeSet::new(), CorePace::default());
    // put in one by one: to sort them at once would hold a core
    ids.extend(numbers.iter().map(|number| number.id).inspect(|_| pace.step()));
    for (number, id) in numbers.iter_mut().zip(ids) {
        number.id = id;
    }
}

fn free(batch: NumberBatch) {
    let mut pace = CorePace::default();
    for number in batch.numbers {
        pace.step();
        drop(number);
    }
}

/// What whoever asked is told of numbers that were not taken in.
fn told(error: store::Error, is_stopping: bool) -> Error {
    match error {
        store::Error::Conflict => {
            Error::conflict("others have taken one of these numbers in the meantime; nothing was taken: try again")
        }
        store::Error::Guard(_) => Error::conflict(
            "an account or a pool has changed, or the import took too long; nothing was taken: try again",
        ),
        _ if is_stopping => Error::new(ErrorKind::Unavailable, "this node is stopping; nothing was taken: try again"),
        error => error.into(),
    }
}

/// A fault of ours.
fn broken(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Internal, format!("numbers were not taken in: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_is_told_why_nothing_was_taken() {
        let away = || store::Error::Unavailable(String::new());
        for (error, is_stopping, kind, words) in [
            (store::Error::Conflict, false, ErrorKind::Conflict, "others have taken one"),
            (store::Error::Guard(0), true, ErrorKind::Conflict, "an account or a pool has changed"),
            (away(), true, ErrorKind::Unavailable, "this node is stopping"),
            (away(), false, ErrorKind::Unavailable, "the store is away"),
        ] {
            let told = told(error, is_stopping);
            assert!(told.kind == kind && told.detail.starts_with(words), "{told:?}");
        }
    }
}
