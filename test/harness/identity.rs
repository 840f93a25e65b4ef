//! The RSA key of every usual server here: making one takes longer than all else that a start does.

use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::OnceLock;

use switchboard::crypto::ServerPrivateKey;

use super::Result;

static PEM: OnceLock<String> = OnceLock::new();

/// Puts the key where a server looks for its own, if none is there. What a server makes of itself when it finds none
/// is for the tests of keys, which start it without this.
pub fn put(keys: &Path) -> Result {
    let path = keys.join("identity.pem");
    if path.exists() {
        return Ok(());
    }
    if PEM.get().is_none() {
        // two tests may come here at once: the first key counts
        let _ = PEM.set(ServerPrivateKey::generate()?.expose().to_owned());
    }
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(keys)?;
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    Ok(file.write_all(PEM.get().map_or("", String::as_str).as_bytes())?)
}
