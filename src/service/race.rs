//! Writes that others may be faster than: when they are tried again, and what is told of them.

use super::Error;
use crate::store;

/// Races with others before something is called busy.
pub(super) const RACES: usize = 20;

/// Reads, decides and writes, and does all of that again where others were faster in between. `what` is what they keep
/// changing.
pub(super) async fn settled<T, F>(what: &str, attempt: impl Fn() -> F) -> Result<T, Error>
where
    F: Future<Output = Result<T, Error>>,
{
    let is_race = |error: &Error| error.source.as_ref().is_some_and(store::Error::is_race);
    raced(is_race, attempt).await.unwrap_or_else(|| Err(Error::busy(format!("others keep changing {what}"))))
}

/// The same for what fails as the store does.
pub(super) async fn settled_in_store<T, F>(what: &str, attempt: impl Fn() -> F) -> store::Result<T>
where
    F: Future<Output = store::Result<T>>,
{
    let busy = || Err(store::Error::Busy(format!("others keep changing {what}")));
    raced(store::Error::is_race, attempt).await.unwrap_or_else(busy)
}

/// The same for what fails in its own way. `None`: others were faster each time.
pub(super) async fn raced<T, E, F>(is_race: fn(&E) -> bool, attempt: impl Fn() -> F) -> Option<Result<T, E>>
where
    F: Future<Output = Result<T, E>>,
{
    for _ in 0..RACES {
        match attempt().await {
            Err(error) if is_race(&error) => {}
            other => return Some(other),
        }
    }
    None
}

/// What came of a write, or nothing where others were faster: then it is theirs that stands.
pub(super) fn won<T>(written: store::Result<T>) -> store::Result<Option<T>> {
    match written {
        Err(error) if error.is_race() => Ok(None),
        written => written.map(Some),
    }
}

/// What came of a write, in the words of whoever asked for it.
pub(super) trait WriteResultExt<T> {
    /// Something like it is there already.
    fn on_conflict(self, told: impl FnOnce() -> Error) -> Result<T, Error>;

    /// What it needs is not there, or is another by now.
    fn on_guard(self, told: impl FnOnce() -> Error) -> Result<T, Error>;

    /// Either.
    fn on_race(self, told: impl FnOnce() -> Error) -> Result<T, Error>;
}

impl<T, E: Into<Error>> WriteResultExt<T> for Result<T, E> {
    fn on_conflict(self, told: impl FnOnce() -> Error) -> Result<T, Error> {
        told_as(self, |source| matches!(source, store::Error::Conflict), told)
    }

    fn on_guard(self, told: impl FnOnce() -> Error) -> Result<T, Error> {
        told_as(self, |source| matches!(source, store::Error::Guard(_)), told)
    }

    fn on_race(self, told: impl FnOnce() -> Error) -> Result<T, Error> {
        told_as(self, store::Error::is_race, told)
    }
}

fn told_as<T, E: Into<Error>>(
    written: Result<T, E>,
    is_it: fn(&store::Error) -> bool,
    told: impl FnOnce() -> Error,
) -> Result<T, Error> {
    written.map_err(|error| {
        let error: Error = error.into();
        if error.source.as_ref().is_some_and(is_it) { told() } else { error }
    })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::service::ErrorKind;

    async fn won_at(last: usize) -> (Result<usize, ErrorKind>, usize) {
        let tries = Cell::new(0);
        let result = settled("this", || async {
            tries.set(tries.get() + 1);
            if tries.get() < last { Err(Error::from(store::Error::Conflict)) } else { Ok(last) }
        });
        (result.await.map_err(|error| error.kind), tries.get())
    }

    #[tokio::test]
    async fn what_others_were_faster_than_is_tried_again_and_not_for_ever() {
        assert_eq!(won_at(1).await, (Ok(1), 1));
        assert_eq!(won_at(3).await, (Ok(3), 3));
        assert_eq!(won_at(1_000).await, (Err(ErrorKind::Busy), RACES));
        let refused = settled("this", || async { Err::<(), _>(Error::no_message()) }).await;
        assert!(refused.is_err_and(|error| error.kind == ErrorKind::NotFound));
    }

    #[tokio::test]
    async fn the_store_is_busy_where_others_are_faster_each_time() {
        let tries = Cell::new(0);
        let lost = settled_in_store("this", || async {
            tries.set(tries.get() + 1);
            Err::<(), _>(store::Error::Guard(0))
        });
        assert!(matches!(lost.await, Err(store::Error::Busy(told)) if told == "others keep changing this"));
        assert_eq!(tries.get(), RACES);
        assert!(matches!(settled_in_store("this", || async { Ok(1) }).await, Ok(1)));
        let away = || async { Err::<(), _>(store::Error::Unavailable(String::new())) };
        assert!(matches!(settled_in_store("this", away).await, Err(store::Error::Unavailable(_))));
    }

    #[test]
    fn a_write_that_others_were_faster_than_is_lost_and_any_other_failure_stays_one() {
        assert!(matches!(won(Ok(1)), Ok(Some(1))));
        assert!(matches!(won::<()>(Err(store::Error::Conflict)), Ok(None)));
        assert!(matches!(won::<()>(Err(store::Error::Busy(String::new()))), Err(store::Error::Busy(_))));
    }

    #[test]
    fn a_refusal_of_the_store_is_told_in_other_words_where_there_are_some() {
        let kind = |written: Result<(), Error>| written.err().map(|error| error.kind);
        let conflict = || Err::<(), _>(store::Error::Conflict);
        assert_eq!(kind(conflict().on_conflict(Error::no_message)), Some(ErrorKind::NotFound));
        assert_eq!(kind(conflict().on_race(Error::no_message)), Some(ErrorKind::NotFound));
        assert_eq!(kind(conflict().on_guard(Error::no_message)), Some(ErrorKind::Internal));
        assert_eq!(kind(conflict().on_guard(Error::no_message).on_conflict(Error::too_late)), Some(ErrorKind::TooLate));
    }
}
