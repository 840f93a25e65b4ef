//! Codes as they are told: opened right before that, and only while their verification is pending.
//!
//! Whoever is given one keeps it no longer than the call, or the answer, that tells it.

use std::sync::Arc;

use crate::crypto::MasterKey;
use crate::model::{Clock, Millis, Secret, VerificationId};
use crate::store::batch::BatchWriter;
use crate::store::code::{self, CodeReader};
use crate::store::{self, Store};

/// What there is to be told of a verification.
#[derive(Clone, Debug)]
pub enum VaultAnswer {
    /// Its code, which opens it until then.
    Code { code: Secret, expires_ms: Millis },
    /// Its time has passed.
    Expired,
    /// It is over, or there is none.
    Over,
}

/// Opens codes; look-ups at one time share a query.
pub struct CodeVault {
    reader: BatchWriter<CodeReader>,
    master: Arc<MasterKey>,
    clock: Clock,
}

impl CodeVault {
    pub fn new(store: Store, master: Arc<MasterKey>, clock: Clock) -> Self {
        Self { reader: BatchWriter::start(CodeReader { store }), master, clock }
    }

    pub async fn look(&self, verification: VerificationId) -> store::Result<VaultAnswer> {
        let Some(found) = self.reader.write(verification).await? else { return Ok(VaultAnswer::Over) };
        let expires_ms = found.expires_ms;
        if expires_ms <= self.clock.now_ms() {
            return Ok(VaultAnswer::Expired);
        }
        let plain = self.master.open(code::place(&verification.hex()), &found.sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| store::Error::Data("a code is no text".into()))?;
        Ok(VaultAnswer::Code { code: Secret::new(text.to_owned()), expires_ms })
    }
}
