//! The backend user database: it belongs to another program, so it is only read.

use super::{Error, Query, Result, Row, Store};
use crate::model::{Secret, UserId};

/// What a login needs of a user.
pub struct Login {
    /// How the password was stored.
    pub password: Secret,
    /// The backend's hash of the whole phone number.
    pub phone_hash: String,
    /// The platforms for which the user has stored a grant.
    pub granted_platforms: Vec<i64>,
}

/// The user's login, where exactly one verified phone number belongs to it.
pub async fn login(backend: &Store, user: &UserId) -> Result<Option<Login>> {
    let answers = backend.read(vec![login_query(user), grants_query(user)]).await?;
    let [logins, grants] = answers.as_slice() else { return Err(Error::Data("two answers".into())) };
    let [row] = logins.as_slice() else { return Ok(None) };
    // the backend's collation may call `ABC` and `abc` equal; we do not
    let is_same = row.text(0)? == user.as_str();
    let (Some(password), Some(phone_hash)) = (row.maybe_text(1)?, row.maybe_text(2)?) else { return Ok(None) };
    let (password, phone_hash) = (Secret::new(password.to_owned()), phone_hash.to_owned());
    Ok(is_same.then_some(Login { password, phone_hash, granted_platforms: platforms(grants)? }))
}

fn login_query(user: &UserId) -> Query {
    let sql = "SELECT u.id, u.password, i.full_phone_number FROM users u \
               JOIN usersInfos i ON i.userId = u.id WHERE u.id = ? AND i.status = 'verified' LIMIT 2";
    Query::new(sql, vec![user.as_str().into()])
}

fn grants_query(user: &UserId) -> Query {
    Query::new("SELECT DISTINCT platformId FROM wallets WHERE userId = ?", vec![user.as_str().into()])
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
    let query = Query::new("SELECT hashing_salt FROM credentials WHERE id = 1", Vec::new());
    let rows = backend.read(vec![query]).await?.concat();
    let Some(row) = rows.first() else { return Ok(None) };
    Ok(row.maybe_text(0)?.map(|salt| Secret::new(salt.to_owned())))
}
