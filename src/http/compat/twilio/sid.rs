//! Twilio's names of our ids: two letters that say of what, and the same 32 hex digits.

use crate::model::{ClientId, MessageId, PoolId};

pub(super) fn account(client: ClientId) -> String {
    format!("AC{}", client.hex())
}

pub(super) fn call(id: MessageId) -> String {
    format!("CA{}", id.hex())
}

pub(super) fn parse_message(sid: &str) -> Option<MessageId> {
    let hex = sid.strip_prefix("SM").or_else(|| sid.strip_prefix("MM"))?;
    MessageId::from_hex(&hex.to_ascii_lowercase()).ok()
}

pub(super) fn parse_call(sid: &str) -> Option<MessageId> {
    MessageId::from_hex(&sid.strip_prefix("CA")?.to_ascii_lowercase()).ok()
}

/// A messaging service is a pool here.
pub(super) fn parse_pool(sid: &str) -> Option<PoolId> {
    PoolId::from_hex(&sid.strip_prefix("MG")?.to_ascii_lowercase()).ok()
}
