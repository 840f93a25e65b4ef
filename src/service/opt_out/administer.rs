//! The ledger of opt-outs as administrators see and mend it.

use super::OptOuts;
use crate::model::address::Address;
use crate::model::{Channel, ClientId};
use crate::service::audit::AuditContext;
use crate::service::race::settled;
use crate::service::{Error, Result, page};
use crate::store::opt_out::{self, Filter, NumberPersonOptOuts};

pub use crate::store::opt_out::{Filter as OptOutFilter, OptOutEntry};

impl OptOuts {
    /// What stands between a client's numbers and people, by number, person and channel; whether there are more.
    pub async fn list(&self, client: ClientId, filter: &Filter, limit: usize) -> Result<(Vec<OptOutEntry>, bool)> {
        Ok(page(opt_out::list(&self.parts.store, client, filter, limit + 1).await?, limit))
    }

    /// Sets or lifts one entry. Set, it takes back what waits to go to that person, as their own STOP does;
    /// again, it takes back what may have been left.
    pub async fn set(
        &self,
        client: ClientId,
        channel: Channel,
        number: &str,
        person: &Address,
        is_out: bool,
        audit: &AuditContext<'_, OptOutEntry>,
    ) -> Result<OptOutEntry> {
        self.parts.directory.refresh().await?;
        let entries = self.parts.directory.current();
        let sender = entries.sender(number).filter(|sender| sender.number.client == client);
        sender.ok_or_else(|| Error::not_found("number"))?;
        let person = person.as_str();
        let keys = self.parts.lanes.opt_outs(channel, number, person);
        let pair = NumberPersonOptOuts::find(&self.parts.store, &keys).await?;
        let before = pair.of(client);
        // or just behind what stands, where a clock ahead of ours has said it: an administrator sees what stands
        let at_ms = pair.last_ms().map_or(0, |last_ms| last_ms + 1).max(self.parts.clock.now_ms());
        let reason = opt_out::ADMINISTRATOR;
        let after = OptOutEntry {
            number: number.to_owned(),
            person: person.to_owned(),
            channel,
            is_out,
            reason: reason.to_owned(),
            changed_ms: at_ms,
        };
        let entry = audit.entry(at_ms, format!("{number}/{person}"), before, Some(&after));
        self.hear_by(&self.said(client, (channel, number, person), is_out, reason, at_ms), entry).await?;
        if is_out {
            self.cancel_all(channel, number, person).await?;
        }
        tracing::info!(%client, is_out, "an administrator set an entry of the opt-out ledger");
        NumberPersonOptOuts::find(&self.parts.store, &keys)
            .await?
            .of(client)
            .cloned()
            .ok_or_else(|| Error::not_found("number"))
    }

    /// Lifts what stops a person and no client sees: the number's client may be another by now, or nobody.
    pub async fn lift_unseen(
        &self,
        channel: Channel,
        number: &str,
        person: &Address,
        audit: &AuditContext<'_, OptOutEntry>,
    ) -> Result<OptOutEntry> {
        let (number, person) = (number.to_owned(), person.as_str().to_owned());
        let keys = self.parts.lanes.opt_outs(channel, &number, &person);
        settled("the opt-out ledger", || async {
            self.parts.directory.refresh().await?;
            let owner = self.parts.directory.current().sender(&number).map(|sender| sender.number.client);
            let pair = NumberPersonOptOuts::find(&self.parts.store, &keys).await?;
            let before = pair.unseen(owner).ok_or_else(|| Error::not_found("number"))?;
            let at_ms = pair.last_ms().map_or(0, |last_ms| last_ms + 1).max(self.parts.clock.now_ms());
            let (number, person, reason) = (number.clone(), person.clone(), opt_out::ADMINISTRATOR.to_owned());
            let object = format!("{number}/{person}");
            let after = OptOutEntry { channel, number, person, is_out: false, reason, changed_ms: at_ms };
            let entry = audit.entry(at_ms, object, Some(&before), Some(&after));
            opt_out::lift(&self.parts.store, &pair, owner, at_ms, entry).await?;
            tracing::info!("an administrator lifted an entry of the opt-out ledger that no client sees");
            Ok(after)
        })
        .await
    }
}
