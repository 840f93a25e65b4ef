//! Numbers that this node is about to give: those who choose at the same time pass them by, and need not race for them.
//! It only saves races: the commit decides.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use crate::model::NumberId;
use crate::model::lock::lock;

/// For whom, by the hash of who they are, and which number; without a person it is for nobody else at all.
type HeldNumber = (Option<[u8; 32]>, NumberId);

/// All that are held.
#[derive(Default)]
pub(super) struct NumberHolds(Mutex<HashSet<HeldNumber>>);

/// One that is, until this is dropped.
pub(super) struct NumberHold {
    all: Arc<NumberHolds>,
    held: HeldNumber,
}

impl NumberHolds {
    pub(super) fn is_held(&self, person: Option<[u8; 32]>, number: NumberId) -> bool {
        lock(&self.0).contains(&(person, number))
    }
}

impl NumberHold {
    /// `None`: somebody else holds it.
    pub(super) fn of(all: &Arc<NumberHolds>, person: Option<[u8; 32]>, number: NumberId) -> Option<Self> {
        let held = (person, number);
        lock(&all.0).insert(held).then(|| Self { all: all.clone(), held })
    }
}

impl Drop for NumberHold {
    fn drop(&mut self) {
        lock(&self.all.0).remove(&self.held);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_holds_nobody_else_does_until_it_is_let_go() {
        let (all, number) = (Arc::new(NumberHolds::default()), NumberId::new(1));
        let (ann, ben) = (Some([1; 32]), Some([2; 32]));
        let held = NumberHold::of(&all, ann, number);
        assert!(held.is_some() && all.is_held(ann, number) && NumberHold::of(&all, ann, number).is_none());
        assert!(!all.is_held(ben, number) && NumberHold::of(&all, ben, number).is_some());
        drop(held);
        assert!(!all.is_held(ann, number) && !all.is_held(ben, number));
    }
}
