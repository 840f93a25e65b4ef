//! Codes by WhatsApp: who has not written to us first is told nothing there but by a template that the carrier has
//! approved; the account says which it is, for each language.

use crate::model::template::Locale;
use crate::model::{MessageContent, VerificationRefusal};
use crate::provider::CarrierKind;
use crate::service::directory::Directory;
use crate::service::message::MessageDraft;
use crate::service::{Error, Result};

/// The draft with the template of its account by which it goes out. The loopback carrier wants none.
pub(in crate::service) fn templated(
    directory: &Directory,
    draft: MessageDraft,
    locale: Locale,
) -> Result<MessageDraft> {
    let entries = directory.current();
    let handle = entries.handle(draft.account()).ok_or_else(Error::no_route)?;
    todo
}
