//! Codes as they lie sealed: looked up for whoever sends them, and what follows where a send has failed.
//!
//! What else there is of verifications stands above the outbox; this stands below it.

use std::collections::HashMap;

use super::batch::BatchWrite;
use super::{Change, Query, Result, Row, Store, Value, params};
use crate::crypto::Aad;
use crate::model::{MessageId, Millis, Secret, VerificationId};

/// The code of a verification that is pending.
#[derive(Clone)]
pub struct SealedCode {
    pub sealed: Vec<u8>,
    /// From then on it opens nothing.
    pub expires_ms: Millis,
}

/// A code that was just made, for whoever sends it as soon as it is stored.
pub struct FreshCode {
    pub code: Secret,
    /// From then on it opens nothing.
    pub expires_ms: Millis,
}

/// Where a code lies sealed; `row`: its verification, in hex.
pub fn place(row: &str) -> Aad<'_> {
    Aad { table: "sb_verification", row, column: "code" }
}

/// Looks codes up together with its neighbours, as hot writes are written. `None`: the verification is over, or there is
/// none.
pub struct CodeReader {
    pub store: Store,
}

impl BatchWrite for CodeReader {
    type Item = VerificationId;
    type Done = Option<SealedCode>;
    type Answer = Option<SealedCode>;

    async fn write(&self, items: &[VerificationId]) -> Result<Vec<Option<SealedCode>>> {
        let sql = "SELECT id, code, expires_ms FROM sb_verification WHERE status = 'pending' AND code IS NOT NULL \
                   AND id IN ({})";
        let keys = items.iter().map(Value::from).collect();
        let rows = self.store.look_up(vec![Query::over(sql, &[], keys)]).await?.concat();
        let code = |row: &Row| -> Result<(VerificationId, SealedCode)> {
            Ok((row.id(0)?, SealedCode { sealed: row.bytes(1)?.to_vec(), expires_ms: row.int(2)? }))
        };
        let found: HashMap<VerificationId, SealedCode> = rows.iter().map(code).collect::<Result<_>>()?;
        Ok(items.iter().map(|id| found.get(id).cloned()).collect())
    }

    fn finish(&self, _item: Self::Item, done: Self::Done) -> Self::Answer {
        done
    }
}

/// A send has failed: it does not count, and whatever the verification falls back to is due. Once only for each,
/// and only while it is pending.
#[must_use]
pub(super) fn send_failed(change: Change, message: MessageId, verification: VerificationId, at_ms: Millis) -> Change {
    let is_new = "EXISTS (SELECT 1 FROM sb_verification_send s WHERE s.message_id = ? AND s.failed_ms IS NULL)";
    let uncount = format!(
        "UPDATE sb_verification SET sends = sends - 1, changed_ms = ? WHERE id = ? AND status = 'pending' AND sends > 0 \
         AND {is_new}"
    );
    let again = format!("UPDATE sb_verification_fallback SET due_ms = ? WHERE verification_id = ? AND {is_new}");
    let fall_back = format!(
        "INSERT INTO sb_verification_fallback (verification_id, due_ms) SELECT v.id, ? FROM sb_verification v \
         WHERE v.id = ? AND v.status = 'pending' AND {is_new} \
         AND NOT EXISTS (SELECT 1 FROM sb_verification_fallback f WHERE f.verification_id = v.id)"
    );
    let mark = "UPDATE sb_verification_send SET failed_ms = ? WHERE message_id = ? AND failed_ms IS NULL";
    change
        .run(uncount, params![at_ms, verification, message])
        .run(again, params![at_ms, verification, message])
        .run(fall_back, params![at_ms, verification, message])
        .run(mark, params![at_ms, message])
}
