//! The secrets that settings hold, or name a file of.

use super::StartError;
use crate::config::Config;
use crate::model::Secret;

/// The administrator's key under `--dev`, where only this machine can use it.
pub const DEV_TOKEN: &str = "dev-admin";

pub(super) fn admin_token(config: &Config) -> Secret {
    if config.is_dev && config.admin.token.is_empty() {
        return Secret::new(DEV_TOKEN.to_owned());
    }
    config.admin.token.clone()
}

/// The backend's hashing salt where the configuration has it; empty: it is in the backend database.
pub(crate) fn salt(config: &Config) -> Result<Secret, StartError> {
    let path = &config.backend.hashing_salt_file;
    if !config.backend.hashing_salt.is_empty() || path.is_empty() {
        return Ok(config.backend.hashing_salt.clone());
    }
    secret_file("backend.hashing_salt_file", path)
}

/// The key of the backend's encrypted columns where a file has it; empty: it is in the backend database.
pub(super) fn backend_key(config: &Config) -> Result<Secret, StartError> {
    let path = &config.backend.shared_key_file;
    if path.is_empty() { Ok(Secret::default()) } else { secret_file("backend.shared_key_file", path) }
}

/// The secret in a file that a setting names.
fn secret_file(key: &'static str, path: &str) -> Result<Secret, StartError> {
    let failed = |error: std::io::Error| StartError::File { key, path: path.to_owned(), reason: error.to_string() };
    let read = std::fs::read_to_string(path).map_err(failed)?;
    Ok(Secret::new(read.trim().to_owned()))
}
