//! Checks a user's password against the backend database.

use std::time::Instant;

use super::{Error, Metrics};
use crate::crypto::password::{Scheme, matches};
use crate::model::{Secret, UserId};
use crate::service::pool::Pool;
use crate::service::salt::Salt;
use crate::store::Store;
use crate::store::backend::{self, Login};

/// Argon2 takes tens of milliseconds of a core: few at once. When so many wait, everybody is told to
/// come back, as an answer to some only would tell who has such a password.
const ARGON2_WAITING: usize = 64;

/// The backend's hashing salt and the pool for what is slow.
pub struct Passwords {
    backend: Store,
    salt: Salt,
    argon2: Pool,
    metrics: Metrics,
}

impl Passwords {
    /// `salt` from the configuration; empty means the backend's `credentials` row 1, read when first needed.
    pub fn new(backend: Store, salt: Secret, metrics: Metrics) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let salt = Salt::new(backend.clone(), salt);
        Self { backend, salt, argon2: Pool::new((cores / 2).max(1), ARGON2_WAITING), metrics }
    }

    /// Whether a slow check would be turned away: asked before any look-up, so that the
    /// answer says nothing about a user.
    pub(super) fn is_busy(&self) -> bool {
        self.argon2.is_full()
    }

    /// The login behind the password, if it fits.
    pub(super) async fn verify(&self, user: &UserId, password: Secret) -> Result<Option<Login>, Error> {
        // first: a salt that cannot be read must not tell who exists
        let salt = self.salt.read().await?;
        let Some(login) = backend::login(&self.backend, user).await? else { return Ok(None) };
        let stored = login.password.clone();
        let begun = Instant::now();
        let fits = match Scheme::of(stored.expose()) {
            Scheme::Hmac => matches(stored.expose(), salt.expose(), password.expose()),
            Scheme::Argon2id => {
                let check = move || matches(stored.expose(), salt.expose(), password.expose());
                self.argon2.run(check).await.map_err(|_| Error::Busy)?
            }
        };
        self.metrics.password(begun.elapsed().as_secs_f64());
        Ok(fits.then_some(login))
    }
}
