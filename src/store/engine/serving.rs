//! The files of an embedded store; and which processes serve it: each holds a lock on one of them, which ends with the
//! process however it ends.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use super::{Error, Result};

/// A process's place among those that serve a file.
#[derive(Debug)]
pub struct ServingLock {
    file: File,
    is_alone: bool,
}

impl ServingLock {
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

/// Moves a store that nobody serves to the name that it has with `ending`, its journal with it; nothing that lies there
/// is overwritten. Where it lies now.
pub(in crate::store) fn set_aside(path: &Path, ending: &str) -> Result<PathBuf> {
    move_aside(path, ending).map_err(|error| Error::Unavailable(format!("{}: {error}", path.display())))
}

fn move_aside(path: &Path, ending: &str) -> std::io::Result<PathBuf> {
    // held until all is moved
    let serving = match File::open(beside(path, ".serving")) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        opened => Some(opened?),
    };
    if serving.as_ref().is_some_and(|serving| serving.try_lock().is_err()) {
        return Err(std::io::Error::other("another process serves it"));
    }
    let [file, wal, shm, _] = files(path);
    let aside = beside(&file, ending);
    let [aside_wal, aside_shm] = ["-wal", "-shm"].map(|part| beside(&aside, part));
    // a journal that lies there is another store's
    for taken in [&aside, &aside_wal, &aside_shm] {
        if taken.exists() {
            return Err(std::io::Error::other(format!("{} is in the way", taken.display())));
        }
    }
    // the journal first: a file without the one that it needs would be another
    for (from, to) in [(wal, aside_wal), (shm, aside_shm)] {
        if from.exists() {
            fs::rename(from, to)?;
        }
    }
    fs::rename(file, &aside)?;
    Ok(aside)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_moved_with_its_journal_and_over_nothing() -> std::io::Result<()> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("a.db");
        let write = || ["", "-wal"].iter().try_for_each(|ending| fs::write(beside(&path, ending), "x"));
        write()?;
        let lock = File::create(beside(&path, ".serving"))?;
        lock.lock_shared()?;
        assert!(move_aside(&path, ".old").is_err(), "somebody serves it");
        drop(lock);
        let aside = move_aside(&path, ".old")?;
        assert!(aside.ends_with("a.db.old") && aside.exists() && beside(&aside, "-wal").exists());
        assert!(!path.exists() && !beside(&path, "-wal").exists() && !beside(&aside, "-shm").exists());
        write()?;
        assert!(move_aside(&path, ".old").is_err() && path.exists() && beside(&path, "-wal").exists());
        Ok(())
    }
}
