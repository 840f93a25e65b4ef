//! Which texts that have been handled are written in one commit.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{HandledText, HandledTextsResult};
use crate::model::{Id as _, SessionId};
use crate::store::Error;
use crate::store::message::Message;
use crate::store::outbox::intake::MessageWithSendPermit;

/// Copies of one commit, about: what else is written does not wait for more.
const COPIES: usize = 128;

/// A text with permits to send its copies at once.
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
    /// It has waited in vain.
    is_away: bool,
    /// Lanes of texts of which nothing is written: what takes turns behind them waits for them.
    held_up: BTreeSet<[u8; 16]>,
}

impl<T> PermittedText<T> {
    /// In which it takes turns: that in which it is asked about, else its session's.
    fn lane(&self) -> Option<[u8; 16]> {
        let session = || self.text.prepared.record.said.first().map(|one| one.session.bytes());
        self.text.asked.as_ref().map(|asked| asked.lane).or_else(session)
    }

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

impl HandledTextsCourse {
    pub(super) fn begin(patience: Duration) -> Self {
        Self { patience, ..Self::default() }
    }

    /// Says that nothing is written of these.
    pub(super) fn fail<T>(&mut self, batch: &HandledTextBatch<T>, error: Error) {
        self.is_away |= error.will_pass();
        self.held_up.extend(batch.texts.iter().filter_map(PermittedText::lane));
        let mut ids = batch.texts.iter().map(|text| text.text.job.id());
        let first = ids.next();
        let others = ids.map(|id| (id, Error::Unavailable(error.to_string())));
        self.result.failed.extend(others);
        self.result.failed.extend(first.map(|id| (id, error)));
    }

    /// Takes out of a batch what waits for those that have failed.
    pub(super) fn hold_back<T>(&mut self, batch: &mut HandledTextBatch<T>) {
        if !self.is_away && self.held_up.is_empty() {
            return;
        }
        let waits =
            |text: &PermittedText<T>| self.is_away || text.lane().is_some_and(|lane| self.held_up.contains(&lane));
        let (behind, texts): (Vec<_>, Vec<_>) = std::mem::take(&mut batch.texts).into_iter().partition(waits);
        batch.texts = texts;
        let why = || Error::Busy("it waits for the one before it".into());
        self.result.failed.extend(behind.into_iter().map(|text| (text.text.job.id(), why())));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ClientId, InboundId, Millis};
    use crate::store::session::asked::NewAskedText;

    #[test]
    fn texts_without_copies_share_a_commit_however_many() {
        let texts = (0..300).map(|nth| HandledText::as_it_came(InboundId::new(nth))).collect();
        assert_eq!(by_commit(texts).iter().map(Vec::len).collect::<Vec<_>>(), [300]);
        assert!(by_commit(Vec::new()).is_empty());
    }

    #[test]
    fn who_fails_together_is_told_one_by_one_and_holds_up_the_next() {
        let batch = |ids: &[Millis]| {
            let texts = ids.iter().map(|nth| HandledText::as_it_came(InboundId::first_of(*nth)));
            let texts = texts.map(|text| PermittedText::<()> { text, copies: Vec::new() }).collect();
            HandledTextBatch { texts, races: 0 }
        };
        let (mut course, mut next) = (HandledTextsCourse::default(), batch(&[3]));
        course.fail(&batch(&[1]), Error::Conflict);
        course.hold_back(&mut next);
        assert_eq!(next.texts.len(), 1, "it was said elsewhere");
        course.fail(&batch(&[2]), Error::Unavailable("gone".into()));
        course.hold_back(&mut next);
        assert!(next.texts.is_empty());
        let failed: Vec<InboundId> = course.result.failed.iter().map(|(id, _)| *id).collect();
        assert_eq!(failed, [1, 2, 3].map(InboundId::first_of));
    }

    #[test]
    fn what_is_asked_about_is_held_up_by_what_it_takes_turns_with() {
        let batch = |nth: Millis, lane: u8| {
            let id = InboundId::first_of(nth);
            let asked = NewAskedText { id, client: ClientId::OPERATOR, lane: [lane; 16], said: None, received_ms: nth };
            let text = HandledText { asked: Some(asked), ..HandledText::as_it_came(id) };
            HandledTextBatch { texts: vec![PermittedText::<()> { text, copies: Vec::new() }], races: 0 }
        };
        let (mut course, mut behind, mut beside) = (HandledTextsCourse::default(), batch(2, 7), batch(3, 8));
        course.fail(&batch(1, 7), Error::Conflict);
        course.hold_back(&mut behind);
        course.hold_back(&mut beside);
        assert_eq!((behind.texts.len(), beside.texts.len()), (0, 1));
    }
}
