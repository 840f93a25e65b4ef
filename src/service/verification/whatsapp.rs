//! Codes by WhatsApp: who has not written to us first is told nothing there but by a template that the carrier has
//! approved. The account says which it is in each language.

use crate::model::template::language_tag;
use crate::model::{MessageContent, VerificationRefusal};
use crate::provider::CarrierKind;
use crate::service::directory::Directory;
use crate::service::message::MessageDraft;
use crate::service::{Error, Result};

/// A draft with the template of its account by which it tells its code: in the language that was asked for, which may be
/// none of ours, or in that of our texts. The carrier in this process wants none. [`VerificationRefusal::Channel`]: the
/// account has no such template.
pub(in crate::service) fn templated(
    directory: &Directory,
    draft: MessageDraft,
    (asked, language): (Option<&str>, &str),
) -> Result<MessageDraft> {
    let entries = directory.current();
    let handle = entries.handle(draft.account()).filter(|handle| handle.connector.kind() != CarrierKind::Loopback);
    let Some(handle) = handle else { return Ok(draft) };
    let (templates, asked) = (&handle.account.whatsapp_templates, asked.and_then(language_tag));
    let Some(template) = asked.and_then(|tag| templates.of(&tag)).or_else(|| templates.of(language)) else {
        tracing::debug!(account = %handle.account.id, language, "no WhatsApp template for a code");
        let reason = format!(
            "no WhatsApp template for codes in {language} is approved: the account's whatsapp_templates names it"
        );
        return Err(Error::verification(VerificationRefusal::Channel, reason));
    };
    let telling =
        |content: &MessageContent| Some(MessageContent { template: Some(template.to_owned()), ..content.clone() });
    Ok(draft.holding(telling))
}
