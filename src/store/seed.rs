//! A backend user database for development: made once, filled again without harm.

use super::{Change, Error, Result, Store, Value, params};
use crate::crypto::{backend, hash};

/// The development user of the contract.
pub const DEV_USER: &str = "111";
pub const DEV_PHONE: &str = "+237123456789";
pub const DEV_PASSWORD: &str = "dummy_password";
/// Keys of the development backend; a real backend brings its own.
const DEV_SALT: &str = "0123456789abcdef0123456789abcdef";
const DEV_SHARED_KEY: &str = "fedcba9876543210fedcba9876543210";
/// Its presence says that the users table next to it is ours to fill.
const MARKER: &str = "sb_development_seed";
const CREATED: &str = "2026-01-01 00:00:00";
/// Users written by one commit.
const BATCH: usize = 500;

const TABLES: [&str; 4] = [
    "CREATE TABLE IF NOT EXISTS users (id VARCHAR(128) NOT NULL PRIMARY KEY, password VARCHAR(255), \
     current_login DATETIME NULL, last_login DATETIME NULL, createdAt DATETIME NULL)",
    "CREATE TABLE IF NOT EXISTS usersInfos (id INT NOT NULL PRIMARY KEY, name VARCHAR(255), \
     country_code VARCHAR(255), full_phone_number VARCHAR(255), status VARCHAR(255) DEFAULT 'unverified', \
     userId VARCHAR(128), iv VARCHAR(255), createdAt DATETIME NULL, UNIQUE (userId, id), \
     FOREIGN KEY (userId) REFERENCES users (id))",
    "CREATE TABLE IF NOT EXISTS wallets (id INT NOT NULL PRIMARY KEY, username VARCHAR(255), token TEXT, \
     uniqueId VARCHAR(255), uniqueIdHash VARCHAR(255) UNIQUE, iv VARCHAR(255), userId VARCHAR(128), \
     platformId INT, createdAt DATETIME NULL, UNIQUE (userId, platformId), \
     FOREIGN KEY (userId) REFERENCES users (id))",
    "CREATE TABLE IF NOT EXISTS credentials (id INT NOT NULL PRIMARY KEY, shared_key TEXT, hashing_salt TEXT, \
     createdAt DATETIME NULL)",
];

#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    #[error("there is a users table that `seed` did not make; give it a database of its own")]
    NotOurs,
    #[error(transparent)]
    Store(#[from] Error),
}

/// Makes the tables and the development user, then users `load-000001`… up to `users` in all.
/// `progress` is told how many of them there are.
pub async fn seed(backend: &Store, users: usize, progress: &(dyn Fn(usize) + Sync)) -> Result<(), SeedError> {
    if !backend.has_table(MARKER).await? {
        if backend.has_table("users").await? {
            return Err(SeedError::NotOurs);
        }
        run(backend, format!("CREATE TABLE IF NOT EXISTS {MARKER} (made_by VARCHAR(64) NOT NULL)")).await?;
    }
    for ddl in TABLES {
        run(backend, ddl.to_owned()).await?;
    }
    credentials(backend).await?;
    dev_user(backend).await?;
    progress(1);
    load_users(backend, users, progress).await?;
    Ok(())
}

/// DDL outside of what [`Change`] promises: MySQL commits it at once.
async fn run(backend: &Store, sql: String) -> Result<()> {
    backend.commit(Change::new().run(sql, Vec::new())).await
}

async fn credentials(backend: &Store) -> Result<()> {
    let insert = "INSERT INTO credentials (id, shared_key, hashing_salt, createdAt) VALUES (1, ?, ?, ?)";
    backend.commit_once(Change::new().one(insert, params![DEV_SHARED_KEY, DEV_SALT, CREATED])).await
}

async fn dev_user(backend: &Store) -> Result<()> {
    let mut change = user(Change::new(), 1, DEV_USER, "dummy_name", DEV_PHONE);
    for (id, platform) in [(1_i64, 1_i64), (2, 2)] {
        let unique = format!("dummy_user_{platform}@example.org");
        let sealed = |text: &str| backend::seal_column(DEV_SHARED_KEY, text);
        let (name, token) = (sealed("dummy_user")?, sealed(r#"{"access_token":"dummy"}"#)?);
        let (unique, hash) = (sealed(&unique)?, hash::backend(DEV_SALT, &unique));
        let sql = "INSERT INTO wallets (id, username, token, uniqueId, uniqueIdHash, iv, userId, platformId, \
                   createdAt) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let iv = Value::Null;
        change = change.one(sql, params![id, name, token, unique, hash, iv, DEV_USER, platform, CREATED]);
    }
    backend.commit_once(change).await
}

fn user(change: Change, number: i64, id: &str, name: &str, phone: &str) -> Change {
    let login = "INSERT INTO users (id, password, createdAt) VALUES (?, ?, ?)";
    let info = "INSERT INTO usersInfos (id, name, country_code, full_phone_number, status, userId, createdAt) \
                VALUES (?, ?, '+237', ?, 'verified', ?, ?)";
    change
        .one(login, params![id, hash::backend(DEV_SALT, DEV_PASSWORD), CREATED])
        .one(info, params![number, name, hash::backend(DEV_SALT, phone), id, CREATED])
}

/// The id of the `n`th load-test user, counting from 1.
pub fn load_user(n: usize) -> String {
    format!("load-{n:06}")
}

async fn load_users(backend: &Store, users: usize, progress: &(dyn Fn(usize) + Sync)) -> Result<()> {
    // batches commit whole, so what is there is a prefix
    let rows = backend.query("SELECT COUNT(*) FROM users WHERE id LIKE 'load-%'", Vec::new()).await?;
    let mut done = usize::try_from(rows.first().map_or(Ok(0), |row| row.int(0))?).unwrap_or(0);
    let password = hash::backend(DEV_SALT, DEV_PASSWORD);
    while done < users {
        let batch = done + 1..=users.min(done + BATCH);
        done = *batch.end();
        let user = |n| params![load_user(n), password.as_str(), CREATED];
        let info = |n: usize| {
            let phone = hash::backend(DEV_SALT, &format!("+2376{n:08}"));
            params![i64::try_from(n).unwrap_or(i64::MAX) + 1, phone, load_user(n), CREATED]
        };
        let change = Change::new()
            .insert("INSERT INTO users (id, password, createdAt)", batch.clone().map(user).collect())
            .insert_as(
                "INSERT INTO usersInfos (id, name, country_code, full_phone_number, status, userId, createdAt)",
                "(?, 'load', '+237', ?, 'verified', ?, ?)",
                batch.map(info).collect(),
            );
        backend.commit(change).await?;
        progress(done + 1);
    }
    Ok(())
}
