//! What Telnyx is and can do.

use crate::provider::{CarrierProfile, CarrierWebhookPath, CredentialField, PostKind, WebhookReply};

/// The recipient has opted out: "Blocked due to STOP message"
/// (<https://developers.telnyx.com/docs/messaging/messages/error-codes>).
const OPTED_OUT: i64 = 40_300;
/// The key is missing or not good (<https://developers.telnyx.com/development/api-fundamentals/api-errors>).
const UNAUTHENTICATED: i64 = 10_009;

pub(super) const PROFILE: &CarrierProfile = &CarrierProfile {
    name: "telnyx",
    title: "Telnyx",
    base_url: Some("https://api.telnyx.com"),
    credentials: &[
        CredentialField { name: "api_key", title: "API key", is_secret: true, is_required: true },
        CredentialField { name: "public_key", title: "public key", is_secret: false, is_required: true },
        CredentialField {
            name: "messaging_profile_id",
            title: "messaging profile ID",
            is_secret: false,
            is_required: false,
        },
    ],
    credentials_words: "api_key, public_key and, for senders that are no numbers, messaging_profile_id",
    proof_field: Some("public_key"),
    // all events of a messaging profile go to one URL: either path takes what comes
    webhooks: &[
        CarrierWebhookPath { path: "sms", what: PostKind::Text, reply: WebhookReply::Ok },
        CarrierWebhookPath { path: "status", what: PostKind::Receipt, reply: WebhookReply::Ok },
    ],
    resends: true,
    opt_out_codes: &[OPTED_OUT],
    account_codes: &[UNAUTHENTICATED],
    ..CarrierProfile::PLAIN
};
