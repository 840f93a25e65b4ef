//! Who besides the server's own user may use the embedded store's files and the folder of the keys. New ones are its
//! owner's alone; of those that are there, what everybody may do is taken back at the start. A group's rights are the
//! operator's to judge.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;

use crate::config::Config;
use crate::store::{StoreUrl, serving};

const OTHERS: u32 = 0o007;
const GROUP: u32 = 0o070;
/// A folder such as `/tmp`: everybody's on purpose.
const STICKY: u32 = 0o1000;

/// Something that more than its owner may use.
pub struct ExposedFile {
    pub path: PathBuf,
    /// Its mode, without the bits that say what it is.
    pub mode: u32,
}

impl ExposedFile {
    pub fn is_to_others(&self) -> bool {
        self.mode & OTHERS != 0
    }
}

/// What there is, and more than its owner may use.
pub fn open(config: &Config) -> Vec<ExposedFile> {
    let files = match &config.store.url {
        StoreUrl::Sqlite(path) => serving::files(path).to_vec(),
        StoreUrl::Mysql(_) => Vec::new(),
    };
    let found = files.into_iter().chain([config.keys.dir.clone()]).filter_map(of);
    found.filter(|open| open.mode & (OTHERS | GROUP) != 0).collect()
}

/// The files of a user database that is apart from the store, where others may use them. They are left so: it may be
/// another program's.
pub fn open_backend(config: &Config) -> Vec<ExposedFile> {
    let Ok(url) = config.backend.url.expose().parse::<StoreUrl>() else { return Vec::new() };
    match &url {
        StoreUrl::Sqlite(path) if url != config.store.url => {
            serving::files(path).into_iter().filter_map(of).filter(ExposedFile::is_to_others).collect()
        }
        StoreUrl::Sqlite(_) | StoreUrl::Mysql(_) => Vec::new(),
    }
}

/// `None`: it is not there.
fn of(path: PathBuf) -> Option<ExposedFile> {
    let mode = fs::metadata(&path).ok()?.permissions().mode() & 0o7777;
    Some(ExposedFile { path, mode })
}

/// Takes from others what they may do.
pub(super) fn close(config: &Config) {
    for open in open(config).iter().filter(|open| open.is_to_others() && open.mode & STICKY == 0) {
        let path = open.path.display();
        match fs::set_permissions(&open.path, Permissions::from_mode(open.mode & !OTHERS)) {
            Ok(()) => tracing::info!(%path, "others could use this: no longer"),
            Err(error) => tracing::warn!(%path, %error, "others may use this, and that could not be taken from them"),
        }
    }
}
