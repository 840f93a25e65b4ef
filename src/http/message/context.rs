//! What the audit log has of messages and calls.

use super::shape::out;
use crate::http::{RequestParts, audit};
use crate::model::{CallId, Channel};
use crate::service::audit::AuditContext;
use crate::service::message::{Message, unsaid};

/// What an administrator does to a message, a call too, whichever door it takes. What was said is not written down:
/// nobody could redact it there.
pub(in crate::http) fn context(request: &RequestParts, action: &'static str) -> AuditContext<'static, Message> {
    audit::context(request, action, shown_unsaid)
}

/// The same of sending it.
pub(in crate::http) fn sending(request: &RequestParts, action: &'static str) -> AuditContext<'static, Message> {
    audit::context_for_client(request, action, shown_unsaid)
}

fn shown_unsaid(message: &Message) -> Option<String> {
    let message = unsaid(message);
    let mut shown = out(&message);
    if message.channel == Channel::Voice {
        shown.id = CallId::from(message.id).to_string();
    }
    audit::json(&shown)
}
