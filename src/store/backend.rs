//! The backend user database: it belongs to another program, so it is only read.

use super::{Query, Result, Store};
use crate::model::{Secret, UserId};

/// What a login needs of a user.
pub struct Login {
    /// How the password was stored.
    pub password: Secret,
    /// The backend's hash of the whole phone number.
    pub phone_hash: String,
}

/// The user's login, where exactly one verified phone number belongs to it.
pub async fn login(backend: &Store, user: &UserId) -> Result<Option<Login>> {
    let sql = "SELECT u.id, u.password, i.full_phone_number FROM users u \
               JOIN usersInfos i ON i.userId = u.id WHERE u.id = ? AND i.status = 'verified' LIMIT 2";
    let rows = backend.query(sql, vec![user.as_str().into()]).await?;
    let [row] = rows.as_slice() else { return Ok(None) };
    // the backend's collation may call `ABC` and `abc` equal; we do not
    let same = row.text(0)? == user.as_str();
    let (Some(password), Some(phone_hash)) = (row.maybe_text(1)?, row.maybe_text(2)?) else { return Ok(None) };
    let login = Login { password: Secret::new(password.to_owned()), phone_hash: phone_hash.to_owned() };
    Ok(same.then_some(login))
}

/// The platforms for which a user has stored a grant.
pub async fn granted_platforms(backend: &Store, user: &UserId) -> Result<Vec<i64>> {
    let sql = "SELECT DISTINCT platformId FROM wallets WHERE userId = ?";
    let rows = backend.query(sql, vec![user.as_str().into()]).await?;
    rows.iter().map(|row| row.int(0)).collect()
}

/// The hashing salt that the backend keeps in its own database.
pub async fn hashing_salt(backend: &Store) -> Result<Option<Secret>> {
    let query = Query::new("SELECT hashing_salt FROM credentials WHERE id = 1", Vec::new());
    let rows = backend.read(vec![query]).await?.concat();
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(row.maybe_text(0)?.map(|salt| Secret::new(salt.to_owned())))
}
