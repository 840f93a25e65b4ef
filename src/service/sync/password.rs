//! Checks a user's password against the backend database.

use std::time::Instant;

use super::{Metrics, Result};
use crate::crypto::password::{PasswordScheme, matches};
use crate::model::{Secret, UserId};
use crate::service::cpu_pool::CpuPool;
use crate::service::salt::BackendSalt;
use crate::store::Store;
use crate::store::backend::{self, BackendUserRecord};

/// The backend's hashing salt and the pool for what is slow.
pub struct PasswordChecker {
    backend: Store,
    salt: BackendSalt,
    argon2: CpuPool,
    metrics: Metrics,
}

impl PasswordChecker {
    /// `salt` from the configuration; empty means the backend's `credentials` row 1, read when first needed.
    /// Of `at_once` checks all may wait for a core: who was let in is not turned away for a slow password.
    pub fn new(backend: Store, salt: Secret, at_once: usize, metrics: Metrics) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let salt = BackendSalt::new(backend.clone(), salt);
        // it takes tens of milliseconds of a core: few at once
        let argon2 = CpuPool::new((cores / 2).max(1), at_once);
        Self { backend, salt, argon2, metrics }
    }

    /// The login behind the password, if it fits.
    pub(super) async fn verify(&self, user: &UserId, password: Secret) -> Result<Option<BackendUserRecord>> {
        // first: a salt that cannot be read must not tell who exists
        let salt = self.salt.read().await?;
        let Some(login) = backend::login(&self.backend, user).await? else { return Ok(None) };
        let stored = login.password.clone();
        let begun = Instant::now();
        let fits = match PasswordScheme::of(stored.expose()) {
            PasswordScheme::Hmac => matches(stored.expose(), salt.expose(), password.expose()),
            PasswordScheme::Argon2id => {
                let check = move || matches(stored.expose(), salt.expose(), password.expose());
                self.argon2.run(check).await?
            }
        };
        self.metrics.password(begun.elapsed().as_secs_f64());
        Ok(fits.then_some(login))
    }
}
