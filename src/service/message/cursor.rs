//! Where a list goes on. That may be behind a message which was only passed by, and is another client's: then whoever
//! asked gets the place sealed, and learns neither an id nor a time from it.

use super::Messages;
use crate::crypto::veil;
use crate::model::MessageId;
use crate::store::message::MessagePage;

/// How a sealed place begins; no id does.
const PREFIX: &str = "cur_";

/// Behind which message a list goes on.
#[derive(Clone)]
pub struct MessageCursor {
    id: MessageId,
    sealed: Option<String>,
}

impl MessageCursor {
    pub fn id(&self) -> MessageId {
        self.id
    }

    /// As a client gets it; `plain`: how the id of a message is written that it was shown.
    pub fn text(&self, plain: impl FnOnce(MessageId) -> String) -> String {
        self.sealed.clone().unwrap_or_else(|| plain(self.id))
    }
}

impl From<MessageId> for MessageCursor {
    fn from(id: MessageId) -> Self {
        Self { id, sealed: None }
    }
}

impl Messages {
    /// Where the next page goes on, if there is one.
    pub fn next(&self, page: &MessagePage) -> Option<MessageCursor> {
        let id = page.next?;
        let is_shown = page.messages.iter().any(|message| message.id == id);
        let sealed = (!is_shown).then(|| format!("{PREFIX}{}", veil::seal(&self.parts.cursor_key, id.bits())));
        Some(MessageCursor { id, sealed })
    }

    /// A place that was handed out sealed.
    pub fn sealed(&self, text: &str) -> Option<MessageCursor> {
        let bits = veil::open(&self.parts.cursor_key, text.strip_prefix(PREFIX)?)?;
        let id = MessageId::from_hex(&format!("{bits:032x}")).ok()?;
        Some(MessageCursor { id, sealed: Some(text.to_owned()) })
    }
}
