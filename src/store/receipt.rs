//! What providers said of messages after taking them: `sb_receipt`, each thing once.

use std::collections::HashMap;

use super::{Change, Result, Row, Store, Value, params};
use crate::crypto::hash::sha256_hex;
use crate::model::message::MessageState;
use crate::model::{CallStatus, MessageId, Millis};

/// The longest name of a word that we do not know, in characters: what the column holds.
const LONGEST_NAME: usize = 16;

/// Something not said before of a message.
#[derive(Clone, Debug)]
pub struct NewReceipt {
    pub message: MessageId,
    /// A state, a call's status, or [`unknown`].
    pub name: String,
    /// The provider's own word.
    pub word: String,
    pub error_code: Option<i64>,
    pub at_ms: Millis,
}

/// What a receipt says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptStatus {
    /// Of a message; of a call, where its status is called as a state is.
    State(MessageState),
    Call(CallStatus),
    /// The provider's word is none that we know.
    Unknown,
}

impl ReceiptStatus {
    /// A state or a call's status, or `unknown`.
    pub fn name(self) -> &'static str {
        match self {
            Self::State(state) => state.name(),
            Self::Call(status) => status.name(),
            Self::Unknown => "unknown",
        }
    }

    /// Reads [`NewReceipt::name`].
    fn parse(name: &str) -> Self {
        let state = MessageState::parse(name).map(Self::State);
        state.or_else(|| CallStatus::parse(name).map(Self::Call)).unwrap_or(Self::Unknown)
    }
}

/// What a provider said, as it is shown.
#[derive(Clone, Debug)]
pub struct StoredReceipt {
    pub state: ReceiptStatus,
    /// The provider's own word.
    pub word: String,
    pub error_code: Option<i64>,
    pub at_ms: Millis,
}

/// The name of a word that means nothing to us: no state has a question mark.
pub fn unknown(word: &str) -> String {
    let is_short = word.len() < LONGEST_NAME && word.bytes().all(|b| b.is_ascii_graphic());
    if is_short {
        return format!("?{word}");
    }
    let hash: String = sha256_hex(word.as_bytes()).chars().take(LONGEST_NAME - 1).collect();
    format!("?{hash}")
}

/// Adds what was not said before.
#[must_use]
pub(super) fn add(change: Change, said: &[NewReceipt]) -> Change {
    let rows = said.iter().map(|one| {
        let is_its_name = one.word == one.name;
        params![one.message, one.name.as_str(), (!is_its_name).then(|| one.word.clone()), one.error_code, one.at_ms]
    });
    change.insert("INSERT INTO sb_receipt (message_id, state, word, error_code, at_ms)", rows.collect())
}

/// Gives a receipt the code that it came without.
#[must_use]
pub(super) fn fill(change: Change, message: MessageId, name: &str, code: i64) -> Change {
    let sql = "UPDATE sb_receipt SET error_code = ? WHERE message_id = ? AND state = ? AND error_code IS NULL";
    change.run(sql, params![code, message, name])
}

/// The codes of what has been said before of these messages, by message and name.
pub async fn codes(store: &Store, messages: &[MessageId]) -> Result<HashMap<(MessageId, String), Option<i64>>> {
    let sql = "SELECT message_id, state, error_code FROM sb_receipt WHERE message_id IN ({})";
    let rows = store.look_up_each(sql, messages.iter().map(Value::from).collect()).await?;
    rows.iter().map(Row::read).collect()
}

/// What was said of a message, in the order in which it came about.
pub async fn list(store: &Store, id: MessageId) -> Result<Vec<StoredReceipt>> {
    let sql = "SELECT state, word, error_code, at_ms FROM sb_receipt WHERE message_id = ? ORDER BY at_ms, state";
    store.query(sql, params![id]).await?.iter().map(parse).collect()
}

fn parse(row: &Row) -> Result<StoredReceipt> {
    let name = row.text(0)?;
    let state = ReceiptStatus::parse(name);
    let word = row.maybe_text(1)?.unwrap_or(name).to_owned();
    Ok(StoredReceipt { state, word, error_code: row.maybe_int(2)?, at_ms: row.int(3)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_by_its_name() {
        let names = MessageState::ALL.map(MessageState::name).into_iter().chain(CallStatus::ALL.map(CallStatus::name));
        for name in names {
            assert_eq!(ReceiptStatus::parse(name).name(), name);
        }
        for name in [unknown("delivered").as_str(), "teleported"] {
            assert_eq!(ReceiptStatus::parse(name), ReceiptStatus::Unknown);
        }
    }

    #[test]
    fn unknown_words_have_names_that_fit_and_differ() {
        assert_eq!(unknown("teleported"), "?teleported");
        assert_eq!(unknown("delivered"), "?delivered", "no state is called so");
        let long = ["in-transit-to-the-next-hop", "in-transit-to-the-last-hop", "été", "sixteen-letters-", ""];
        let names: std::collections::HashSet<String> = long.iter().map(|word| unknown(word)).collect();
        assert_eq!(names.len(), long.len());
        assert!(names.iter().all(|name| name.len() <= LONGEST_NAME && name.starts_with('?')), "{names:?}");
    }
}
