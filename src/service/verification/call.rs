//! Codes that are spoken: a call asks for a key before it says anything, and then our own path says the code, digit by
//! digit. Nothing of the call holds the code: no URL, no instructions, no row but the sealed one.

use std::sync::Arc;

use crate::model::template::{Locale, VoiceWords};
use crate::model::{
    AccountId, CallOptions, CallPlan, KeyQuestion, MessageContent, MessageId, PublicOrigin, SecretReference,
    SpeechVoice, VerificationRefusal, VoiceResponse,
};
use crate::provider::CarrierKind;
use crate::service::directory::Directory;
use crate::service::message::MessageDraft;
use crate::service::vault::{CodeVault, VaultAnswer};
use crate::service::{Error, Result};
use crate::store::message;

/// Where a carrier asks what to say: `/verify-call/<message>?locale=fr`, and `&key=none` where it waits for no key.
pub const KEY_PATH: &str = "verify-call";
/// How long a key is waited for; whoever answers is asked twice.
const PATIENCE_SECS: u16 = 8;
/// Between the first time and the second.
const PAUSE_SECS: u16 = 1;

/// Places the calls that speak codes, and says what they say.
pub struct CodeCalls {
    /// Where carriers find this server.
    pub origin: PublicOrigin,
    /// Whether they can: `http.public_url` is set.
    pub is_public: bool,
    pub directory: Arc<Directory>,
    pub vault: Arc<CodeVault>,
}

/// How a code is told on the telephone.
#[derive(Clone, Copy, Debug)]
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
        if !self.is_public && !self.is_inside(draft.account()) {
            let reason = "calls need http.public_url: their carrier asks this server what to say once a key is pressed";
            return Err(Error::verification(VerificationRefusal::Channel, reason));
        }
        let twiml = self.beginning(call);
        let saying = |content: &MessageContent| {
            let plan = CallPlan { twiml: Some(twiml), ..content.call.clone().unwrap_or_default() };
            Some(MessageContent { call: Some(plan), ..content.clone() })
        };
        Ok(draft.under(call.message).holding(saying))
    }

    /// Whether an account is at the carrier in this process, which asks for nothing.
    fn is_inside(&self, account: AccountId) -> bool {
        let entries = self.directory.current();
        entries.handle(account).is_some_and(|handle| handle.connector.kind() == CarrierKind::Loopback)
    }

    /// What whoever answers hears first.
    fn beginning(&self, call: &CodeCall<'_>) -> String {
        let words = VoiceWords::of(call.locale);
        let (message, locale) = (call.message.hex(), call.locale.name());
        let url = format!("{}/{KEY_PATH}/{message}?locale={locale}", self.origin);
        let response = VoiceResponse::default();
        if !call.waits_for_key {
            let greeted = match call.name {
                Some(name) => response.say(name, voice(words)),
                None => response,
            };
            return greeted.redirect(&format!("{url}&key=none")).to_string();
        }
        let said = call.name.map_or_else(|| words.press_key.to_owned(), |name| format!("{name}. {}", words.press_key));
        let question = KeyQuestion { said: &said, voice: voice(words), timeout_secs: PATIENCE_SECS, action: &url };
        response.ask_key(question).ask_key(question).say(words.goodbye, voice(words)).hang_up().to_string()
    }

    /// What a call says whose carrier asks, in TwiML: its code, while that opens something, where a key was pressed.
    /// `accounts`: whose carrier it is that asks. [`ErrorKind::NotFound`](crate::service::ErrorKind::NotFound): they
    /// have no such call.
    pub async fn answer(
        &self,
        call: MessageId,
        accounts: &[AccountId],
        (locale, is_pressed): (Locale, bool),
    ) -> Result<String> {
        let unknown = || Error::not_found("call");
        let (account, content) = message::going_with(&self.directory.store, call).await?.ok_or_else(unknown)?;
        let verification = content.secret.as_ref().and_then(SecretReference::verification);
        let verification = verification.filter(|_| accounts.contains(&account)).ok_or_else(unknown)?;
        let (words, response) = (VoiceWords::of(locale), VoiceResponse::default());
        let answer = if is_pressed { self.vault.look(verification).await? } else { VaultAnswer::Over };
        let response = match answer {
            VaultAnswer::Code { code, .. } => {
                let digits = words.spoken(code.expose());
                let first = response.say(words.your_code, voice(words)).say(&digits, voice(words));
                first.pause(PAUSE_SECS).say(words.again, voice(words)).say(&digits, voice(words))
            }
            VaultAnswer::Expired | VaultAnswer::Over => response,
        };
        Ok(response.say(words.goodbye, voice(words)).hang_up().to_string())
    }
}

/// In the language of these words, by whichever voice the carrier has for it.
fn voice(words: &VoiceWords) -> SpeechVoice<'static> {
    SpeechVoice { voice: None, language: Some(words.language) }
}
