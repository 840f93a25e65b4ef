//! The files of an embedded store; and which processes serve it: each holds a lock on one of them, which ends with the
//! process however it ends.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

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
        let name = beside(path, ".serving");
        blocking(move || {
            let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&name)?;
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

/// All files of an embedded store, whether or not they are there yet.
pub fn files(path: &Path) -> [PathBuf; 4] {
    // SQLite's lie beside the file itself, ours beside its name
    let file = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    [beside(&file, ""), beside(&file, "-wal"), beside(&file, "-shm"), beside(path, ".serving")]
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await.map_err(std::io::Error::other).flatten();
    done.map_err(|error| Error::Unavailable(error.to_string()))
}
