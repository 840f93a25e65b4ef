//! The standard library's locks, taken even after a holder has panicked.
//!
//! Nothing that these guard is left half-changed by a panic, so what one request did wrong must not fail all others.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

pub fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    /// Ends as a thread does that panics, without the panic's words in the output.
    fn give_up() {
        std::panic::resume_unwind(Box::new(()));
    }

    #[test]
    fn locks_outlive_those_who_held_them() {
        let (mutex, shared) = (Mutex::new(1), RwLock::new(1));
        thread::scope(|scope| {
            let holder = scope.spawn(|| {
                let (_held, _written) = (lock(&mutex), write(&shared));
                give_up();
            });
            assert!(holder.join().is_err());
        });
        assert!(mutex.is_poisoned() && shared.is_poisoned());
        *lock(&mutex) += 1;
        *write(&shared) += 1;
        assert_eq!((*lock(&mutex), *read(&shared)), (2, 2));
    }
}
