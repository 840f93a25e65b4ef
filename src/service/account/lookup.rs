//! What providers know of anybody's number.

use super::{Accounts, Kind, Line};
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
        let line = match account {
            Some(id) => entries.line(id).ok_or(LookupError::NoAccount)?,
            None => {
                let able = entries.lines().filter(|line| line.connector.can_look_up());
                able.min_by_key(|line| rank(line)).ok_or(LookupError::Nobody)?
            }
        };
        Ok((line.account.id, line.connector.lookup(phone).await?))
    }
}

fn rank(line: &Line) -> (bool, AccountId) {
    (line.connector.kind() == Kind::Loopback, line.account.id)
}
