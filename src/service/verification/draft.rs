//! The text of a code, or the call that speaks it: as it is to be sent, and nothing of it written yet.

use super::call::CodeCall;
use super::send::{CodeNote, PreparedCode};
use super::template::{CodeText, TextWanted};
use super::{CodeCalls, Verifications, whatsapp};
use crate::model::{AccountId, Address, CodeChannel, DurationSetting, MessageId, PoolId, VerificationTemplateId};
use crate::service::Result;
use crate::service::message::{Order, OrderSecret, SenderChoice};
use crate::store::code::FreshCode;
use crate::store::outbox::intake::NewMessage;
use crate::store::verification::intake::CodeTurn;
use crate::store::verification::send::failed_by;

impl Verifications {
    pub(super) async fn text(&self, code: &PreparedCode, note: &CodeNote<'_>) -> Result<CodeText> {
        let (of, extra) = (&code.after, &code.after.extra);
        let template = extra.template.as_deref().and_then(|id| VerificationTemplateId::from_hex(id).ok());
        let wanted = TextWanted {
            client: of.client,
            name: extra.name.as_deref().unwrap_or_default(),
            country: code.origin.region(),
            locale: extra.locale.as_deref(),
            template,
            message: extra.message.as_deref(),
            substitutions: &extra.substitutions,
            warning: note.service.warning,
            app_hash: extra.app_hash.as_deref(),
            web_otp_host: extra.web_otp_host.as_deref(),
            ttl_ms: of.expires_ms - code.at_ms,
            code_length: usize::try_from(of.code_length).unwrap_or_default(),
        };
        match &code.turn {
            CodeTurn::First { .. } => self.parts.templates.text(&wanted).await,
            CodeTurn::Again { .. } => self.parts.templates.text_again(&wanted).await,
        }
    }

    /// The message that carries it: routed and priced, and nothing of it written yet.
    pub(super) async fn message(&self, code: &PreparedCode, note: &CodeNote<'_>, text: CodeText) -> Result<NewMessage> {
        let (parts, of) = (&self.parts, &code.after);
        let is_call = of.channel == CodeChannel::Call;
        let length = usize::try_from(of.code_length).unwrap_or_default();
        let left_ms = (of.expires_ms - code.at_ms).unsigned_abs();
        let order = Order {
            from: of.extra.from.as_deref().map(sender),
            body: if is_call { String::new() } else { text.body },
            valid_for: Some(DurationSetting::from_millis(left_ms)),
            callback_url: code.callback_url.clone(),
            call: is_call.then(|| CodeCalls::silent(of.extra.send_digits.clone())),
            secret: Some(OrderSecret { verification: of.id, length }),
            ..Order::new(of.channel.channel(), note.to.clone())
        };
        let failed: Vec<AccountId> = match code.turn {
            CodeTurn::First { .. } => Vec::new(),
            CodeTurn::Again { .. } => failed_by(&parts.store, of.id).await?,
        };
        let draft = parts.relay.draft_code(note.consumer, order, &failed).await?;
        let draft = match of.channel {
            CodeChannel::Sms => draft,
            CodeChannel::Whatsapp => {
                let languages = (of.extra.locale.as_deref(), text.locale.name());
                whatsapp::templated(&parts.relay.directory, draft, languages)?
            }
            CodeChannel::Call => {
                let call = CodeCall {
                    message: MessageId::new(code.at_ms),
                    locale: text.locale,
                    name: of.extra.name.as_deref(),
                    waits_for_key: note.service.dtmf,
                };
                parts.calls.spoken(draft, &call)?
            }
        };
        let fresh = code.code.clone().map(|code| FreshCode { code, expires_ms: of.expires_ms });
        Ok(NewMessage { code: fresh, ..parts.relay.messages.part_of(draft) })
    }
}

/// A sender as it was kept.
fn sender(text: &str) -> SenderChoice {
    match text.strip_prefix("pool ").map(PoolId::from_hex) {
        Some(Ok(pool)) => SenderChoice::Pool(pool),
        _ => SenderChoice::Address(Address::stored(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::verification::order::sender_text;

    #[test]
    fn a_sender_is_read_as_it_was_kept() {
        let pool = PoolId::new(7);
        assert!(matches!(sender(&sender_text(&SenderChoice::Pool(pool))), SenderChoice::Pool(found) if found == pool));
        for text in ["+15005550006", "40404", "pool", "pool x"] {
            let kept = sender_text(&SenderChoice::Address(Address::stored(text)));
            assert!(matches!(sender(&kept), SenderChoice::Address(found) if found.as_str() == text), "{text}");
        }
    }
}
