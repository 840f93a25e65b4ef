//! Which verification is pending under a name: `sb_verification_pending`.

use std::collections::HashMap;

use super::{COLUMNS, Verification, WIDTH};
use crate::crypto::hash;
use crate::model::{Address, ClientId, VerificationServiceId};
use crate::store::batch::BatchWrite;
use crate::store::{Query, Result, Row, Store, Value};

/// By what a verification is found while it is pending.
#[derive(Clone, Copy, Debug)]
pub enum PendingName<'a> {
    Number(&'a Address),
    /// The caller's own, at the older door.
    AuthId(&'a str),
}

/// A hash of a name, and of whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PendingKey([u8; 32]);

impl PendingKey {
    /// A number is found in all forms in which carriers write it.
    pub fn of(client: ClientId, service: Option<VerificationServiceId>, name: PendingName<'_>) -> Self {
        let service = service.map(VerificationServiceId::hex).unwrap_or_default();
        let (kind, name) = match name {
            PendingName::Number(to) => ("number", to.folded()),
            PendingName::AuthId(auth_id) => ("name", auth_id.into()),
        };
        let text = format!("switchboard pending verification\0{}\0{service}\0{kind}\0{name}", client.hex());
        Self(hash::sha256(text.as_bytes()))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl From<PendingKey> for Value {
    fn from(PendingKey(bytes): PendingKey) -> Self {
        bytes.into()
    }
}

/// Bytes of a key as a row holds them.
pub(super) fn key_of(row: &Row, column: usize) -> Result<PendingKey> {
    row.array(column).map(PendingKey)
}

pub(super) const INSERT: &str = "INSERT INTO sb_verification_pending (pending_key, verification_id, expires_ms)";

/// Looks names up together with their neighbours, as hot writes are written. What one names may be over, and not be gone
/// yet. `None`: it names nothing.
pub struct PendingReader {
    pub store: Store,
}

impl BatchWrite for PendingReader {
    type Item = PendingKey;
    type Done = Option<Verification>;
    type Answer = Option<Verification>;

    async fn write(&self, items: &[PendingKey]) -> Result<Vec<Option<Verification>>> {
        let sql = format!(
            "SELECT {COLUMNS}, p.pending_key FROM sb_verification_pending p \
             JOIN sb_verification v ON v.id = p.verification_id WHERE p.pending_key IN ({{}})"
        );
        let keys = items.iter().copied().map(Value::from).collect();
        let rows = self.store.look_up(vec![Query::over(sql, &[], keys)]).await?.concat();
        let named = |row: &Row| -> Result<(PendingKey, Verification)> { Ok((key_of(row, WIDTH)?, row.read()?)) };
        let found: HashMap<PendingKey, Verification> = rows.iter().map(named).collect::<Result<_>>()?;
        Ok(items.iter().map(|key| found.get(key).cloned()).collect())
    }

    fn finish(&self, _item: Self::Item, done: Self::Done) -> Self::Answer {
        done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_of_its_kind_its_client_and_its_service() {
        let number = |text: &str| {
            let to = Address::stored(text);
            PendingKey::of(ClientId::DEMO, None, PendingName::Number(&to))
        };
        // Mexican mobiles, as carriers write them before and after 2019
        assert_eq!(number("+5215512345678"), number("+525512345678"));
        assert_ne!(number("+12065550110"), number("+12065550111"));
        let to = Address::stored("+12065550110");
        let service = Some(VerificationServiceId::new(1));
        let others = [
            PendingKey::of(ClientId::OPERATOR, None, PendingName::Number(&to)),
            PendingKey::of(ClientId::DEMO, service, PendingName::Number(&to)),
            PendingKey::of(ClientId::DEMO, None, PendingName::AuthId("+12065550110")),
        ];
        assert!(!others.contains(&number("+12065550110")));
    }
}
