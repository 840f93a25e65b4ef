//! An account whose carrier refuses it rests; that it does, and no longer does, is written down for all nodes, and told.

use crate::model::event::EventType;
use crate::model::{AccountId, ClientId, Millis, rfc3339};
use crate::service::directory::Directory;
use crate::service::event::payload::AccountEventData;
use crate::service::event::{EventMetadata, Events, NewEventBatch};
use crate::service::race::won;
use crate::store::account::{Account, RestReason, rest};
use crate::store::{self, Change};

impl NewEventBatch<'_> {
    /// An account rests, or does no longer. Accounts are the operator's, whose endpoints hear of them.
    pub(in crate::service) fn account(&mut self, account: &Account, rest: &RestReason, kind: EventType, at_ms: Millis) {
        self.add(EventMetadata::alone(ClientId::OPERATOR, kind, at_ms), || AccountEventData {
            account_id: account.id.to_string(),
            provider: &account.provider,
            name: &account.name,
            since: rfc3339(rest.since_ms),
            code: rest.code,
            reason: &rest.reason,
        });
    }
}

/// Writes down that an account rests, unless that is known, or its credentials are others by now.
pub async fn begin(directory: &Directory, events: &Events, account: &Account, rest: &RestReason) -> store::Result<()> {
    if directory.current().handle(account.id).is_none_or(|handle| handle.rest().is_some()) {
        return Ok(());
    }
    write(directory, events, account, rest, (EventType::AccountResting, rest.since_ms), rest::begin(account, rest))
        .await
}

/// Writes down that an account is in use again, where it is known to have rested.
pub async fn end(directory: &Directory, events: &Events, account: AccountId, at_ms: Millis) -> store::Result<()> {
    let Some(handle) = directory.current().handle(account).cloned() else { return Ok(()) };
    let Some(rest) = handle.rest() else { return Ok(()) };
    write(directory, events, &handle.account, rest, (EventType::AccountResumed, at_ms), rest::end(account, rest)).await
}

async fn write(
    directory: &Directory,
    events: &Events,
    account: &Account,
    rest: &RestReason,
    (kind, at_ms): (EventType, Millis),
    change: Change,
) -> store::Result<()> {
    let mut batch = events.batch();
    batch.account(account, rest, kind, at_ms);
    // or another node was quicker, or somebody has changed the account
    if won(directory.store.commit(batch.write(change)).await)?.is_some() {
        batch.committed();
    }
    directory.refresh().await
}
