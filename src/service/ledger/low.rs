//! A client whose balance falls below what it named is told so: once, and again only after it has been above. That it
//! falls, or rises, is noted in the transaction that does it: a fall that is made up for at once is told too. Falls of
//! which none was told yet are told as one.

use super::Ledger;
use crate::model::ClientId;
use crate::model::event::EventType;
use crate::service::event::EventMetadata;
use crate::service::event::payload::BalanceEventData;
use crate::service::race::won;
use crate::store::{self, Change, ledger};

/// Clients that one look may find.
const CLIENTS: i64 = 500;

impl Ledger {
    /// Tells a client that its balance fell, unless it was told, or it did not.
    pub async fn tell_low(&self, client: ClientId) -> store::Result<()> {
        let Some(now) = ledger::balance(&self.store, client).await? else { return Ok(()) };
        if !now.is_untold {
            return Ok(());
        }
        let mut batch = self.events.batch();
        let what = EventMetadata::alone(client, EventType::BalanceLow, self.clock.now_ms());
        batch.add(what, || BalanceEventData {
            client_id: client.to_string(),
            balance: now.balance,
            low_at: now.low_at,
            credit_limit: now.credit_limit,
        });
        // or somebody else was first
        if won(self.store.commit(batch.write(ledger::told(Change::new(), client))).await)?.is_some() {
            tracing::info!(%client, "a client's balance is low");
            batch.committed();
        }
        Ok(())
    }

    /// Tells those whom a crash has left untold; forgets that those were told who have money again.
    pub async fn tell_all_low(&self) -> store::Result<()> {
        ledger::recovered(&self.store).await?;
        for client in ledger::untold(&self.store, CLIENTS).await? {
            self.tell_low(client).await?;
        }
        Ok(())
    }
}
