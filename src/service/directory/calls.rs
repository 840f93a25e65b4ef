//! Calls of an account at once: who tells a code waits for one that is under way, not for all that wait for one.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Calls of one account; clones share them.
#[derive(Clone)]
pub struct AccountCalls {
    all: Arc<Semaphore>,
    /// Ordinary messages stand here first: behind it no more of them wait than may call, and codes go by.
    ordinary: Arc<Semaphore>,
}

/// One call, given back when it is dropped.
pub struct AccountCall {
    _call: OwnedSemaphorePermit,
    _turn: Option<OwnedSemaphorePermit>,
}

impl AccountCalls {
    pub fn new(most: usize) -> Self {
        Self { all: Arc::new(Semaphore::new(most)), ordinary: Arc::new(Semaphore::new(most)) }
    }

    /// Waits for one. `None`: there are none any more.
    pub async fn acquire(&self, is_code: bool) -> Option<AccountCall> {
        let turn = if is_code { None } else { Some(self.ordinary.clone().acquire_owned().await.ok()?) };
        Some(AccountCall { _call: self.all.clone().acquire_owned().await.ok()?, _turn: turn })
    }

    /// The same where there is one now.
    pub fn try_acquire(&self, is_code: bool) -> Option<AccountCall> {
        let turn = if is_code { None } else { Some(self.ordinary.clone().try_acquire_owned().ok()?) };
        Some(AccountCall { _call: self.all.clone().try_acquire_owned().ok()?, _turn: turn })
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_code_goes_by_those_that_wait() {
        let calls = AccountCalls::new(2);
        let first = calls.try_acquire(false).unwrap();
        let second = calls.try_acquire(false).unwrap();
        assert!(calls.try_acquire(false).is_none() && calls.try_acquire(true).is_none());
        let mut ordinary = Box::pin(calls.acquire(false));
        assert!(ordinary.as_mut().now_or_never().is_none());
        let mut code = Box::pin(calls.acquire(true));
        assert!(code.as_mut().now_or_never().is_none());
        drop(first);
        let third = code.as_mut().now_or_never().flatten();
        assert!(third.is_some() && ordinary.as_mut().now_or_never().is_none());
        drop(second);
        assert!(ordinary.as_mut().now_or_never().flatten().is_some());
    }
}
