//! Codes that are spoken: a call asks for a key before it says anything, and then our own path says the code, digit by
//! digit. Nothing of the call holds the code: no URL, no instructions, no row but the sealed one.

use std::sync::Arc;

use crate::model::template::Locale;
use crate::model::{
    AccountId, CallOptions, CallPlan, KeyQuestion, MessageContent, MessageId, PublicOrigin, SpeechVoice,
    VerificationRefusal, VoiceResponse,
};
use crate::provider::CarrierKind;
use crate::service::directory::Directory;
use crate::service::message::MessageDraft;
use crate::service::{Error, Result};

/// Where a carrier says that a key was pressed: `/verify-call/<message>`, in hex.
pub const KEY_PATH: &str = "verify-call";
/// How long somebody is waited for who has answered; they are asked twice.
const PATIENCE_SECS: u16 = 8;

/// Places the calls that speak codes, and says what they say.
pub struct CodeCalls {
    /// Where carriers find this server.
    pub origin: PublicOrigin,
    /// Whether they can: `http.public_url` is set.
    pub is_public: bool,
    pub directory: Arc<Directory>,
}

/// How a code is told on the telephone.
pub struct CodeCall<'a> {
    /// Under which id the call goes out.
    pub message: MessageId,
    pub locale: Locale,
    /// Whose code it is: said first.
    pub name: Option<&'a str>,
    /// Whoever answers presses a key before the code is spoken.
    pub waits_for_key: bool,
}

impl CodeCalls {
    /// What an order says before it has a way: nothing. `send_digits`: pressed once somebody has answered.
    pub fn silent(send_digits: Option<String>) -> CallPlan {
        CallPlan {
            twiml: Some(VoiceResponse::default().hang_up().to_string()),
            dialing: CallOptions { send_digits, ..CallOptions::default() },
            ..CallPlan::default()
        }
    }

    /// A draft of such an order with what it is to say, under its id. What a key's own calls may say does not count:
    /// these are our words.
    pub(in crate::service) fn spoken(&self, draft: MessageDraft, call: &CodeCall<'_>) -> Result<MessageDraft> {
        if !self.is_public && !self.is_ours(draft.account()) {
            let reason = "calls need http.public_url: their carrier asks this server what to say once a key is pressed";
            return Err(Error::verification(VerificationRefusal::Channel, reason));
        }
        let twiml = self.question(call);
        let saying = |content: &MessageContent| {
            let plan = CallPlan { twiml: Some(twiml), ..content.call.clone().unwrap_or_default() };
            Some(MessageContent { call: Some(plan), ..content.clone() })
        };
        Ok(draft.under(call.message).holding(saying))
    }
}
