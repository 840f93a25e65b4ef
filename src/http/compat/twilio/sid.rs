//! Twilio's names of our ids: two letters that say of what, and the same 32 hex digits.

use crate::model::{
    ClientId, InteractionId, LimitBucketId, MessageId, NumberId, ParticipantId, PoolId, SafeListEntryId, SessionId,
    VerificationId, VerificationLimitId, VerificationServiceId, VerificationTemplateId,
};

pub(super) fn account(client: ClientId) -> String {
    format!("AC{}", client.hex())
}

pub(super) fn call(id: MessageId) -> String {
    format!("CA{}", id.hex())
}

pub(super) fn safe_list_entry(id: SafeListEntryId) -> String {
    format!("GN{}", id.hex())
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

/// Writing and reading the name of one kind of thing, of which there is one name here.
macro_rules! sids {
    ($($(#[$doc:meta])* $name:ident, $parse:ident: $id:ident = $prefix:literal;)+) => {$(
        $(#[$doc])*
        pub(super) fn $name(id: $id) -> String {
            format!(concat!($prefix, "{}"), id.hex())
        }

        pub(super) fn $parse(sid: &str) -> Option<$id> {
            $id::from_hex(&sid.strip_prefix($prefix)?.to_ascii_lowercase()).ok()
        }
    )+};
}

sids! {
    /// A service of Proxy is a pool here.
    service, parse_service: PoolId = "KS";
    phone_number, parse_phone_number: NumberId = "PN";
    session, parse_session: SessionId = "KC";
    participant, parse_participant: ParticipantId = "KP";
    interaction, parse_interaction: InteractionId = "KI";
    /// A session as Conversations has it; so of the next two.
    conversation, parse_conversation: SessionId = "CH";
    conversation_participant, parse_conversation_participant: ParticipantId = "MB";
    conversation_message, parse_conversation_message: InteractionId = "IM";
    /// A service of Verify; so of the next.
    verify_service, parse_verify_service: VerificationServiceId = "VA";
    verification, parse_verification: VerificationId = "VE";
    /// A message that carries a code, or a call.
    attempt, parse_attempt: MessageId = "VL";
    rate_limit, parse_rate_limit: VerificationLimitId = "RK";
    bucket, parse_bucket: LimitBucketId = "BL";
    template, parse_template: VerificationTemplateId = "HJ";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sids_are_read_as_they_are_written_in_either_case() {
        let id = PoolId::new(1_000);
        assert_eq!(parse_service(&service(id)), Some(id));
        assert_eq!(parse_service(&format!("KS{}", id.hex().to_uppercase())), Some(id));
        for wrong in ["", "KS", &id.hex(), &format!("MG{}", id.hex()), &format!("KS{}0", id.hex()), "KSé"] {
            assert_eq!(parse_service(wrong), None, "{wrong}");
        }
    }
}
