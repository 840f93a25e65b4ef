//! What providers know of anybody's number.

use super::{AccountHandle, Accounts, Kind};
use crate::model::{AccountId, Phone};
use crate::provider::AskError;
use crate::store;

pub use crate::provider::Lookup;

#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error("no such account")]
    NoAccount,
    #[error("this account's provider looks no numbers up")]
    Cannot,
    #[error("there is no account whose provider looks numbers up")]
    Nobody,
    /// The provider says no: asked again, it would again.
    #[error("{0}")]
    Refused(AskError),
    #[error("{0}")]
    Unanswered(AskError),
    #[error(transparent)]
    Store(#[from] store::Error),
}

impl From<AskError> for LookupError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Unsupported => Self::Cannot,
            AskError::Denied { .. } | AskError::Refused { .. } => Self::Refused(error),
            AskError::Throttled { .. } | AskError::Unreachable { .. } => Self::Unanswered(error),
        }
    }
}

impl Accounts {
    /// Asks the provider of an account; of the oldest that can, where none is named, and a real one before
    /// the loopback. Which account was asked, and what its provider said.
    pub async fn look_up(&self, account: Option<AccountId>, phone: &Phone) -> Result<(AccountId, Lookup), LookupError> {
        self.directory.refresh().await?;
        let entries = self.directory.current();
        let handle = match account {
            Some(id) => entries.handle(id).ok_or(LookupError::NoAccount)?,
            None => {
                let able = entries.handles().filter(|handle| handle.connector.can_look_up());
                able.min_by_key(|handle| rank(handle)).ok_or(LookupError::Nobody)?
            }
        };
        Ok((handle.account.id, handle.connector.lookup(phone).await?))
    }
}

fn rank(handle: &AccountHandle) -> (bool, AccountId) {
    (handle.connector.kind() == Kind::Loopback, handle.account.id)
}
