//! Writes an import slice by slice, up to the commit from which on its numbers are there; or gives it up.

use std::ops::Range;
use std::time::{Duration, Instant};

use super::slice::{self, WRITTEN};
use super::{ImportedNumbers, NumberBatch, NumberImports};
use crate::model::NumberImportId;
use crate::service::audit::AuditContext;
use crate::store::number_import::{self, NumberImport, NumberImportState};
use crate::store::{self, AuditTrail, number};

/// How often a step is tried while the store is away or busy, and the pause between.
const TRIES: usize = 10;
const PAUSE: Duration = Duration::from_millis(300);

/// How often a step may be tried yet.
struct StepTries(usize);

impl Default for StepTries {
    fn default() -> Self {
        Self(TRIES)
    }
}

impl StepTries {
    /// Waits before the next try. An error that will not pass, or that of the last try, is the end.
    async fn again(&mut self, error: store::Error) -> store::Result<()> {
        self.0 -= 1;
        if self.0 == 0 || !error.will_pass() {
            return Err(error);
        }
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }
}

impl NumberImports {
    /// Writes all of it. A node that stops writes no further: what there is, others remove.
    pub(super) async fn write(
        &self,
        import: &NumberImport,
        batch: &NumberBatch,
        done: &ImportedNumbers,
        audit: &AuditContext<'static, ImportedNumbers>,
    ) -> store::Result<()> {
        let mut written = 0;
        while written < batch.numbers.len() {
            if self.stop.is_cancelled() {
                return Err(store::Error::Unavailable("this node is stopping".into()));
            }
            let end = batch.numbers.len().min(written + WRITTEN);
            let begun = Instant::now();
            self.write_slice(import, batch, written..end).await?;
            written = end;
            slice::pause(begun.elapsed()).await;
        }
        let entry = audit.entry(self.clock.now_ms(), import.id, None, Some(done));
        self.finish(import.id, batch, entry).await
    }

    /// Writes a slice, again and again while the store is away or busy.
    async fn write_slice(&self, import: &NumberImport, batch: &NumberBatch, part: Range<usize>) -> store::Result<()> {
        let count = |rows: usize| i64::try_from(rows).unwrap_or(i64::MAX);
        let (before, after) = (count(part.start), count(part.end));
        let slice = (before, &batch.numbers[part]);
        let mut tries = StepTries::default();
        loop {
            let result = number_import::write_slice(self.store(), self.lease(), import, &batch.pools, slice).await;
            let Err(error) = result else { return Ok(()) };
            // one that was not answered may be written all the same, even after this look: then the next is refused
            let now = number_import::find(self.store(), import.id).await;
            if matches!(now, Ok(Some(now)) if now.written == after && now.state == NumberImportState::Writing) {
                return Ok(());
            }
            tries.again(error).await?;
        }
    }

    /// The last commit, tried as often.
    async fn finish(&self, id: NumberImportId, batch: &NumberBatch, entry: AuditTrail) -> store::Result<()> {
        let mut tries = StepTries::default();
        loop {
            let result = number_import::finish(self.store(), self.lease(), id, entry.clone()).await;
            let Err(error) = result else { return Ok(()) };
            if matches!(self.is_there(id, batch).await, Ok(true)) {
                return Ok(());
            }
            tries.again(error).await?;
        }
    }

    /// Whether its numbers are there. An import that is done may be forgotten by now, as one that has failed.
    async fn is_there(&self, id: NumberImportId, batch: &NumberBatch) -> store::Result<bool> {
        if let Some(found) = number_import::find(self.store(), id).await? {
            return Ok(found.state == NumberImportState::Done);
        }
        let Some(first) = batch.numbers.first() else { return Ok(true) };
        Ok(number::find(self.store(), batch.client, first.id).await?.is_some())
    }

    /// Gives an import up and removes what there is of it; what is left then, [`NumberImports::clear_up`] removes.
    /// True: it was finished after all, and only the answer was lost.
    pub(super) async fn is_done_all_the_same(&self, id: NumberImportId, batch: &NumberBatch) -> bool {
        let mut tries = StepTries::default();
        loop {
            let error = match self.give_up(id, batch).await {
                Ok(true) => return true,
                Ok(false) => break,
                Err(error) => error,
            };
            if let Err(error) = tries.again(error).await {
                tracing::warn!(import = %id, %error, "an import of numbers is given up once its lease is over");
                return false;
            }
        }
        self.clear(id, NumberImportState::Failed).await;
        false
    }

    /// Gives it up where it is not done; whether it is.
    async fn give_up(&self, id: NumberImportId, batch: &NumberBatch) -> store::Result<bool> {
        number_import::give_up(self.store(), self.lease(), id).await?;
        self.is_there(id, batch).await
    }
}
