//! Numbers taken into use many at once, from a file or from what a carrier's account has: all of them or none.
//!
//! All is checked first. Then they are written in slices with pauses between, as others use the store too, and are
//! there from the last commit on. What a failure or a dead process leaves is removed.

mod carrier;
mod sheet;
mod slice;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use self::slice::SlicePace;
use crate::model::{AccountId, ClientId, Clock, Country, Millis, NumberImportId, PoolId};
use crate::service::audit::AuditContext;
use crate::service::directory::{Directory, DirectoryEntries};
use crate::service::sheet::{BadSheetLine, SheetContents};
use crate::service::{Error, ErrorKind, Result, snapshot};
use crate::store::lease::{Lease, LeaseOwner};
use crate::store::number::Number;
use crate::store::number_import::{self, TakenAddress};
use crate::store::pool::{self, Pool};
use crate::store::{self, Store};

pub use crate::store::number_import::{NumberImport, NumberImportState};
pub use carrier::CarriedNumber;

/// So long after its last slice an import is somebody's; slices take milliseconds.
const LEASE_MS: Millis = 15_000;
/// How often a slice is tried while the store is away or busy, and the pause between.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_millis(300);

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
        let (known, now_ms) = (Arc::new(self.known(client).await?), self.clock.now_ms());
        let named = known.clone();
        let read = tokio::task::spawn_blocking(move || sheet::read(&text, &named, defaults, now_ms));
        let SheetContents { lines, mut wrong } = read.await.map_err(broken)?;
        let addresses: Vec<&str> = lines.iter().map(|(_, number)| number.address.as_str()).collect();
        let mut taken = self.taken(client, &addresses).await?;
        for (line, number) in &lines {
            if let Some(reason) = taken.remove(&number.address) {
                wrong.push(BadSheetLine { line: *line, field: Some("number"), reason: reason.to_owned() });
            }
        }
        if wrong.count > 0 {
            wrong.first.sort_by_key(|one| one.line);
            return Err(Error::lines(wrong));
        }
        self.take_in(&known, lines.into_iter().map(|(_, number)| number).collect(), audit).await
    }

    async fn known(&self, client: ClientId) -> Result<NamedThings> {
        self.directory.refresh().await?;
        let pools = pool::list(self.store(), client, None, usize::MAX).await?;
        let pools = pools.into_iter().map(|pool| (pool.id, pool)).collect();
        Ok(NamedThings { client, entries: self.directory.current(), pools, platforms: self.platforms.clone() })
    }

    /// Which of these addresses cannot be taken, and why.
    async fn taken(&self, client: ClientId, addresses: &[&str]) -> Result<HashMap<String, &'static str>> {
        let taken = number_import::taken(self.store(), addresses).await?;
        let with_reason = |one: TakenAddress| match one.import {
            Some(NumberImportState::Writing | NumberImportState::Failed) => {
                (one.address, "is held by another import, which has not ended")
            }
            _ if one.client == client => (one.address, "is there already"),
            _ => (one.address, "is in use already"),
        };
        Ok(taken.into_iter().map(with_reason).collect())
    }

    /// Takes in what has been checked, in a task of its own.
    async fn take_in(
        self: &Arc<Self>,
        known: &NamedThings,
        numbers: Vec<Number>,
        audit: AuditContext<'static, ImportedNumbers>,
    ) -> Result<ImportedNumbers> {
        let (imports, client) = (self.clone(), known.client);
        let used: HashSet<PoolId> = numbers.iter().filter_map(|number| number.pool).collect();
        let pools = known.pools.values().filter(|pool| used.contains(&pool.id)).cloned().collect();
        let batch = NumberBatch { client, numbers, pools };
        tokio::spawn(async move { imports.run(&batch, &audit).await }).await.map_err(broken)?
    }

    async fn run(
        &self,
        batch: &NumberBatch,
        audit: &AuditContext<'static, ImportedNumbers>,
    ) -> Result<ImportedNumbers> {
        let (client, count) = (batch.client, batch.numbers.len());
        let created_ms = self.clock.now_ms();
        let (id, total) = (NumberImportId::new(created_ms), i64::try_from(count).unwrap_or(i64::MAX));
        let import = NumberImport { id, client, state: NumberImportState::Writing, total, written: 0, created_ms };
        let done = ImportedNumbers { id, added: count };
        number_import::begin(self.store(), self.lease(), &import).await?;
        if let Err(error) = self.write(&import, batch, &done, audit).await
            && !self.is_done_all_the_same(id).await
        {
            tracing::warn!(import = %id, %error, "numbers were not taken in; what was written of them is removed");
            if error.is_race() {
                let told = "others have taken one of these numbers in the meantime, or changed an account or a pool of \
                            theirs; nothing was taken: try again";
                return Err(Error::conflict(told));
            }
            return Err(error.into());
        }
        snapshot::renewed("numbers", self.directory.refresh().await);
        Ok(done)
    }

    async fn write(
        &self,
        import: &NumberImport,
        batch: &NumberBatch,
        done: &ImportedNumbers,
        audit: &AuditContext<'static, ImportedNumbers>,
    ) -> store::Result<()> {
        let (mut written, mut pace) = (0, SlicePace::default());
        while written < batch.numbers.len() {
            let end = batch.numbers.len().min(written + pace.rows());
            let begun = Instant::now();
            self.write_slice(import, batch, written..end).await?;
            written = end;
            pace.pause(begun.elapsed()).await;
        }
        let entry = audit.entry(self.clock.now_ms(), import.id, None, Some(done));
        number_import::finish(self.store(), self.lease(), import.id, entry).await
    }

    /// Writes a slice, again and again while the store is away or busy.
    async fn write_slice(&self, import: &NumberImport, batch: &NumberBatch, part: Range<usize>) -> store::Result<()> {
        let count = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
        let (before, after) = (count(part.start), count(part.end));
        let slice = (before, &batch.numbers[part]);
        let mut tries = TRIES;
        loop {
            let result = number_import::write_slice(self.store(), self.lease(), import, &batch.pools, slice).await;
            tries -= 1;
            match result {
                Err(error) if error.will_pass() && tries > 0 => tokio::time::sleep(PAUSE).await,
                result => return result,
            }
            // of one that was not answered nobody knows whether it was written
            let now = number_import::find(self.store(), import.id).await;
            if matches!(now, Ok(Some(now)) if now.written == after) {
                return Ok(());
            }
        }
    }

    /// Gives an import up and removes what there is of it; what is left then, [`NumberImports::clear_up`] removes.
    /// True: it was finished after all, and only the answer was lost.
    async fn is_done_all_the_same(&self, id: NumberImportId) -> bool {
        let removed = async {
            number_import::give_up(self.store(), self.lease(), id).await?;
            let found = number_import::find(self.store(), id).await?;
            if found.is_some_and(|found| found.state == NumberImportState::Done) {
                return Ok(true);
            }
            self.remove(id).await.map(|()| false)
        };
        let failed = |error: &store::Error| tracing::warn!(import = %id, %error, "it is removed later");
        removed.await.inspect_err(failed).unwrap_or(false)
    }

    async fn remove(&self, id: NumberImportId) -> store::Result<()> {
        let mut pace = SlicePace::default();
        loop {
            let begun = Instant::now();
            if number_import::remove_slice(self.store(), id, pace.rows()).await? == 0 {
                return Ok(());
            }
            pace.pause(begun.elapsed()).await;
        }
    }

    async fn free(&self, id: NumberImportId) -> store::Result<()> {
        let mut pace = SlicePace::default();
        loop {
            let begun = Instant::now();
            if number_import::free_slice(self.store(), id, pace.rows(), self.clock.now_ms()).await? == 0 {
                return Ok(());
            }
            pace.pause(begun.elapsed()).await;
        }
    }

    /// Removes what failed imports have left, and those of dead processes; forgets those that are done.
    pub async fn clear_up(&self) -> store::Result<()> {
        let open = number_import::open(self.store()).await?;
        if open.iter().any(|import| import.state == NumberImportState::Writing) {
            number_import::give_up_orphans(self.store(), self.clock.now_ms()).await?;
        }
        for import in open {
            match import.state {
                NumberImportState::Writing => {}
                NumberImportState::Done => self.free(import.id).await?,
                NumberImportState::Failed => self.remove(import.id).await?,
            }
        }
        Ok(())
    }
}

/// A fault of ours.
fn broken(error: tokio::task::JoinError) -> Error {
    Error::new(ErrorKind::Internal, format!("numbers were not taken in: {error}"))
}
