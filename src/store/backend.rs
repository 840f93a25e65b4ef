//! The backend user database: it belongs to another program, so it is only read.

use super::{Error, Query, Result, Row, Store, params};
use crate::model::{Secret, UserId};

/// What a login needs of a user.
pub struct BackendUserRecord {
    /// How the password was stored.
    pub password: Secret,
    /// The backend's hash of the whole phone number.
    pub phone_hash: String,
    /// The platforms for which the user has stored a grant.
    pub granted_platforms: Vec<i64>,
}

/// The user's login, where exactly one verified phone number belongs to it.
pub async fn login(backend: &Store, user: &UserId) -> Result<Option<BackendUserRecord>> {
    let answers = backend.read(vec![login_query(user), grants_query(user)]).await?;
    let [logins, grants] = answers.as_slice() else { return Err(Error::Data("two answers".into())) };
    let [row] = logins.as_slice() else { return Ok(None) };
    // the backend's collation may call `ABC` and `abc` equal; we do not
    let is_same = row.text(0)? == user.as_str();
    let stored: (Option<Secret>, Option<String>) = row.read_from(1)?;
    let (Some(password), Some(phone_hash)) = stored else { return Ok(None) };
    Ok(is_same.then_some(BackendUserRecord { password, phone_hash, granted_platforms: platforms(grants)? }))
}

fn login_query(user: &UserId) -> Query {
    let sql = "SELECT u.id, u.password, i.full_phone_number FROM users u \
               JOIN usersInfos i ON i.userId = u.id WHERE u.id = ? AND i.status = 'verified' LIMIT 2";
    Query::new(sql, params![user.as_str()])
}

fn grants_query(user: &UserId) -> Query {
    Query::new("SELECT DISTINCT platformId FROM wallets WHERE userId = ?", params![user.as_str()])
}

fn platforms(rows: &[Row]) -> Result<Vec<i64>> {
    rows.iter().map(|row| row.int(0)).collect()
}

/// The platforms for which a user has stored a grant.
pub async fn granted_platforms(backend: &Store, user: &UserId) -> Result<Vec<i64>> {
    platforms(&backend.read(vec![grants_query(user)]).await?.concat())
}

/// The hashing salt that the backend keeps in its own database.
pub async fn hashing_salt(backend: &Store) -> Result<Option<Secret>> {
    Ok(backend.first("SELECT hashing_salt FROM credentials WHERE id = 1", Vec::new()).await?.flatten())
}

/// Whose verified phone number this is the hash of, where it is one user's alone.
pub async fn user_of_phone(backend: &Store, phone_hash: &str) -> Result<Option<UserId>> {
    let sql = "SELECT userId, full_phone_number FROM usersInfos \
               WHERE full_phone_number = ? AND status = 'verified' LIMIT 2";
    let rows = backend.query(sql, params![phone_hash]).await?;
    let [row] = rows.as_slice() else { return Ok(None) };
    let is_same = row.text(1)? == phone_hash;
    Ok(row.maybe_text(0)?.filter(|_| is_same).and_then(|user| user.parse().ok()))
}

/// A user's grant for a platform, its columns still encrypted.
#[derive(serde::Deserialize)]
pub struct EncryptedPlatformGrant {
    pub username: Option<String>,
    pub token: Option<String>,
    pub unique_id: Option<String>,
}

/// The grant that a user has stored for a platform, as it is now.
pub async fn grant(backend: &Store, user: &UserId, platform: i64) -> Result<Option<EncryptedPlatformGrant>> {
    let sql = "SELECT userId, username, token, uniqueId FROM wallets WHERE userId = ? AND platformId = ?";
    let rows = backend.query(sql, params![user.as_str(), platform]).await?;
    // the backend's collation may call `ABC` and `abc` equal; we do not
    let Some(row) = rows.iter().find(|row| row.text(0).is_ok_and(|found| found == user.as_str())) else {
        return Ok(None);
    };
    row.read_from(1).map(Some)
}

/// The key of the backend's encrypted columns that it keeps in its own database.
pub async fn shared_key(backend: &Store) -> Result<Option<Secret>> {
    Ok(backend.first("SELECT shared_key FROM credentials WHERE id = 1", Vec::new()).await?.flatten())
}
