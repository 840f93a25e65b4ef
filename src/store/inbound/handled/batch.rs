//! Which texts that have been handled are written in one commit.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{HandledText, HandledTextsResult};
use crate::model::{InboundId, SessionId};
use crate::store::Error;
use crate::store::message::Message;
use crate::store::outbox::intake::MessageWithSendPermit;

/// Copies of one commit, about: what else is written does not wait for more.
const COPIES: usize = 128;

/// The same with permits to send its copies at once.
pub(super) struct PermittedText<T> {
    pub(super) text: HandledText,
    pub(super) copies: Vec<MessageWithSendPermit<T>>,
}

/// Texts of one commit, and how often it has raced.
pub(super) struct HandledTextBatch<T> {
    pub(super) texts: Vec<PermittedText<T>>,
    pub(super) races: u32,
}

/// How far the writing of texts has come.
#[derive(Default)]
pub(super) struct HandledTextsCourse {
    pub(super) result: HandledTextsResult,
    /// Sessions of which it is told already that they are under way.
    pub(super) under_way: BTreeSet<SessionId>,
    /// For how long it still waits for a store that is away.
    pub(super) patience: Duration,
}

impl<T> PermittedText<T> {
    pub(super) fn asking(mut text: HandledText, permit: &impl Fn(&Message) -> Option<T>) -> Self {
        let copies = std::mem::take(&mut text.prepared.copies).into_iter();
        let copies = copies.map(|copy| MessageWithSendPermit::asking(copy, permit)).collect();
        Self { text, copies }
    }
}

impl<T> HandledTextBatch<T> {
    /// A half of one that has raced as a whole before.
    pub(super) fn of_half(texts: Vec<PermittedText<T>>) -> Self {
        let races = u32::from(texts.len() > 1);
        Self { texts, races }
    }
}

/// Texts by commits, in their order: so many that each has not too many copies.
pub(super) fn by_commit(texts: Vec<HandledText>) -> Vec<Vec<HandledText>> {
    let mut commits: Vec<Vec<HandledText>> = Vec::new();
    let mut copies = 0;
    for text in texts {
        let more = text.prepared.copies.len();
        copies += more;
        match commits.last_mut().filter(|_| copies <= COPIES) {
            Some(commit) => commit.push(text),
            None => {
                copies = more;
                commits.push(vec![text]);
            }
        }
    }
    commits
}

/// That nothing is written of these.
pub(super) fn failed<T>(batch: &HandledTextBatch<T>, error: Error) -> Vec<(InboundId, Error)> {
    let mut ids = batch.texts.iter().map(|text| text.text.job.id());
    let first = ids.next();
    let others: Vec<_> = ids.map(|id| (id, Error::Unavailable(error.to_string()))).collect();
    first.map(|id| (id, error)).into_iter().chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_without_copies_share_a_commit_however_many() {
        let texts = (0..300).map(|nth| HandledText::as_it_came(InboundId::new(nth))).collect();
        assert_eq!(by_commit(texts).iter().map(Vec::len).collect::<Vec<_>>(), [300]);
        assert!(by_commit(Vec::new()).is_empty());
    }

    #[test]
    fn who_fails_together_is_told_one_by_one() {
        let texts = [1, 2].map(|nth| HandledText::as_it_came(InboundId::first_of(nth)));
        let texts = texts.map(|text| PermittedText::<()> { text, copies: Vec::new() }).into_iter().collect();
        let told = failed(&HandledTextBatch { texts, races: 0 }, Error::Conflict);
        assert_eq!([told[0].0, told[1].0], [1, 2].map(InboundId::first_of));
        assert!(told[0].1.is_race() && told[1].1.will_pass());
    }
}
