//! What is known of described carriers, whichever they are.

use crate::provider::word::error_code_of;
use crate::provider::{CarrierProfile, CarrierWebhookPath, CredentialField, OPTED_OUT, PostKind, WebhookReply};

/// A code of a described carrier, a number or none. One that looks like ours for an opt-out says nothing of the kind:
/// which do, its description says.
pub(super) fn code_of(text: &str) -> Option<i64> {
    error_code_of(text).filter(|code| *code != OPTED_OUT)
}

pub(super) const PROFILE: &CarrierProfile = &CarrierProfile {
    name: "http",
    title: "The described carrier",
    credentials: &[
        CredentialField { name: "description", title: "description", is_secret: false, is_required: true },
        CredentialField {
            name: "secrets",
            title: "secrets that the description names, as JSON",
            is_secret: true,
            is_required: true,
        },
        CredentialField {
            name: "webhook_token",
            title: "webhook token, empty where nothing is posted",
            is_secret: true,
            is_required: true,
        },
    ],
    credentials_words: "description (JSON, or the name of one), secrets (a JSON object of texts) and webhook_token",
    proof_field: Some("webhook_token"),
    webhooks: &[
        CarrierWebhookPath { path: "sms", what: PostKind::Text, reply: WebhookReply::Ok },
        CarrierWebhookPath { path: "receipt", what: PostKind::Receipt, reply: WebhookReply::Ok },
    ],
    has_secret_path: true,
    opt_out_codes: &[OPTED_OUT],
    // each description says where it answers
    ..CarrierProfile::PLAIN
};
