//! What Flowroute is and can do.

use crate::provider::{CarrierProfile, CarrierWebhookPath, CredentialField, PostKind, WebhookReply};

pub(super) const PROFILE: &CarrierProfile = &CarrierProfile {
    name: "flowroute",
    title: "Flowroute",
    credentials: &[
        CredentialField { name: "access_key", title: "access key", is_secret: false, is_required: true },
        CredentialField { name: "secret_key", title: "secret key", is_secret: true, is_required: true },
        CredentialField { name: "webhook_token", title: "webhook token", is_secret: true, is_required: true },
    ],
    credentials_words: "access_key, secret_key and webhook_token",
    proof_field: Some("webhook_token"),
    // anything but 200 is repeated
    webhooks: &[
        CarrierWebhookPath { path: "sms", what: PostKind::Text, reply: WebhookReply::Ok },
        CarrierWebhookPath { path: "receipt", what: PostKind::Receipt, reply: WebhookReply::Ok },
    ],
    has_secret_path: true,
    resends: true,
    // "5 SMS/s"
    rate: 5,
    // its only codes are those of HTTP, and 403 says of a sender too that it is not the account's: none says more
    ..CarrierProfile::PLAIN
};
