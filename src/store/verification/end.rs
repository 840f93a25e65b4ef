//! How a verification ends: it is found as it was read, its code is erased, and nothing is pending under its name.

use super::{Verification, failure, person, send};
use crate::model::{Address, Millis, VerificationStatus};
use crate::store::guard::{self, VerifiedFact};
use crate::store::{Change, Value, params};

/// What it comes to, and when.
#[derive(Clone, Copy, Debug)]
pub struct VerificationEnd {
    pub status: VerificationStatus,
    pub at_ms: Millis,
}

/// Ends a pending verification. [`crate::store::Error::Guard`]: it is another than was read.
pub fn end(change: Change, before: &Verification, end: VerificationEnd) -> Change {
    let delete = "DELETE FROM sb_verification_pending WHERE pending_key = ? AND verification_id = ?";
    give_up(change, before, end).run(delete, params![before.pending_key(), before.id]).erasing()
}

/// The same, where its name is given to another, or kept.
pub(super) fn give_up(change: Change, before: &Verification, end: VerificationEnd) -> Change {
    let sql = "UPDATE sb_verification SET status = ?, code = NULL, sequence = sequence + 1, changed_ms = ?, \
               ended_ms = ? WHERE id = ? AND sequence = ? AND status = 'pending'";
    change.one(sql, params![end.status.name(), end.at_ms, end.at_ms, before.id, before.sequence])
}

/// Ends a pending verification as proved, though no code of ours was looked at.
pub fn approve(change: Change, before: &Verification, at_ms: Millis) -> Change {
    let person = Value::from(person(before.client, &Address::stored(before.address.as_str())));
    let change = end(change, before, VerificationEnd { status: VerificationStatus::Approved, at_ms });
    let change = change.any(send::CONVERT, &[at_ms.into()], &[before.id.into()]);
    let facts: Vec<VerifiedFact> = fact(before, at_ms).into_iter().collect();
    guard::all_verified(failure::forget(change, &[person]), &facts)
}

/// What the guard is to know of whoever was proved; a test number is nobody's.
pub(super) fn fact(of: &Verification, at_ms: Millis) -> Option<VerifiedFact> {
    let to = Address::stored(of.address.as_str());
    (!of.extra.is_test).then(|| VerifiedFact::new(of.client, of.id, &to, of.extra.device_ip, at_ms))
}
