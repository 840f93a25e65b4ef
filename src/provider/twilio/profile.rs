//! What Twilio is and can do.

use crate::provider::{
    CarrierFeature, CarrierProfile, CarrierWebhookPath, CredentialField, OPTED_OUT, PostKind, WebhookReply,
};

/// There is nothing more to do: no reply to a message of a person's, no call to go on with.
const DONE: WebhookReply =
    WebhookReply::Content { content_type: "text/xml", body: "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>" };
/// UTF-16 units of a `Body`, WhatsApp's too (<https://www.twilio.com/docs/api/errors/21617>).
const LONGEST_TEXT: usize = 1600;

/// Codes that say that the account is at fault, whatever it sends (<https://www.twilio.com/docs/api/errors>).
const ACCOUNT_CODES: &[i64] = &[
    10_001, // the account is not active
    20_003, // its credentials are not good, or not for this
    20_005, // it is not active: no money, or not begun
    20_006, // the credentials lack the right
    20_008, // they are those for tests
    20_403, // it is suspended or closed
    30_002, // it was suspended before the message left
    63_038, // it has had its messages for today
    70_051, // the key lacks the right, or is none
    90_010, // it is not active
];

/// Codes that say that a sender is none of the account's, or cannot text.
const SENDER_CODES: &[i64] = &[
    21_601, // it is not a number of the account's that can text
    21_606, // the same, for this destination
    21_659, // it is no number of Twilio's
    21_660, // it is another account's
    21_661, // it cannot text
];

pub(super) const PROFILE: &CarrierProfile = &CarrierProfile {
    name: "twilio",
    title: "Twilio",
    credentials: &[
        CredentialField { name: "account_sid", title: "account SID", is_secret: false, is_required: true },
        CredentialField { name: "auth_token", title: "auth token", is_secret: true, is_required: true },
        CredentialField { name: "api_key", title: "API key", is_secret: false, is_required: false },
        CredentialField { name: "api_secret", title: "API secret", is_secret: true, is_required: false },
    ],
    credentials_words: "account_sid, auth_token and, for an API key, api_key and api_secret",
    account_field: Some("account_sid"),
    proof_field: Some("auth_token"),
    webhooks: &[
        CarrierWebhookPath { path: "sms", what: PostKind::Text, reply: DONE },
        CarrierWebhookPath { path: "status", what: PostKind::Receipt, reply: WebhookReply::NoContent },
        CarrierWebhookPath { path: "voice", what: PostKind::Call, reply: DONE },
        CarrierWebhookPath { path: "dial", what: PostKind::Dial, reply: DONE },
    ],
    features: &[CarrierFeature::List, CarrierFeature::LookUp, CarrierFeature::Calls, CarrierFeature::Whatsapp],
    resends: true,
    longest_text: Some(LONGEST_TEXT),
    opt_out_codes: &[OPTED_OUT],
    account_codes: ACCOUNT_CODES,
    sender_codes: SENDER_CODES,
    // what rate it allows depends on the numbers
    ..CarrierProfile::PLAIN
};
