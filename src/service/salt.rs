//! The backend's hashing salt: configured, or read from its own database when first needed.

use tokio::sync::OnceCell;

use crate::model::Secret;
use crate::store::{Error, Store, backend};

pub(super) struct BackendSalt {
    backend: Store,
    cell: OnceCell<Secret>,
}

impl BackendSalt {
    /// `salt` from the configuration; empty means the backend's `credentials` row 1.
    pub(super) fn new(backend: Store, salt: Secret) -> Self {
        let cell = if salt.is_empty() { OnceCell::new() } else { OnceCell::new_with(Some(salt)) };
        Self { backend, cell }
    }

    pub(super) async fn read(&self) -> Result<Secret, Error> {
        let read = || async {
            let missing = || Error::Refused("the backend has no hashing salt: set backend.hashing_salt".into());
            backend::hashing_salt(&self.backend).await?.ok_or_else(missing)
        };
        Ok(self.cell.get_or_try_init(read).await?.clone())
    }
}
