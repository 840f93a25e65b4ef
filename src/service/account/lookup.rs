//! What providers know of anybody's number.

use super::{AccountHandle, Accounts};
use crate::model::{AccountId, Phone};
use crate::provider::{AskError, CarrierFeature};
use crate::service::{Error, ErrorKind, Result};

pub use crate::provider::NumberLookup;

/// What an answer that is none comes to. Who refused would again, if it were asked again.
fn unanswered(error: AskError) -> Error {
    match error {
        AskError::Unsupported => Error::conflict("this account's provider looks no numbers up"),
        AskError::Denied { .. } | AskError::Refused { .. } => Error::conflict(error.to_string()),
        AskError::Throttled { .. } | AskError::Unreachable { .. } => {
            Error::new(ErrorKind::Unavailable, error.to_string())
        }
    }
}

impl Accounts {
    /// Asks the provider of an account; of the oldest that can, where none is named, and a real one before
    /// one inside this process. Which account was asked, and what its provider said.
    pub async fn look_up(&self, account: Option<AccountId>, phone: &Phone) -> Result<(AccountId, NumberLookup)> {
        self.directory.refresh().await?;
        let entries = self.directory.current();
        let handle = match account {
            Some(id) => entries.handle(id).ok_or_else(Error::no_account)?,
            None => {
                let able =
                    entries.handles().filter(|handle| handle.connector.kind().profile().can(CarrierFeature::LookUp));
                let found = able.min_by_key(|handle| rank(handle));
                found.ok_or_else(|| Error::conflict("there is no account whose provider looks numbers up"))?
            }
        };
        Ok((handle.account.id, handle.connector.lookup(phone).await.map_err(unanswered)?))
    }
}

fn rank(handle: &AccountHandle) -> (bool, AccountId) {
    (handle.connector.kind().profile().is_inside, handle.account.id)
}
