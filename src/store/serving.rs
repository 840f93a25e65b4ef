//! Which processes serve an embedded store: each holds a lock on a file beside it, which ends with
//! the process however it ends.

use std::fs::{File, OpenOptions};
use std::path::Path;

use super::{Error, Result};

/// A process's place among those that serve a file.
#[derive(Debug)]
pub struct Serving {
    file: File,
    is_alone: bool,
}

impl Serving {
    /// Takes the place; alone, if nobody else has one.
    pub(super) async fn of(path: &Path) -> Result<Self> {
        // beside the store, not the store: closing that would let go of the locks that SQLite holds there
        let mut name = path.as_os_str().to_owned();
        name.push(".serving");
        blocking(move || {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&name)?;
            let is_alone = file.try_lock().is_ok();
            if !is_alone {
                file.lock_shared()?;
            }
            Ok(Self { file, is_alone })
        })
        .await
    }

    /// Whether no other process serves this store, nor can begin to.
    pub fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Lets others in beside us; none of them is alone then.
    pub async fn share(self) -> Result<Self> {
        blocking(move || {
            self.file.lock_shared()?;
            Ok(Self { file: self.file, is_alone: false })
        })
        .await
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other).flatten();
    done.map_err(|error| Error::Unavailable(error.to_string()))
}
