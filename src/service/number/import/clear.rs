//! Clears up after imports: frees the numbers of those that are done, removes those of others. One node at a time does
//! so for each.

use std::time::Instant;

use super::NumberImports;
use super::slice::{self, CLEARED};
use crate::model::NumberImportId;
use crate::service::race::won;
use crate::store;
use crate::store::number_import::{self, NumberImportState};

impl NumberImports {
    /// Removes what failed imports have left, and those of dead processes; forgets those that are done.
    pub async fn clear_up(&self) -> store::Result<()> {
        let open = number_import::open(self.store()).await?;
        if open.iter().any(|import| import.state == NumberImportState::Writing) {
            number_import::give_up_orphans(self.store(), self.clock.now_ms()).await?;
        }
        for import in open {
            if import.state != NumberImportState::Writing {
                self.clear(import.id, import.state).await;
            }
        }
        Ok(())
    }

    /// Clears up after one that is over, unless somebody else does. One that fails keeps no other waiting.
    pub(super) async fn clear(&self, id: NumberImportId, state: NumberImportState) {
        if let Err(error) = self.clear_if_free(id, state).await {
            tracing::warn!(import = %id, %error, "could not clear up after an import of numbers; trying again");
        }
    }

    async fn clear_if_free(&self, id: NumberImportId, state: NumberImportState) -> store::Result<()> {
        if self.stop.is_cancelled() || won(number_import::claim(self.store(), self.lease(), id).await)?.is_none() {
            return Ok(());
        }
        let cleared = self.clear_claimed(id, state).await;
        // of one that is forgotten there is nothing to give back
        let given_back = number_import::give_back(self.store(), self.lease(), id).await;
        cleared.and(given_back)
    }

    /// Goes on until the import is forgotten, another has taken it over, or this node stops.
    async fn clear_claimed(&self, id: NumberImportId, state: NumberImportState) -> store::Result<()> {
        while !self.stop.is_cancelled() {
            let begun = Instant::now();
            let done = match state {
                NumberImportState::Writing => return Ok(()),
                NumberImportState::Done => number_import::free_slice(self.store(), self.lease(), id, CLEARED).await,
                NumberImportState::Failed => number_import::remove_slice(self.store(), self.lease(), id, CLEARED).await,
            };
            match won(done)? {
                None | Some(0) => return Ok(()),
                Some(_) => slice::pause(begun.elapsed()).await,
            }
        }
        Ok(())
    }
}
